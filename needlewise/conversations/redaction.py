"""Messages as staff read them: names, phone numbers, addresses and the like replaced by what they are."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from needlewise.conversations.names import NameFinder, ambiguous_names, first_names, last_names
from needlewise.text.patterns import (
    find_addresses,
    find_birth_dates,
    find_emails,
    find_long_numbers,
    find_numbers,
    find_phones,
)
from needlewise.text.yaml_text import parse, read_text

NAME = "NAME"
PHONE = "PHONE"
EMAIL = "EMAIL"
ADDRESS = "ADDRESS"
DOB = "DOB"
NUMBER = "NUMBER"

# Where two kinds meet in the same words, the earlier one names the mask.
_FINDERS: tuple[tuple[str, Callable[[str], Iterator[tuple[int, int]]]], ...] = (
    (EMAIL, find_emails),
    (DOB, find_birth_dates),
    (ADDRESS, find_addresses),
    (NUMBER, find_numbers),
    (PHONE, find_phones),
    (NUMBER, find_long_numbers),
)
_PHONE_DIGITS = 10
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_NOT_DIGITS = re.compile(r"\D+")
_NOT_PLAIN = re.compile(r"[^a-z\d@]+")
_SHORTEST_WORD = 3
_TITLED = re.compile(r"\b(?:Dr|Mr|Mrs|Ms)\b\.?(?:\s[A-Z][\w'-]+){1,3}")
_NOT_OURS = frozenset(("sources", "source", "pattern", "version", "timezone", "origins"))
_NOT_READ = frozenset(("sources.yml", "claims.yml", "facts.yml"))
"""Files with authors' names or patterns rather than with what we say."""


@dataclass(frozen=True)
class Mask:
    """A stretch of the text that must not be read."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Redaction:
    """The text to read, and what was taken out of it, in order."""

    text: str
    masked: tuple[tuple[str, str], ...]  # (kind, original)


class Redactor:
    """Masks what tells who the writer is; the clinic's own numbers and addresses, when allowed, stay."""

    def __init__(self, nlp: Language, allowed: Collection[str]) -> None:
        self._names = NameFinder(nlp, allowed)
        self._ours = frozenset(_key(entry) for entry in allowed)

    def redact(self, doc: Doc) -> Redaction:
        """The text with each mask in its place: "im Dave 410-555-0123" becomes "im [name] [phone]"."""
        text = doc.text
        pieces = []
        masked = []
        at = 0
        for mask in self.find(doc):
            pieces.append(text[at : mask.start])
            pieces.append(f"[{mask.kind.lower()}]")
            masked.append((mask.kind, text[mask.start : mask.end]))
            at = mask.end
        pieces.append(text[at:])
        return Redaction(text="".join(pieces), masked=tuple(masked))

    def find(self, doc: Doc) -> tuple[Mask, ...]:
        """Every stretch to be masked, in order and without overlaps."""
        text = doc.text
        found = [
            Mask(start=start, end=end, kind=kind) for kind, finder in _FINDERS for start, end in finder(text)
        ]
        ours = [mask for mask in found if _key(text[mask.start : mask.end]) in self._ours]
        # Part of our own phone number may look like a shorter number of somebody else's.
        found = [
            mask for mask in found if not any(own.start <= mask.start and mask.end <= own.end for own in ours)
        ]
        besides = [(mask.start, mask.end) for mask in found]
        found += [
            Mask(start=start, end=end, kind=NAME) for start, end in self._names.find(doc, besides=besides)
        ]
        return tuple(_joined(found))


def allowed_words(content: Path) -> frozenset[str]:
    """The words of our own content, save those that are people's names, and the names and contacts of its clinics."""
    texts: list[str] = []
    allowed: set[str] = set()
    for path in sorted(content.rglob("*.yml")):
        if path.name in _NOT_READ:
            continue
        loaded = parse(path, read_text(path))
        texts.append(path.stem.replace("_", " "))
        texts.extend(_strings(loaded))
        if path.parent.name == "clinics" and isinstance(loaded, dict):
            allowed.update(_clinic_phrases(loaded))
    people = first_names() | ambiguous_names() | last_names()
    for text in texts:
        words = {match[0].casefold().removesuffix("'s") for match in _WORD.finditer(text)}
        allowed.update(word for word in words if len(word) >= _SHORTEST_WORD and word not in people)
    return frozenset(allowed)


def _joined(masks: list[Mask]) -> Iterator[Mask]:
    """Overlapping masks as one; the kind is that of the mask that was found first."""
    rank = {id(mask): place for place, mask in enumerate(masks)}
    current: Mask | None = None
    best = 0
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end)):
        if current is None or mask.start >= current.end:
            if current is not None:
                yield current
            current, best = mask, rank[id(mask)]
            continue
        kind = mask.kind if rank[id(mask)] < best else current.kind
        best = min(best, rank[id(mask)])
        current = Mask(start=current.start, end=max(current.end, mask.end), kind=kind)
    if current is not None:
        yield current


def _key(text: str) -> str:
    """What two ways of writing the same number, street or address have in common."""
    digits = _NOT_DIGITS.sub("", text)
    if len(digits) >= _PHONE_DIGITS and not _LETTER.search(text):
        return digits[-_PHONE_DIGITS:]
    return _NOT_PLAIN.sub(" ", text.casefold()).strip()


def _strings(loaded: Any) -> Iterator[str]:
    """Every text in a content file that is about our subject."""
    if isinstance(loaded, str):
        yield _TITLED.sub(" ", loaded)
    elif isinstance(loaded, dict):
        for name, value in loaded.items():
            if name not in _NOT_OURS:
                yield from _strings(value)
    elif isinstance(loaded, list):
        for value in loaded:
            yield from _strings(value)


def _clinic_phrases(clinic: dict[str, Any]) -> Iterator[str]:
    """The names of a clinic and its offices, and how to reach them."""
    for part in (clinic, clinic.get("contact") or {}, *(clinic.get("locations") or ())):
        for field in ("name", "address", "phone", "email"):
            value = part.get(field)
            if isinstance(value, str):
                yield value.casefold()
                yield value.split(",")[0].casefold()
