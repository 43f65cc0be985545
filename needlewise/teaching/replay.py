"""What two models make of the same messages: real ones, and sentences whose right answer is known. Nothing here loads a model.

Expectations and decisions come in; a Report comes out, which is stored encrypted. It holds no word of a patient's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct

MESSAGES, CORRECTED = "messages", "corrected"
"""Where a line comes from, beside the names of the test sets."""

SAME, BETTER, WORSE, CHANGED = "same", "better", "worse", "changed"
OFFERED, DECLINED, NOTHING = "offered", "out_of_scope", "choice"


class Right(Struct, frozen=True):
    """What would be right for a message, where that is known."""

    ids: tuple[str, ...]
    """Topics, or one act."""
    how: Literal["first", "all", "any"] = "all"
    """Whether the first thing heard must be this one, all of them must be heard, or one is enough."""


class Decision(Struct, frozen=True):
    """What one model makes of one message."""

    topics: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    act: str | None = None
    confidence: float = 1.0
    safety: str | None = None
    """The level that triage or the safety net found: neither is trained here."""
    rule: str | None = None

    @property
    def heard(self) -> tuple[str, ...]:
        """What was answered, then the act; declining is an act."""
        return (*self.topics, *([self.act] if self.act else []))

    @property
    def first(self) -> str:
        """One id for it: the first topic, "offered", or the act."""
        if self.offered:
            return OFFERED
        return next(iter(self.heard), NOTHING)

    def is_like(self, other: "Decision") -> bool:
        """Whether the patient is served the same."""
        return (self.topics, self.offered, self.act, self.safety) == (
            other.topics,
            other.offered,
            other.act,
            other.safety,
        )

    def is_as_safe_as(self, other: "Decision") -> bool:
        return (self.safety, self.rule) == (other.safety, other.rule)


class Line(Struct, frozen=True):
    """One message, through both models."""

    source: str
    words: str
    """Of a test set's sentence. A patient's are not kept here, but looked up by `message`: what is erased is then gone here too."""
    old: Decision
    new: Decision
    right: Right | None = None
    clinic: str = ""
    """Empty for a sentence of a test set."""
    conversation: str = ""
    message: str = ""

    @property
    def verdict(self) -> str:
        """Same, better, worse; or changed, where nobody knows or both are wrong, or right, in their own way."""
        if self.old.is_like(self.new):
            return SAME
        before, after = is_right(self.old, self.right), is_right(self.new, self.right)
        if self.right is None or before == after:
            return CHANGED
        return BETTER if after else WORSE


class Figure(Struct, frozen=True):
    """How often each model was right in one set of messages."""

    source: str
    count: int
    old: int
    new: int


class Report(Struct, frozen=True):
    """What a replay found. Of test sets it holds the changed lines only; the figures count all."""

    against: str | None
    """The candidate that was live; None for the model of the files."""
    lines: tuple[Line, ...]
    figures: tuple[Figure, ...]
    safety_checked: int
    """Messages whose safety decision was compared. All were the same, or there would be no report."""
    left_out: int = 0
    """Of the newest messages, those that were a tap or an answer to a form: they mean nothing alone."""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    def seen_from(self, clinics: Iterable[str]) -> "Report":
        """The report without the words of other clinics' patients."""
        mine = {"", *clinics}
        return msgspec.structs.replace(self, lines=tuple(one for one in self.lines if one.clinic in mine))


def decode_report(data: bytes) -> Report:
    """The report that `encode` wrote. Raises msgspec.ValidationError on anything else."""
    return msgspec.json.decode(data, type=Report)


@dataclass(frozen=True)
class Unsafe(Exception):
    """The two models lead to different safety decisions, which cannot be: the rules and the net are the same."""

    count: int


def is_right(decision: Decision, right: Right | None) -> bool:
    """Whether the decision is one that would be right; False where nobody knows."""
    if right is None:
        return False
    if right.how == "first":
        return decision.first == right.ids[0]
    heard = set(decision.heard)
    return set(right.ids) <= heard if right.how == "all" else not heard.isdisjoint(right.ids)


def reported(lines: Sequence[Line], *, against: str | None, left_out: int = 0, alone: int) -> Report:
    """Count the lines up. The first `alone` of them were played from the same state, so their safety must be the same.

    Raises Unsafe when it is not.
    """
    if unsafe := sum(not one.old.is_as_safe_as(one.new) for one in lines[:alone]):
        raise Unsafe(unsafe)
    sources = list(dict.fromkeys(one.source for one in lines if one.right is not None))
    figures = []
    for source in sources:
        known = [one for one in lines if one.source == source and one.right is not None]
        old, new = (sum(is_right(decision, one.right) for decision, one in pairs) for pairs in _both(known))
        figures.append(Figure(source, len(known), old, new))
    kept = [one for one in lines if one.source in (MESSAGES, CORRECTED) or one.verdict != SAME]
    return Report(against, tuple(kept), tuple(figures), alone, left_out)


def counts(lines: Iterable[Line]) -> dict[str, int]:
    """How many lines there are of each verdict."""
    found = dict.fromkeys((BETTER, WORSE, CHANGED, SAME), 0)
    for line in lines:
        found[line.verdict] += 1
    return found


def _both(lines: Sequence[Line]) -> tuple[list[tuple[Decision, Line]], list[tuple[Decision, Line]]]:
    return [(one.old, one) for one in lines], [(one.new, one) for one in lines]
