"""The candidacy rules: facts about a patient in, an outcome out. The rules themselves are content/screening.yml."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from needlewise.errors import ContentError, NeedlewiseError
from needlewise.screening.patterns import compiled, is_pattern
from needlewise.screening.rulefile import Entry, read_rule_file


class Outcome(StrEnum):
    """What a patient is offered. The strictest of several wins: NOW, CALL, TELL, BOOK."""

    BOOK = "BOOK"
    TELL = "TELL"
    CALL = "CALL"
    NOW = "NOW"

    @property
    def strictness(self) -> int:
        return _BY_STRICTNESS.index(self)


_BY_STRICTNESS = (Outcome.BOOK, Outcome.TELL, Outcome.CALL, Outcome.NOW)


class Status(StrEnum):
    """How sure a patient is of a fact. UNSURE counts as CALL, whatever the fact."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"


class Past(StrEnum):
    """What a fact from the past means today."""

    ENDS = "ends"  # over once it is past: a medicine, a fever
    LASTS = "lasts"  # stays unless it is said to be over: diabetes, a pacemaker
    COUNTS = "counts"  # matters though it is over: a blood clot, a faint


@dataclass(frozen=True)
class Vocabulary:
    """The words by which a condition is known in what patients write."""

    names: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    capitals: tuple[str, ...] = ()  # short forms that are words too when not in capitals: MS, PAD
    misspellings: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()  # words that may mean the condition; they make it UNSURE


@dataclass(frozen=True)
class Condition:
    """One thing that bears on candidacy, and what the table says of it."""

    id: str
    row: str
    title: str
    outcome: Outcome
    card: str | None
    doctor_first: bool = False
    decision: bool = False  # set on the cautious side without a source; a clinician has to confirm it
    guardian: bool = False
    sources: tuple[str, ...] = ()
    tell: str | None = None
    clinic_may: Outcome | None = None  # the only laxer outcome that a clinic's profile may choose
    words: Vocabulary = Vocabulary()
    medicine: bool = False
    event: bool = False
    past: Past = Past.LASTS
    recent_days: int | None = None  # older than this it does not hold, or is `older` instead
    older: str | None = None
    past_undated: Status | None = None  # what "I had it", with no date, is worth when the past ends it
    unsure_as: str | None = None
    controlled_as: str | None = None
    late_pregnancy_as: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return self.words.names + self.words.brands + self.words.abbreviations + self.words.capitals


@dataclass(frozen=True)
class Combination:
    """Facts that together are another condition than each alone."""

    when: frozenset[str]
    then: str
    instead_of: frozenset[str]


@dataclass(frozen=True)
class Card:
    """One grouped question, and what a bare yes to it means."""

    id: str
    conditions: tuple[str, ...]
    on_yes: Outcome
    tell: str | None = None

    @property
    def row(self) -> str:
        return f"card:{self.id}"


@dataclass(frozen=True)
class Ruling:
    """What the rules decided, and the rows that made them, strictest first."""

    outcome: Outcome
    doctor_first: bool
    rows: tuple[str, ...]
    tell: tuple[str, ...]
    guardian: bool


@dataclass(frozen=True)
class Lexicon:
    """Words that the reader must know so as not to take them for a condition."""

    word_lists: Mapping[str, tuple[str, ...]]
    not_meant: tuple[str, ...]
    private: tuple[str, ...]
    other_medicines: tuple[str, ...]

    def pattern_lists(self) -> dict[str, tuple[str, ...]]:
        """The lists that a pattern may name."""
        return {**self.word_lists, "other_medicines": self.other_medicines}


@dataclass(frozen=True)
class _Applied:
    """One row that applies to a patient, with the outcome that it has for them."""

    row: str
    outcome: Outcome
    doctor_first: bool = False
    guardian: bool = False
    tell: str | None = None


@dataclass(frozen=True)
class ScreeningRules:
    """The table, the cards and the words, as read from content/screening.yml."""

    cards: tuple[Card, ...]
    conditions: Mapping[str, Condition]
    combinations: tuple[Combination, ...]
    lexicon: Lexicon
    row_when_nothing_applies: str

    def card(self, card_id: str) -> Card:
        for card in self.cards:
            if card.id == card_id:
                return card
        raise NeedlewiseError(f"screening: there is no card {card_id!r}")

    def decide(self, facts: Mapping[str, Status], policy: Mapping[str, Outcome] | None = None) -> Ruling:
        """What to offer a patient of whom `facts` are known.

        Keys are condition ids, or a card's id for a bare yes or a not-sure to that card. ABSENT facts are
        ignored. `policy` holds what this clinic has chosen for single conditions: a stricter outcome for
        any, a laxer one only where the table lets a clinic choose. It says nothing of a bare yes or a not-sure.
        """
        policy = policy or {}
        self.check_policy(policy)
        card_ids = {card.id for card in self.cards}
        for key in facts:
            if key not in self.conditions and key not in card_ids:
                raise NeedlewiseError(f"screening: {key!r} is neither a condition nor a card")

        present = self._combined({key for key, status in facts.items() if status is Status.PRESENT})
        applied = [self._applied(key, policy) for key in present]
        applied += [self._unsure(key) for key, status in facts.items() if status is Status.UNSURE]
        return self._ruling(applied)

    def check_policy(self, policy: Mapping[str, Outcome]) -> None:
        """Raise ContentError when a clinic's choices name an unknown condition or one not theirs to relax."""
        for condition_id, chosen in policy.items():
            condition = self.conditions.get(condition_id)
            if condition is None:
                raise ContentError(f"screening policy: there is no condition {condition_id!r}")
            outcome = Outcome(chosen)
            if outcome.strictness < condition.outcome.strictness and outcome is not condition.clinic_may:
                raise ContentError(
                    f"screening policy: {condition_id} is {condition.outcome.value} ({condition.row}); "
                    f"a clinic may not choose {outcome.value}"
                )

    def _combined(self, present: set[str]) -> list[str]:
        met = [combination for combination in self.combinations if combination.when <= present]
        replaced = {condition_id for combination in met for condition_id in combination.instead_of}
        kept = (present - replaced) | {combination.then for combination in met}
        order = [card.id for card in self.cards] + list(self.conditions)
        return sorted(kept, key=order.index)

    def _applied(self, key: str, policy: Mapping[str, Outcome]) -> _Applied:
        condition = self.conditions.get(key)
        if condition is None:
            card = self.card(key)
            return _Applied(row=card.row, outcome=card.on_yes, tell=card.tell)
        outcome = Outcome(policy.get(key, condition.outcome))
        return _Applied(
            row=condition.row,
            outcome=outcome,
            doctor_first=condition.doctor_first,
            guardian=condition.guardian,
            # What is said before the needles is said by those who come for them.
            tell=condition.tell if outcome in (Outcome.TELL, Outcome.BOOK) else None,
        )

    def _unsure(self, key: str) -> _Applied:
        condition = self.conditions.get(key)
        row = condition.row if condition is not None else self.card(key).row
        return _Applied(
            row=row, outcome=Outcome.CALL, doctor_first=condition is not None and condition.doctor_first
        )

    def _ruling(self, applied: Iterable[_Applied]) -> Ruling:
        strictest_first = sorted(applied, key=lambda one: -one.outcome.strictness)
        if not strictest_first:
            return Ruling(
                Outcome.BOOK,
                doctor_first=False,
                rows=(self.row_when_nothing_applies,),
                tell=(),
                guardian=False,
            )
        outcome = strictest_first[0].outcome
        guardian = any(one.guardian for one in strictest_first)
        tell = dict.fromkeys(one.tell for one in strictest_first if one.tell is not None)
        return Ruling(
            outcome=outcome,
            doctor_first=outcome is Outcome.CALL
            and any(one.doctor_first for one in strictest_first if one.outcome is Outcome.CALL),
            rows=tuple(dict.fromkeys(one.row for one in strictest_first)),
            tell=() if guardian else tuple(tell),
            guardian=guardian,
        )


def load_rules(path: Path) -> ScreeningRules:
    """The rules in `path`; ContentError, with file and line, when it is not what the code expects."""
    top = read_rule_file(path)
    top.only(
        "sources", "cards", "conditions", "together", "not_conditions", "words", "not_meant", "private",
        "other_medicines", "row_when_nothing_applies",
    )  # fmt: skip
    sources = {entry.text("key") for entry in top.entries("sources")}
    on_yes = {entry.text("id"): entry for entry in top.entries("cards")}
    conditions: dict[str, Condition] = {}
    for entry in top.entries("conditions"):
        condition = _condition(entry)
        if condition.id in conditions or condition.id in on_yes:
            raise entry.error(f"the id {condition.id!r} is used twice")
        if condition.card is not None and condition.card not in on_yes:
            raise entry.error(f"card: there is no card {condition.card!r}")
        for source in condition.sources:
            if source not in sources:
                raise entry.error(f"sources: {source!r} is not in the list of sources")
        conditions[condition.id] = condition
    lists = top.sub("words")
    lexicon = Lexicon(
        word_lists=MappingProxyType({key: lists.texts(key) for key in lists.names()}),
        not_meant=top.texts("not_meant"),
        private=top.texts("private"),
        other_medicines=top.texts("other_medicines"),
    )
    for phrase in lexicon.not_meant:
        if is_pattern(phrase):
            try:
                compiled(phrase, lexicon.pattern_lists())
            except ValueError as error:
                raise top.error(f"not_meant: {error}") from None
    for entry in top.entries("conditions"):
        for pattern in entry.texts("patterns"):
            try:
                compiled(pattern, lexicon.pattern_lists())
            except ValueError as error:
                raise entry.error(f"patterns: {error}") from None
        for key in ("older", "unsure_as", "controlled_as", "late_pregnancy_as"):
            target = entry.optional_text(key)
            if target is not None and target not in conditions:
                raise entry.error(f"{key}: there is no condition {target!r}")
    cards = tuple(
        Card(
            id=card_id,
            conditions=tuple(condition.id for condition in conditions.values() if condition.card == card_id),
            on_yes=entry.choice("on_yes", Outcome),
            tell=entry.optional_text("tell"),
        )
        for card_id, entry in on_yes.items()
    )
    return ScreeningRules(
        cards=cards,
        conditions=MappingProxyType(conditions),
        combinations=tuple(_combination(entry, conditions) for entry in top.entries("together")),
        lexicon=lexicon,
        row_when_nothing_applies=top.text("row_when_nothing_applies"),
    )


_VOCABULARY = ("names", "brands", "abbreviations", "capitals", "misspellings", "patterns", "vague")


def _condition(entry: Entry) -> Condition:
    entry.only(
        "id", "row", "title", "outcome", "card", "doctor_first", "decision", "guardian", "sources", "tell",
        "clinic_may", "medicine", "event", "past", "recent_days", "older", "past_undated", "unsure_as", "controlled_as",
        "late_pregnancy_as", "note", *_VOCABULARY,
    )  # fmt: skip
    return Condition(
        id=entry.text("id"),
        row=entry.text("row"),
        title=entry.text("title"),
        outcome=entry.choice("outcome", Outcome),
        card=entry.optional_text("card"),
        doctor_first=entry.flag("doctor_first"),
        decision=entry.flag("decision"),
        guardian=entry.flag("guardian"),
        sources=entry.texts("sources"),
        tell=entry.optional_text("tell"),
        clinic_may=entry.optional_choice("clinic_may", Outcome),
        words=Vocabulary(**{key: entry.texts(key) for key in _VOCABULARY}),
        medicine=entry.flag("medicine"),
        event=entry.flag("event"),
        past=entry.optional_choice("past", Past) or Past.LASTS,
        recent_days=entry.optional_number("recent_days"),
        older=entry.optional_text("older"),
        past_undated=entry.optional_choice("past_undated", Status),
        unsure_as=entry.optional_text("unsure_as"),
        controlled_as=entry.optional_text("controlled_as"),
        late_pregnancy_as=entry.optional_text("late_pregnancy_as"),
    )


def _combination(entry: Entry, conditions: Mapping[str, Condition]) -> Combination:
    entry.only("when", "then", "instead_of")
    combination = Combination(
        when=frozenset(entry.texts("when")),
        then=entry.text("then"),
        instead_of=frozenset(entry.texts("instead_of")),
    )
    for condition_id in (*sorted(combination.when), combination.then, *sorted(combination.instead_of)):
        if condition_id not in conditions:
            raise entry.error(f"there is no condition {condition_id!r}")
    return combination
