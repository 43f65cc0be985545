"""Reads a YAML file into a typed value; what is wrong is told with file and line."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import yaml

from needlewise.errors import ContentError

T = TypeVar("T")

Step = str | int
"""A mapping's key or a list's index on the way to a place in a file."""

_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, shape: type[T]) -> T:
    """The file's content as `shape` (a msgspec type). Raises ContentError, beginning with file:line."""
    text = read_text(path)
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ContentError(f"{path}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        steps, message = _failure(data, shape, error)
        raise ContentError(f"{path}:{line_at(text, *steps)}: {message}") from error


def read_text(path: Path) -> str:
    """The file's text. Raises ContentError where there is no such file, or none in UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}:1: cannot be read: {error}") from error


def line_at(text: str, *steps: Step) -> int:
    """The line of a place in YAML text, such as ("en", "clinic", "price"); that of its nearest parent when it is absent."""
    node: Any = _node(text)
    line = 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def doubled_keys(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of every key that a mapping of YAML text has twice: the parser would quietly keep the last."""
    nodes = [_node(text)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    yield key.start_mark.line + 1, key.value
                seen.add(key.value)
                nodes.append(value)
        elif isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)


@lru_cache(maxsize=64)
def _node(text: str) -> Any:
    return yaml.compose(text, Loader=_Loader)


def _failure(data: Any, shape: Any, error: msgspec.ValidationError) -> tuple[list[Step], str]:
    """Where and why `data` is not of this shape. msgspec does not name the key of a mapping's entry, so each is tried."""
    message, _, where = str(error).partition(" - at `")
    if isinstance(data, Mapping) and get_origin(shape) is dict and "[...]" in where:
        entry = get_args(shape)[1]
        for key, value in data.items():
            if not isinstance(key, str):
                return [], f"{key!r} must be quoted"
            try:
                msgspec.convert(value, entry, strict=True)
            except msgspec.ValidationError as reason:
                steps, message = _failure(value, entry, reason)
                return [key, *steps], message
    unknown = _UNKNOWN_KEY.search(message)
    return [*_steps(where.rstrip("`")), *(unknown.groups() if unknown else ())], message


def _steps(where: str) -> list[Step]:
    """msgspec's "$.en.items[2].id" as steps."""
    parts = where.removeprefix("$").replace("[", ".[").strip(".").split(".")
    return [int(part.strip("[]")) if part.strip("[]").isdigit() else part for part in parts if part]
