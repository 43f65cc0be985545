"""What the staff's list of conversations is narrowed down by. It lives in the URL, as names and values that somebody may have typed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

CHANNELS = ("web", "sms")
OUTCOMES = ("BOOK", "TELL", "CALL", "NOW")
SAFETY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "any": ("emergency", "crisis", "violence", "poison", "urgent", "doctor", "ask"),
        "urgent": ("emergency", "poison", "urgent"),
        "crisis": ("crisis", "violence"),
        "doctor": ("doctor", "ask"),
    }
)
"""Levels of triage, by what one filters for. A conversation counts with its gravest."""

ME, NOBODY = "me", "nobody"
"""Whom a conversation is assigned to, when it is no person's id."""

LONGEST_SEARCH = 200
LONGEST_QUERY = 1000


@dataclass(frozen=True)
class Filters:
    """All of them hold at once. What is empty, None or False filters nothing."""

    words: str = ""
    """A search, as typed: see conversations.search."""
    channel: str = ""
    clinic: str = ""
    since: date | None = None
    """The first day, in the clinic's zone, of the conversation's last message."""
    until: date | None = None
    """The last day."""
    topic: str = ""
    outcome: str = ""
    safety: str = ""
    """A key of SAFETY."""
    missed: bool = False
    """Something was declined, or topics were offered because we were not sure."""
    below: int | None = None
    """Something was understood with less confidence than this, in percent."""
    thumbs_down: bool = False
    person: bool = False
    """A person was asked for."""
    requested: bool = False
    """A visit, an exam or a call was asked for, and the request was sent."""
    stopped: bool = False
    """The patient wants no more messages."""
    unreviewed: bool = False
    assigned: str = ""
    """ME, NOBODY, or an account's id."""
    tag: str = ""
    flagged: bool = False
    live: bool = False
    """Somebody of the staff speaks in it now."""

    def values(self) -> dict[str, str]:
        """What filters, by its name in the URL, as text."""
        return {
            _NAMES.get(field.name, field.name): _text(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) not in ("", None, False)
        }

    def query(self) -> str:
        """For a URL, without the question mark; parse_filters reads it again."""
        return urlencode(self.values())

    def without(self, name: str) -> "Filters":
        """All but the one of this name in the URL."""
        return parse_filters({key: value for key, value in self.values().items() if key != name}).filters

    def for_audit(self) -> dict[str, str | int]:
        """What the audit log may say: the filters, and of a search only how many words it had."""
        values: dict[str, str | int] = dict(replace(self, words="").values())
        if self.words:
            values["words"] = len(self.words.split())
        return values


@dataclass(frozen=True)
class ParsedFilters:
    """What could be read, and what is wrong with the rest, in sentences for who typed it."""

    filters: Filters
    errors: tuple[str, ...] = ()


def parse_filters(given: Mapping[str, str]) -> ParsedFilters:
    """The filters in a URL's values. Names that are no filter are passed over, and so are values that are wrong, with a word."""
    found: dict[str, object] = {}
    errors: list[str] = []
    for field in fields(Filters):
        name = _NAMES.get(field.name, field.name)
        text = " ".join(given.get(name, "").replace("\x00", " ").split())
        if not text:
            continue
        try:
            found[field.name] = _read(field.name, text)
        except ValueError as error:
            errors.append(str(error))
    filters = Filters(**found)  # type: ignore[arg-type]
    if filters.since and filters.until and filters.since > filters.until:
        errors.append("The first day is after the last day, so there is nothing between them.")
    return ParsedFilters(filters, tuple(errors))


def parse_query(query: str) -> Filters:
    """The filters of a query string that `Filters.query` wrote, or that somebody sent; what is wrong in it is passed over."""
    return parse_filters(dict(parse_qsl(query[:LONGEST_QUERY]))).filters


_NAMES = {"words": "q", "since": "from", "until": "to", "thumbs_down": "down"}
"""Names in the URL, where they are others than here."""
_TICKS = frozenset(
    {"missed", "thumbs_down", "person", "requested", "stopped", "unreviewed", "flagged", "live"}
)
_ONE_OF: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "channel": (CHANNELS, "There is no such channel: choose website or text."),
        "outcome": (OUTCOMES, "There is no such outcome: choose one of BOOK, TELL, CALL and NOW."),
        "safety": (tuple(SAFETY), "There is no such sign: choose any, urgent, crisis or doctor."),
    }
)
_LONGEST = {"words": LONGEST_SEARCH, "tag": 40}


def _read(name: str, text: str) -> object:
    """A value from its text. Raises ValueError with a sentence that says what is wrong."""
    if name in _TICKS:
        if text != "1":
            raise ValueError(f"The filter {_NAMES.get(name, name)} is either on or left out.")
        return True
    if name in ("since", "until"):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("A day reads like 2026-11-24.") from None
    if name == "below":
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100):
            raise ValueError("The confidence is a number from 1 to 100.")
        return int(text)
    if name in _ONE_OF:
        values, wrong = _ONE_OF[name]
        if text not in values:
            raise ValueError(wrong)
        return text
    longest = _LONGEST.get(name, 64)
    if len(text) > longest:
        raise ValueError(f"That is too long to look for: {longest} characters are the most.")
    return text.casefold() if name == "tag" else text


def _text(value: object) -> str:
    if value is True:
        return "1"
    return value.isoformat() if isinstance(value, date) else str(value)
