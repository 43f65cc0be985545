"""What the fixed rules say of a text: how urgent it is, by which rule, and which reply belongs to it."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from needlewise.safety import guards
from needlewise.safety.lexicon import Pattern, Span, find_pattern
from needlewise.safety.rules import IDIOM, Level, RedFlagRules, Rule, load_rules
from needlewise.safety.spelling import HARD, Speller, Typed

__all__ = ["Decision", "Level", "RedFlagRules", "Triage", "load_rules"]


@dataclass(frozen=True)
class Decision:
    """The answer to one text; all fields are None when no rule fired."""

    level: Level | None
    rule: str | None
    phrase: str | None
    speaks_alone: bool


CALM = Decision(level=None, rule=None, phrase=None, speaks_alone=False)


class Triage:
    """Assesses texts by the rules it was given."""

    def __init__(self, rules: RedFlagRules) -> None:
        self._rules = rules.rules
        self._lexicon = rules.lexicon
        self._idioms = rules.idioms
        self._always = rules.always
        self._speller = Speller(
            rules.lexicon.words() | rules.idioms.words(),
            guessed=rules.lexicon.words(without=guards.NAMES),
            ordinary=rules.ordinary_words,
            shorthand=rules.shorthand,
        )
        self._fillers = rules.lexicon.single_words("filler")
        self._ungapped = rules.lexicon.single_words("negation")
        self._bit = {name: 1 << index for index, name in enumerate(rules.lexicon)}
        self._needs = [
            (rule, [(pattern, self._masks(pattern)) for pattern in rule.patterns]) for rule in rules.rules
        ]
        self._signs = frozenset(
            name
            for rule in rules.rules
            for pattern in rule.patterns
            for name in pattern.names()
            if name not in rules.always
        )

    def assess(self, text: str) -> Decision:
        """The first rule that fires, in the order of the file; the calm decision when none does."""
        typed = self._without_idioms(self._speller.read(text))
        found = self._find(typed)
        signs = (span for name in self._signs & found.keys() for span in found[name])
        masks = guards.guard_words(typed, found, signs=signs)
        sentence_starts = [position for position, before in enumerate(typed.breaks) if before == HARD]
        reading = _Reading(found, masks, sentence_starts, self._always)
        present = 0
        for name in found:
            present |= self._bit[name]
        for rule, needs in self._needs:
            patterns = [pattern for pattern, joins in needs if _has_each(present, joins)]
            if patterns and _fires(rule, patterns, reading):
                return Decision(
                    level=rule.level,
                    rule=rule.id,
                    phrase=rule.phrase,
                    speaks_alone=rule.level is not Level.DOCTOR,
                )
        return CALM

    def _masks(self, pattern: Pattern) -> list[int]:
        return [
            sum(self._bit[name] for name in set(join.concepts)) for group in pattern.groups for join in group
        ]

    def _find(self, typed: Typed) -> dict[str, list[Span]]:
        return self._lexicon.find(typed, fillers=self._fillers, ungapped=self._ungapped)

    def _without_idioms(self, typed: Typed) -> Typed:
        spans = self._idioms.find(typed, fillers=self._fillers, ungapped=self._ungapped).get(IDIOM, [])
        if not spans:
            return typed
        hidden = {position for start, end in spans for position in range(start, end)}
        return Typed(
            words=typed.words,
            meanings=tuple(
                frozenset() if position in hidden else meaning
                for position, meaning in enumerate(typed.meanings)
            ),
            breaks=typed.breaks,
        )


@dataclass(frozen=True)
class _Reading:
    """One text as the rules see it."""

    found: dict[str, list[Span]]
    masks: list[int]
    sentence_starts: list[int]
    always: frozenset[str]

    def counting(self, mattering: int) -> Callable[[str], list[Span]]:
        """Looks up the spans of a concept on which none of the mattering guards lies."""

        def spans_of(name: str) -> list[Span]:
            matters = mattering & guards.Guard.NEGATED if name in self.always else mattering
            return [span for span in self.found.get(name, ()) if not self.masks[span[0]] & matters]

        return spans_of

    def sentence_of(self, span: Span) -> int:
        """The number of the sentence in which the span begins."""
        return bisect_right(self.sentence_starts, span[0])


def _has_each(present: int, joins: list[int]) -> bool:
    # A plain loop: this runs hundreds of times a message.
    for join in joins:  # noqa: SIM110
        if not present & join:
            return False
    return True


def _fires(rule: Rule, patterns: list[Pattern], reading: _Reading) -> bool:
    counted = reading.counting(~int(rule.despite))
    # What undoes a sign need not be going on now: "had breast cancer" still says which breast is meant.
    said = reading.counting(guards.Guard.NEGATED)
    for pattern in patterns:
        undone = {
            reading.sentence_of(span) for name in (*pattern.without, *rule.unless) for span in said(name)
        }
        spans_of = _outside(counted, undone, reading) if undone else counted
        if find_pattern(pattern, spans_of, reading.sentence_starts):
            return True
    return False


def _outside(
    counted: Callable[[str], list[Span]], sentences: set[int], reading: _Reading
) -> Callable[[str], list[Span]]:
    def spans_of(name: str) -> list[Span]:
        return [span for span in counted(name) if reading.sentence_of(span) not in sentences]

    return spans_of
