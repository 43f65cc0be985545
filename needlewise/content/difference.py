"""What changed between two texts, line by line and said in signs."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from needlewise.content.files import as_data

Sign = Literal["+", "-", " "]

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NAMES = {
    "web": "website",
    "sms": "text message",
    "en": "",
    "unset": "where it is not set",
    "why": "“why?”",
    "how_long": "“how long?”",
    "review_by": "read again by",
    "follow_ups": "",
}
_LEFT_OUT = frozenset({"version", "topic", "allow"})


def difference(before: Any, after: Any) -> list[tuple[Sign, str]]:
    """The lines of two typed values (answers, profiles) with what was added (+) and taken away (-); a little around each."""
    old, new = list(_lines(as_data(before))), list(_lines(as_data(after)))
    found: list[tuple[Sign, str]] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(1):
        for what, old_from, old_to, new_from, new_to in group:
            if what == "equal":
                found += [(" ", line) for line in old[old_from:old_to]]
                continue
            found += [("-", line) for line in old[old_from:old_to]]
            found += [("+", line) for line in new[new_from:new_to]]
    return found


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """A sentence a line, each begun with where it stands."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _LEFT_OUT:
                shown = _NAMES.get(key, str(key).replace("_", " "))
                yield from _lines(inner, ", ".join(part for part in (name, shown) if part))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value, start=1):
            yield from _lines(inner, f"{name} {number}")
    elif isinstance(value, list):
        yield f"{name}: {', '.join(map(str, value)) or 'none'}"
    else:
        for sentence in _SENTENCE.split(str(value).strip()):
            yield f"{name}: {sentence}"
