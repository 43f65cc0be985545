"""Reads a YAML file into a typed value; what is wrong is told with file and line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from needlewise.errors import ContentError
from needlewise.text.yaml_text import Step, line_at, parse, read_text

T = TypeVar("T")

_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")


def read_yaml(path: Path, shape: type[T]) -> T:
    """The file's content as `shape` (a msgspec type). Raises ContentError, beginning with file:line."""
    text = read_text(path)
    data = parse(path, text)
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        steps, message = _failure(data, shape, error)
        raise ContentError(f"{path}:{line_at(text, *steps)}: {message}") from error


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
