"""Reads a YAML file into a typed value; what is wrong is told with file and line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import yaml

from needlewise.errors import ContentError
from needlewise.text.yaml_text import Step, line_at, parse, read_text

T = TypeVar("T")

_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")


def read_yaml(path: Path, shape: type[T]) -> T:
    """The file's content as `shape` (a msgspec type). Raises ContentError, beginning with file:line."""
    return from_yaml(read_text(path), shape, path)


def from_yaml(text: str, shape: type[T], path: Path) -> T:
    """The text of a file as `shape`. Raises ContentError, beginning with `path` and the line."""
    data = parse(path, text)
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        steps, message = _failure(data, shape, error)
        raise ContentError(f"{path}:{line_at(text, *steps)}: {message}") from error


def to_yaml(value: Any) -> str:
    """A typed value, or plain data, as the text of a file; what is as by default is left out. `from_yaml` gives the same back."""
    text: str = yaml.dump(
        as_data(value),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=False,
    )
    return text


def as_data(value: Any) -> Any:
    """A typed value as mappings, lists and scalars, without fields that are as by default."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(type(value))
        return {
            field.encode_name: as_data(getattr(value, field.name))
            for field in fields
            if not _is_default(field, getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        return {key: as_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(inner) for inner in value]
    return value


def _is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return field.default is not msgspec.NODEFAULT and bool(value == field.default)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """As the files are written by hand: several lines as a block, lists of words in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.Node:
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_items(self, items: list[Any]) -> yaml.Node:
        is_short = all(not isinstance(item, Mapping | list) for item in items)
        return self.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=is_short)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(list, _Dumper.represent_items)


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
