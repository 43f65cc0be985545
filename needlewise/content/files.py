"""Reads a YAML file into a typed value; what is wrong is told with file and line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from needlewise.errors import ContentError

T = TypeVar("T")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, shape: type[T]) -> T:
    """The file's content as `shape` (a msgspec type). Raises ContentError, beginning with file:line."""
    text = _read(path)
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ContentError(f"{path}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise ContentError(f"{path}:{line_of(text, where.rstrip('`'))}: {message}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}:1: cannot be read: {error}") from error


def line_of(text: str, where: str) -> int:
    """The line of a place such as "$.en.clinic.price" in YAML text; that of its nearest parent when it is absent."""
    node: Any = yaml.compose(text, Loader=_Loader)
    line = 1
    for step in where.removeprefix("$").replace("[", ".[").strip(".").split("."):
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and step.strip("[]").isdigit():
            node = node.value[int(step.strip("[]"))]
            line = node.start_mark.line + 1
    return line


def text_by_place(data: Any, place: str = "$") -> Mapping[str, str]:
    """Every string of a nested value by its place, for checks that must point at a line."""
    if isinstance(data, str):
        return {place: data}
    found: dict[str, str] = {}
    if isinstance(data, Mapping):
        for key, value in data.items():
            found.update(text_by_place(value, f"{place}.{key}"))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            found.update(text_by_place(value, f"{place}[{index}]"))
    return found
