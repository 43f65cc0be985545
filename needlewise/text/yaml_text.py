"""YAML as data with line numbers: parsed by libyaml, and the line of a place looked up only when there is something to say."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from needlewise.errors import ContentError

Step = str | int
"""A mapping's key or a list's index on the way to a place in a file."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(path: Path, text: str) -> Any:
    """The data of a YAML text that was read from `path`. Raises ContentError, beginning with file:line."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ContentError(f"{path}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from error


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
