"""What the fixed rules say of a text: how urgent it is, by which rule, and which reply belongs to it."""

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
        if not found:
            return CALM
        signs = (span for name in self._signs & found.keys() for span in found[name])
        masks = guards.guard_words(typed, found, signs=signs)
        sentence_starts = [position for position, before in enumerate(typed.breaks) if before == HARD]
        for rule in self._rules:
            if self._fires(rule, found, masks, sentence_starts):
                return Decision(
                    level=rule.level,
                    rule=rule.id,
                    phrase=rule.phrase,
                    speaks_alone=rule.level is not Level.DOCTOR,
                )
        return CALM

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

    def _fires(
        self, rule: Rule, found: dict[str, list[Span]], masks: list[int], sentence_starts: list[int]
    ) -> bool:
        counted = self._counting(found, masks, ~int(rule.despite))
        for pattern in rule.patterns:
            if not _may_fire(pattern, found):
                continue
            spans = find_pattern(pattern, counted, sentence_starts)
            if spans and not any(
                _same_sentence(spans, counted(name), sentence_starts)
                for name in (*pattern.without, *rule.unless)
            ):
                return True
        return False

    def _counting(
        self, found: dict[str, list[Span]], masks: list[int], mattering: int
    ) -> Callable[[str], list[Span]]:
        def spans_of(name: str) -> list[Span]:
            matters = mattering & guards.Guard.NEGATED if name in self._always else mattering
            return [span for span in found.get(name, ()) if not masks[span[0]] & matters]

        return spans_of


def _may_fire(pattern: Pattern, found: dict[str, list[Span]]) -> bool:
    return all(any(name in found for name in join.concepts) for group in pattern.groups for join in group)


def _same_sentence(spans: list[Span], others: list[Span], sentence_starts: list[int]) -> bool:
    if not others:
        return False
    first = min(start for start, _ in spans)
    last = max(end for _, end in spans)
    begin = max((start for start in sentence_starts if start <= first), default=0)
    end = min((start for start in sentence_starts if start >= last), default=1 << 60)
    return any(begin <= start < end for start, _ in others)
