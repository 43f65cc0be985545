"""Whole-message commands and short questions that lean on the last answer, both read from content/."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from needlewise.content.files import read_yaml
from needlewise.content.model import OptOutRules
from needlewise.conversations.opt_out import OptOut
from needlewise.errors import ContentError

_EDGES = re.compile(r"^[\s\"'(*.,!-]+|[\s\"').,!*;:-]+$")
_LEAN = re.compile(
    r"^(?:and|so|but|ok|okay|also|hmm|um|oh|well)?\s*(?:what|how) (?:about|abt|bout)\s+(?:if\s+)?|^(?:and|but) (?:what if|if|with|for|when|in)\s+"
)

_CORRECTS = re.compile(
    r"\b(?:change|wrong|fix|correct (?:it|the|my)|(?:not|in)\s?correct|edit|update|different|mistake|typo|mis-?spell?ed|spelled)\b",
    re.I,
)
_NOT_THE_SUMMARY = re.compile(r"\b(?:appointment|appt)\b", re.I)
_FIELD_WORDS = {
    "change_first_name": re.compile(r"\bname\b", re.I),
    "change_contact": re.compile(r"\b(?:number|phone|e-?mail)\b", re.I),
    "change_times": re.compile(r"\b(?:times?|days?)\b", re.I),
    "change_location": re.compile(r"\b(?:office|location)\b", re.I),
    "change_visit_kind": re.compile(r"\bvisit\b", re.I),
}


class FollowUp(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of content/follow_ups.yml."""

    asks: str
    says: list[str]
    elsewhere: dict[str, str] = {}


@dataclass(frozen=True)
class Lean:
    """A question that leans on the last answer: the topic that holds the reply, and which part of it."""

    topic: str
    part: str


class Leaning:
    """Reads short messages that mean nothing alone."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        follow_ups: Sequence[FollowUp],
        parts: Mapping[str, frozenset[str]],
        opt_out: OptOut | None = None,
    ) -> None:
        self._commands = {
            _bare(word): name for name, words in reversed(list(commands.items())) for word in words
        }
        self._opt_out = opt_out
        self._rows = [
            (row, re.compile("|".join(f"(?:{pattern})" for pattern in row.says))) for row in follow_ups
        ]
        self._parts = parts

    def command(self, text: str) -> str | None:
        """The command that a whole message is, such as stop, back, why, affirm; None for anything longer."""
        return self._commands.get(_bare(text)) or ("opt_out" if self.is_opt_out(text) else None)

    def is_opt_out(self, text: str) -> bool:
        """Whether the whole message is one of the carriers' or the FCC's opt-out words (47 CFR 64.1200(a)(10))."""
        return self._opt_out is not None and self._opt_out.word(text) is not None

    def follow_up(self, text: str, last: Sequence[str]) -> Lean | None:
        """The part of the last answer that a short question asks for; None when it stands on its own."""
        if not last:
            return None
        bare = _bare(text).rstrip("?! ")
        for row, pattern in self._rows:
            if pattern.fullmatch(bare):
                return self._resolve(row, last[-1])
        return None

    def _resolve(self, row: FollowUp, topic: str) -> Lean:
        if row.asks in self._parts.get(topic, frozenset()):
            return Lean(topic, row.asks)
        if other := row.elsewhere.get(topic):
            return Lean(other, row.asks if row.asks in self._parts.get(other, frozenset()) else "web")
        return Lean(topic, "more" if "more" in self._parts.get(topic, frozenset()) else "web")


def correction(text: str) -> str | None:
    """The command in a reply to a summary: change_<field>, "change" when the field is not named, None for anything else."""
    if _CORRECTS.search(text) is None or _NOT_THE_SUMMARY.search(text):
        return None
    return next((name for name, words in _FIELD_WORDS.items() if words.search(text)), "change")


_LEANING = re.compile(
    r"^(?:and|but|so|ok|okay|even|only|just|also|or|then|which|what about|how about)\b"
    r"|\b(?:that|it|this|those|these|them|they|one|ones|instead|either|too)\b"
)
_LONGEST_LEANING = 9


def leans(text: str) -> bool:
    """Whether a message looks like a short question about what was just said: "even in the arch?", "is that normal"."""
    bare = _bare(text)
    return len(bare.split()) <= _LONGEST_LEANING and _LEANING.search(bare) is not None


def without_lean(text: str) -> str:
    """The words left when "and what about" is taken away: "what about if I'm pregnant?" gives "I'm pregnant?"."""
    return _LEAN.sub("", text, count=1) or text


def load_leaning(content: Path, parts: Mapping[str, frozenset[str]]) -> Leaning:
    """Read commands.yml, follow_ups.yml and opt_out.yml. `parts` names the parts each topic's answer has. Raises ContentError."""
    commands = read_yaml(content / "commands.yml", dict[str, list[str]])
    follow_ups = read_yaml(content / "follow_ups.yml", list[FollowUp])
    opt_out = OptOut(read_yaml(content / "opt_out.yml", OptOutRules))
    try:
        return Leaning(commands, follow_ups, parts, opt_out)
    except re.error as error:
        raise ContentError(
            f"{content / 'follow_ups.yml'}:1: {error.pattern!r} is not a regular expression: {error}"
        ) from error


def _bare(text: str) -> str:
    folded = " ".join(text.lower().split())
    return _EDGES.sub("", folded) if any(character.isalnum() for character in folded) else folded
