"""What takes the alarm out of a sign: denied, long past, healed, only asked about, or a family's history.

The words come from the `guards` of red_flags.yml; this module knows how far each of them reaches.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag

from needlewise.safety.lexicon import Span
from needlewise.safety.spelling import HARD, NONE, SOFT, Typed

NEGATION_WORDS = 6
LIST_WORDS = 10  # "no swelling, redness or fever": how far the "or" may be
LIST_TAIL_WORDS = 4
ANSWER_WORDS = 5  # "chest pain? no": how far back the answer reaches
LATER_CLAUSES = 6
AFTERTHOUGHT_WORDS = 6  # "It is gone now." speaks of the sentence before

NAMES = frozenset(
    [
        "negation",
        "not_a_negation",
        "answer_no",
        "clause_start",
        "subject",
        "past",
        "present",
        "resolved",
        "what_if",
        "not_a_what_if",
        "asks_about",
        "for_real",
        "family",
        "filler",
        "list_or",
    ]
)


class Guard(IntFlag):
    """Why a sign does not count."""

    NONE = 0
    NEGATED = 1
    PAST = 2
    RESOLVED = 4
    WHAT_IF = 8
    FAMILY = 16


BY_NAME = {
    "negated": Guard.NEGATED,
    "past": Guard.PAST,
    "resolved": Guard.RESOLVED,
    "what_if": Guard.WHAT_IF,
    "family": Guard.FAMILY,
}


@dataclass(frozen=True)
class _Stretch:
    start: int
    end: int

    def of(self, spans: Sequence[Span]) -> Sequence[Span]:
        """Those of the sorted spans that begin in the stretch."""
        return spans[bisect_left(spans, (self.start, 0)) : bisect_left(spans, (self.end, 0))]

    def __len__(self) -> int:
        return self.end - self.start


def guard_words(typed: Typed, found: Mapping[str, list[Span]], *, signs: Iterable[Span]) -> list[int]:
    """For each word the guards (as bits) that lie on it; `signs` own the "not" that is part of them ("cannot breathe")."""
    masks = [0] * len(typed)
    absorbed = _positions(found.get("not_a_negation", ()))
    if "negation" in found:
        absorbed |= _positions(span for span in signs if span[1] - span[0] > 1)
    _negate(typed, found, absorbed, masks)
    if not found.keys() & {"past", "resolved", "what_if", "asks_about", "family"}:
        return masks
    sentences = _sentences(typed, found)
    for index, clauses in enumerate(sentences):
        _date(clauses, found, masks)
        _resolve(clauses, sentences[index - 1] if index else [], found, masks)
        _suppose(typed, clauses, found, masks)
    return masks


def _positions(spans: Iterable[Span]) -> set[int]:
    return {position for start, end in spans for position in range(start, end)}


def _cover(masks: list[int], start: int, end: int, guard: Guard) -> None:
    for position in range(start, end):
        masks[position] |= guard


def _negate(typed: Typed, found: Mapping[str, list[Span]], absorbed: set[int], masks: list[int]) -> None:
    stops = {start for start, _ in found.get("subject", ())}
    choices = {start for start, _ in found.get("list_or", ())}
    negations = [span for span in found.get("negation", ()) if absorbed.isdisjoint(range(*span))]
    for _, begin in negations:
        limit = begin
        while (
            limit < min(begin + LIST_WORDS, len(typed)) and limit not in stops and typed.breaks[limit] != HARD
        ):
            limit += 1
        listed = [position for position in range(begin, limit) if position in choices]
        end = begin
        reach = min(limit, listed[-1] + LIST_TAIL_WORDS) if listed else min(limit, begin + NEGATION_WORDS)
        while end < reach and (typed.breaks[end] == NONE or (listed and end <= listed[-1])):
            end += 1
        _cover(masks, begin, end, Guard.NEGATED)
    for start, end in found.get("answer_no", ()):
        if start and start not in absorbed and (end == len(typed) or typed.breaks[end] != NONE):
            _cover(masks, max(0, start - ANSWER_WORDS), start, Guard.NEGATED)


def _sentences(typed: Typed, found: Mapping[str, list[Span]]) -> list[list[_Stretch]]:
    starts = {start for start, _ in found.get("clause_start", ())}
    sentences: list[list[_Stretch]] = []
    clauses: list[_Stretch] = []
    begin = 0
    for position in range(1, len(typed) + 1):
        ended = position == len(typed) or typed.breaks[position] == HARD
        if ended or typed.breaks[position] == SOFT or position in starts:
            clauses.append(_Stretch(begin, position))
            begin = position
        if ended:
            sentences.append(clauses)
            clauses = []
    return sentences


def _within(found: Mapping[str, list[Span]], name: str, stretch: _Stretch, masks: list[int]) -> list[Span]:
    return [span for span in stretch.of(found.get(name, [])) if not masks[span[0]] & Guard.NEGATED]


def _date(clauses: list[_Stretch], found: Mapping[str, list[Span]], masks: list[int]) -> None:
    present = found.get("present", [])
    for name, guard in (("past", Guard.PAST), ("family", Guard.FAMILY)):
        for index, clause in enumerate(clauses):
            markers = _within(found, name, clause, masks)
            if not markers or (guard is Guard.PAST and clause.of(present)):
                continue
            _cover(masks, clause.start, clause.end, guard)
            said = max(end for _, end in markers) - min(start for start, _ in markers)
            if len(clause) - said <= 2 and len(clauses) > 1:
                neighbour = clauses[index - 1] if index else clauses[1]
                if not neighbour.of(present):
                    _cover(masks, neighbour.start, neighbour.end, guard)


def _resolve(
    clauses: list[_Stretch], before: list[_Stretch], found: Mapping[str, list[Span]], masks: list[int]
) -> None:
    over = [index for index, clause in enumerate(clauses) if _within(found, "resolved", clause, masks)]
    if not over:
        return
    _cover(masks, clauses[0].start, clauses[over[-1]].end, Guard.RESOLVED)
    if over[0] == 0 and len(clauses[0]) <= AFTERTHOUGHT_WORDS and before:
        _cover(masks, before[0].start, before[-1].end, Guard.RESOLVED)


def _suppose(
    typed: Typed, clauses: list[_Stretch], found: Mapping[str, list[Span]], masks: list[int]
) -> None:
    absorbed = _positions(found.get("not_a_what_if", ()))
    for_real = found.get("for_real", [])
    subjects = {start for start, _ in found.get("subject", ())}
    choices = {start for start, _ in found.get("list_or", ())}
    for name, whole in (("what_if", False), ("asks_about", True)):
        for index, clause in enumerate(clauses):
            markers = [
                span for span in _within(found, name, clause, masks) if absorbed.isdisjoint(range(*span))
            ]
            if not markers:
                continue
            begin = clause.start if whole else markers[0][0]
            end = clause.end
            for later in clauses[index + 1 : index + 1 + LATER_CLAUSES]:
                if later.start in subjects or not (later.start in choices or len(later) <= 2):
                    break
                end = later.end
            if not _Stretch(markers[0][1], end).of(for_real):
                _cover(masks, begin, end, Guard.WHAT_IF)
