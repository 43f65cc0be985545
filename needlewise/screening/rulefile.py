"""Reading the rule file so that every complaint about it names the line."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from needlewise.errors import ContentError
from needlewise.text.yaml_text import Step, line_at, parse, read_text

_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True)
class Entry:
    """One mapping of the file. What is missing or of the wrong kind raises ContentError with file and line."""

    path: Path
    text_of_file: str
    values: dict[str, Any]
    steps: tuple[Step, ...] = ()

    def names(self) -> tuple[str, ...]:
        return tuple(self.values)

    def error(self, complaint: str) -> ContentError:
        return self._complaint(complaint)

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
        if not isinstance(value, dict):
            raise self._at(key, f"{key}: expected a mapping")
        return Entry(self.path, self.text_of_file, value, (*self.steps, key))

    def entries(self, key: str) -> Iterator["Entry"]:
        value: Any = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._at(key, f"{key}: expected a list of mappings")
        for index, item in enumerate(value):
            yield Entry(self.path, self.text_of_file, item, (*self.steps, key, index))

    def _at(self, key: str, complaint: str) -> ContentError:
        return self._complaint(complaint, *((key,) if key in self.values else ()))

    def _complaint(self, complaint: str, *steps: Step) -> ContentError:
        line = line_at(self.text_of_file, *self.steps, *steps)
        return ContentError(f"{self.path}:{line}: {complaint}")


def read_rule_file(path: Path) -> Entry:
    """The mapping that the file holds. Raises ContentError, beginning with file:line."""
    text = read_text(path)
    values = parse(path, text)
    if not isinstance(values, dict):
        raise ContentError(f"{path}:1: expected a mapping")
    return Entry(path, text, values)
