"""Reading the rule file so that every complaint about it names the line."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from needlewise.errors import ContentError

_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True)
class Entry:
    """One mapping of the file. What is missing or of the wrong kind raises ContentError with file and line."""

    path: Path
    values: CommentedMap

    def names(self) -> tuple[str, ...]:
        return tuple(self.values)

    def error(self, complaint: str) -> ContentError:
        return ContentError(f"{self.path}:{self.values.lc.line + 1}: {complaint}")

    def only(self, *allowed: str) -> None:
        """Refuse keys that nobody reads: most are slips of the pen."""
        for key in self.values:
            if key not in allowed:
                raise self._at(key, f"{key!r} is not a key of this entry")

    def text(self, key: str) -> str:
        value = self.optional_text(key)
        if value is None:
            raise self.error(f"{key!r} is missing")
        return value

    def optional_text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._at(key, f"{key}: expected text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._at(key, f"{key}: expected a list of texts")
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self._at(key, f"{key}: expected true or false")
        return value

    def optional_number(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._at(key, f"{key}: expected a whole number")
        return value

    def choice(self, key: str, kind: type[_Choice]) -> _Choice:
        value = self.optional_choice(key, kind)
        if value is None:
            raise self.error(f"{key!r} is missing")
        return value

    def optional_choice(self, key: str, kind: type[_Choice]) -> _Choice | None:
        value = self.optional_text(key)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in kind)
            raise self._at(key, f"{key}: {value!r} is none of {allowed}") from None

    def sub(self, key: str) -> "Entry":
        value = self.values.get(key)
        if not isinstance(value, CommentedMap):
            raise self._at(key, f"{key}: expected a mapping")
        return Entry(self.path, value)

    def entries(self, key: str) -> Iterator["Entry"]:
        value: Any = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, CommentedMap) for item in value):
            raise self._at(key, f"{key}: expected a list of mappings")
        for item in value:
            yield Entry(self.path, item)

    def _at(self, key: str, complaint: str) -> ContentError:
        if key not in self.values:
            return self.error(complaint)
        return ContentError(f"{self.path}:{self.values.lc.key(key)[0] + 1}: {complaint}")


def read_rule_file(path: Path) -> Entry:
    """The mapping that the file holds."""
    try:
        with path.open(encoding="utf-8") as file:
            values = YAML(typ="rt").load(file)
    except OSError as error:
        raise ContentError(f"{path}: cannot be read: {error.strerror}") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ContentError(f"{path}:{line}: {error.problem}") from error
    if not isinstance(values, CommentedMap):
        raise ContentError(f"{path}:1: expected a mapping")
    return Entry(path, values)
