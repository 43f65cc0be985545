"""What a patient says of their own health, read from free text as facts that the rules can judge.

What counts: what holds for the patient today. Somebody else's illness, a medicine that was stopped, and questions
about people in general make no fact. "I take warfarin, can I still come?" makes one. Where two readings are
possible, the one that leads to a person wins.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import spacy
from spacy.matcher import Matcher, PhraseMatcher
from spacy.tokens import Doc

from needlewise import clock
from needlewise.language.english import english_words
from needlewise.screening import claims, denial, tense, verdicts, whose
from needlewise.screening.ages import patient_age
from needlewise.screening.clauses import Clause, clauses
from needlewise.screening.frame import Frame
from needlewise.screening.patterns import Pattern, compiled, is_pattern
from needlewise.screening.rules import Condition, Outcome, Past, ScreeningRules, Status
from needlewise.screening.spelling import Spelling
from needlewise.screening.times import days_ago
from needlewise.screening.verdicts import Verdict
from needlewise.screening.words import Word, rewritten, words_of

Subject = Literal["self", "other"]

_ADULT = 18
_NEITHER = "-"  # the key of phrases that are known so that they are not taken for a condition
_PRIVATE = "--"
_GLUE = {"a", "an", "the", "of", "my", "in", "to", "at"}
_STRONGEST = {Status.ABSENT: 0, Status.UNSURE: 1, Status.PRESENT: 2}
_LATE_WEEKS = 12
_LATE_MONTHS = 3


@dataclass(frozen=True)
class Mention:
    """What was said of one condition. Only what is current, stated and the patient's own is a fact."""

    condition: str
    status: Status
    subject: Subject
    current: bool
    text: str
    stated: bool = True  # False: only asked about, feared or supposed
    dated: bool = False  # a time was said with it


@dataclass(frozen=True)
class CardAnswer:
    """A reply to a card. With facts, they are what counts; a verdict alone counts for the card."""

    verdict: Verdict
    facts: dict[str, Status] = field(default_factory=dict)
    doctor_said_fine: bool = False

    def recorded(self, card: str) -> dict[str, Status]:
        """The facts to add to what is known: those named, or the bare yes or not-sure to the card."""
        if any(status is not Status.ABSENT for status in self.facts.values()):
            return dict(self.facts)
        if self.verdict == "yes":
            return {**self.facts, card: Status.PRESENT}
        if self.verdict == "unsure":
            return {**self.facts, card: Status.UNSURE}
        return dict(self.facts)


@dataclass(frozen=True)
class _Match:
    """A stretch of words that means a condition; `core` are the words that mean it, the rest lies between them."""

    condition: str
    start: int
    end: int
    core: frozenset[int]
    vague: bool = False


@dataclass(frozen=True)
class _ConditionPattern:
    condition: str
    pattern: Pattern
    matcher: Matcher


@dataclass(frozen=True)
class _Parsed:
    words: list[Word]
    texts: list[str]  # with misspellings of known words put right
    matches: list[_Match]
    clauses: list[Clause]
    private: bool


class Reader:
    """Reads patients' words with the vocabulary of the rules; built once, used for every message."""

    def __init__(
        self, rules: ScreeningRules, nlp: spacy.Language, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._rules = rules
        self._vocab = nlp.vocab
        self._now = now
        self._phrases = PhraseMatcher(nlp.vocab, attr="LOWER")
        self._patterns: list[_ConditionPattern] = []
        self._capitals: dict[str, str] = {}
        self._body = {word for key in ("foot", "leg") for word in rules.lexicon.word_lists.get(key, ())}
        # What a doubt is called by its own name ("may be pregnant") is not doubted again.
        self._doubts = {condition.unsure_as for condition in rules.conditions.values()}
        self._build(nlp)

    def mentions(self, doc: Doc) -> tuple[Mention, ...]:
        """Every condition that the message speaks of, with how it speaks of it."""
        return tuple(self._mentions(doc, self._parsed(doc), reply=False))

    def facts(self, doc: Doc) -> dict[str, Status]:
        """What the message says of the patient as they are today. Only the words of `doc` are read, not its parse."""
        return self._facts(self.mentions(doc))

    def answer(self, doc: Doc, card: str) -> CardAnswer:
        """What the message says in reply to a card.

        "yes" also when it names a condition of the card; "none" when it leaves the card unanswered: a question, a
        condition of another card, one line of the card denied. A named condition is a fact either way.
        """
        parsed = self._parsed(doc)
        mentions = self._mentions(doc, parsed, reply=True)
        facts = self._facts(mentions)
        of_card = set(self._rules.card(card).conditions)
        rest = self._without_mentions(parsed)
        whole = verdicts.plain(parsed.texts)
        fine = verdicts.doctor_said_fine(whole)
        verdict = verdicts.bare_verdict(rest, right_now=self._rules.card(card).on_yes is Outcome.NOW)
        present = {key for key, status in facts.items() if status is Status.PRESENT}
        unsure = {key for key, status in facts.items() if status is Status.UNSURE}
        only_others = bool(mentions) and all(mention.subject == "other" for mention in mentions)
        if present & of_card:
            verdict = "yes"
        elif unsure and verdict != "yes":
            verdict = "unsure"
        elif present and verdict == "none" and verdicts.says_nothing_else(whole):
            verdict = "no"
        elif verdict == "yes" and not facts and (only_others or _of_a_relative_only(parsed.texts)):
            verdict = "none"
        return CardAnswer(verdict=verdict, facts=facts, doctor_said_fine=fine)

    def names_private(self, doc: Doc) -> bool:
        """Whether the message names what is only told in person (hepatitis, HIV): not asked, not noted."""
        return self._parsed(doc).private

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self, nlp: spacy.Language) -> None:
        lexicon = self._rules.lexicon
        spelled: set[str] = set()
        for condition in self._rules.conditions.values():
            words = condition.words
            for name in (*words.names, *words.brands, *words.abbreviations, *words.misspellings):
                self._add_phrase(nlp, condition.id, name)
            for name in words.vague:
                self._add_phrase(nlp, condition.id + "?", name)
            for name in words.capitals:
                self._capitals[name.lower()] = condition.id
                self._phrases.add(condition.id, [Doc(self._vocab, words=[name.lower()])])
            for written in words.patterns:
                self._add_pattern(nlp, condition.id, written)
            for name in (*words.names, *words.brands):
                spelled.update(word for word in name.lower().replace("-", " ").split() if word.isalpha())
        for phrase in lexicon.not_meant:
            if is_pattern(phrase):
                self._add_pattern(nlp, _NEITHER, phrase)
            else:
                self._add_phrase(nlp, _NEITHER, phrase)
        for phrase in lexicon.private:
            self._add_phrase(nlp, _PRIVATE, phrase)
        others = {word for word in (*lexicon.other_medicines, *lexicon.private) if word.isalpha()}
        listed = {word for one in self._rules.conditions.values() for word in one.words.misspellings}
        self._spelling = Spelling(spelled, others - spelled, listed, english_words(nlp))

    def _add_pattern(self, nlp: spacy.Language, key: str, written: str) -> None:
        pattern = compiled(written, self._rules.lexicon.pattern_lists())
        matcher = Matcher(nlp.vocab)
        matcher.add(key, [list(pattern.tokens)])
        self._patterns.append(_ConditionPattern(key, pattern, matcher))

    def _add_phrase(self, nlp: spacy.Language, key: str, name: str) -> None:
        for variant in _variants(name):
            words = rewritten([token.text for token in nlp.make_doc(variant)])
            self._phrases.add(key, [Doc(self._vocab, words=words)])

    # -- finding -------------------------------------------------------------------------------------------------

    def _parsed(self, doc: Doc) -> _Parsed:
        words = words_of(doc)
        texts = [self._spelling.corrected(word.text) for word in words]
        found = list(self._found(doc, words, texts)) if words else []
        private = any(match.condition == _PRIVATE for match in found)
        matches = _kept(found)
        return _Parsed(words, texts, matches, clauses(texts, [(m.start, m.end) for m in matches]), private)

    def _found(self, doc: Doc, words: list[Word], texts: list[str]) -> Iterable[_Match]:
        plain = Doc(self._vocab, words=texts)
        for key, start, end in self._phrases(plain):
            condition = self._vocab.strings[key]
            name = " ".join(texts[start:end])
            if self._capitals.get(name) == condition and not _meant_as_short_form(
                doc, words, texts, start, end
            ):
                continue
            core = _telling(texts, frozenset(range(start, end)))
            yield _Match(condition.removesuffix("?"), start, end, core, condition.endswith("?"))
        said = set(texts)
        for one in self._patterns:
            if not one.pattern.can_match(said):
                continue
            for _, start, _, alignment in one.matcher(plain, with_alignments=True):
                named = frozenset(
                    start + offset for offset, part in enumerate(alignment) if part not in one.pattern.gaps
                )
                yield _Match(one.condition, min(named), max(named) + 1, _telling(texts, named))

    # -- reading -------------------------------------------------------------------------------------------------

    def _mentions(self, doc: Doc, parsed: _Parsed, *, reply: bool) -> list[Mention]:
        today = self._now().date()
        for_another = whose.speaks_for_another(parsed.texts)
        relative_named = any(text in whose.RELATIVES for text in parsed.texts)
        mentions: list[Mention] = []
        previous_other: dict[int, bool] = {}
        for match in parsed.matches:
            number = next(
                at for at, clause in enumerate(parsed.clauses) if clause.start <= match.start < clause.end
            )
            clause = parsed.clauses[number]
            frame = self._frame(
                parsed, match, number, previous_is_other=previous_other.get(number - 1, False)
            )
            spoken_of = whose.of_someone_else(frame)
            other = spoken_of == "other" or (spoken_of == "pronoun" and relative_named)
            previous_other[number] = other and not (
                number + 1 < len(parsed.clauses) and parsed.clauses[number + 1].after_turn
            )
            subject: Subject = "other" if other and not for_another else "self"
            sentence = [
                text
                for one in parsed.clauses
                if one.sentence == clause.sentence
                for text in parsed.texts[one.start : one.end]
            ]
            text = doc[parsed.words[match.start].token : parsed.words[match.end - 1].token + 1].text
            mentions.append(
                self._mention(match, frame, sentence, today, subject=subject, reply=reply, text=text)
            )
        mentions.extend(self._age(parsed))
        return mentions

    def _frame(self, parsed: _Parsed, match: _Match, number: int, *, previous_is_other: bool) -> Frame:
        clause = parsed.clauses[number]
        covered = {
            index for other in parsed.matches if other is not match for index in range(other.start, other.end)
        }
        after: list[str] = []
        if number + 1 < len(parsed.clauses):
            following = parsed.clauses[number + 1]
            later = parsed.texts[following.start : following.end]
            last_of_clause = not any(index in covered for index in range(match.end, clause.end))
            named = covered & set(range(following.start, following.end))
            if last_of_clause and not following.asks and not named and tense.is_afterthought(later):
                after = later
        return Frame(
            left=parsed.texts[clause.start : match.start],
            gap=[parsed.texts[index] for index in range(match.start, match.end) if index not in match.core],
            right=parsed.texts[match.end : clause.end],
            after=after,
            others_to_left=[index in covered for index in range(clause.start, match.start)],
            asks=clause.asks,
            named_in_clause=sum(clause.start <= one.start < clause.end for one in parsed.matches),
            previous_is_other=previous_is_other,
            medicine=self._rules.conditions[match.condition].medicine,
            event=self._rules.conditions[match.condition].event,
            names_body=parsed.texts[match.start] in self._body,
        )

    def _mention(
        self,
        match: _Match,
        frame: Frame,
        sentence: list[str],
        today: date,
        *,
        subject: Subject,
        reply: bool,
        text: str,
    ) -> Mention:
        condition = self._rules.conditions[match.condition]
        denied = denial.denial(frame)
        status = {"no": Status.ABSENT, "doubt": Status.UNSURE, "none": Status.PRESENT}[denied]
        doubtful = match.vague or (denial.hedged(frame) and condition.id not in self._doubts)
        if status is Status.PRESENT and doubtful:
            status = Status.UNSURE
        days = days_ago([*frame.left, *frame.right, *frame.after], today)
        stated = claims.stated(frame, reply=reply, dated=days is not None)
        current = True
        if status is not Status.ABSENT:
            condition, status, current = self._as_of_today(condition, status, frame, sentence, days)
        return Mention(condition.id, status, subject, current, text, stated=stated, dated=days is not None)

    def _as_of_today(
        self, condition: Condition, status: Status, frame: Frame, sentence: list[str], days: int | None
    ) -> tuple[Condition, Status, bool]:
        """The condition that holds today, how surely, and whether it holds at all."""
        others = self._rules.conditions
        ended = tense.ended(frame)
        over = ended or (not tense.goes_on(frame) and tense.past(frame, dated=days is not None))
        recent = condition.recent_days
        current = True
        if condition.past is Past.COUNTS:
            if days is not None and recent is not None and days > recent:
                if condition.older is None:
                    return condition, status, False
                return others[condition.older], status, True
        elif condition.past is Past.LASTS:
            current = not ended
        elif over:
            if days is not None and recent is not None:
                current = days <= recent
            elif not ended and condition.past_undated is not None:
                status = condition.past_undated
            elif days is None or days > 1:
                current = False
        if condition.controlled_as is not None and tense.controlled([*sentence, *frame.after]):
            return others[condition.controlled_as], status, current
        if condition.late_pregnancy_as is not None and _late_pregnancy(sentence):
            return others[condition.late_pregnancy_as], status, current
        if status is Status.UNSURE and condition.unsure_as is not None:
            return others[condition.unsure_as], Status.PRESENT, current
        return condition, status, current

    def _age(self, parsed: _Parsed) -> Iterable[Mention]:
        age = patient_age(parsed.texts)
        if age is not None and age < _ADULT:
            for condition_id in ("under_12", "under_18") if age < 12 else ("under_18",):
                if condition_id in self._rules.conditions:
                    yield Mention(condition_id, Status.PRESENT, "self", current=True, text=str(age))
                    return

    def _facts(self, mentions: Iterable[Mention]) -> dict[str, Status]:
        facts: dict[str, Status] = {}
        undated: set[str] = set()
        for mention in mentions:
            if mention.subject != "self" or not mention.current or not mention.stated:
                continue
            known = facts.get(mention.condition)
            if known is None or _STRONGEST[mention.status] > _STRONGEST[known]:
                facts[mention.condition] = mention.status
            if mention.dated:
                undated.discard(mention.condition)
            elif known is None:
                undated.add(mention.condition)
        for condition in self._rules.conditions.values():
            # "Epilepsy. Last seizure 5 years ago": the second tells how the first stands.
            for told_better in (condition.older, condition.controlled_as, condition.late_pregnancy_as):
                if told_better and facts.get(told_better) is Status.PRESENT and condition.id in undated:
                    facts.pop(condition.id, None)
        return facts

    def _without_mentions(self, parsed: _Parsed) -> list[str]:
        """The words of a reply that are not about a condition: its yes, no or not-sure."""
        rest: list[str] = []
        for clause in parsed.clauses:
            named = [match for match in parsed.matches if clause.start <= match.start < clause.end]
            start = max((match.end for match in named), default=clause.start)
            tail = parsed.texts[start : clause.end]
            if not named or tail[:2] in (["or", "anything"], ["or", "any"], ["or", "none"]):
                rest.extend(tail)
        return rest


def _telling(texts: list[str], indexes: frozenset[int]) -> frozenset[int]:
    """The indexes of words that carry the meaning, without "of", "my" and the like."""
    return frozenset(index for index in indexes if texts[index] not in _GLUE) or indexes


def _variants(name: str) -> set[str]:
    """The ways in which a name is written: plural, hyphen, one word."""
    name = name.lower()
    variants = {name}
    words = name.split()
    if len(words) == 2 and all(word.isalpha() for word in words):
        variants.add("-".join(words))
        if len(name) > 8:
            variants.add("".join(words))
    if name[-1].isalpha() and not name.endswith("s"):
        variants |= {variant + "s" for variant in variants}
    return variants


def _kept(found: Iterable[_Match]) -> list[_Match]:
    """One match for each thing said: those that lie within a fuller one are dropped."""
    by_size = sorted(
        found, key=lambda match: (match.vague, -len(match.core), match.end - match.start, match.start)
    )
    kept: list[_Match] = []
    for match in by_size:
        if not any(
            match.core < other.core
            or (other.condition in (_NEITHER, _PRIVATE) and match.core & other.core)
            or (match.condition == other.condition and match.core & other.core)
            for other in kept
        ):
            kept.append(match)
    return sorted(
        (match for match in kept if match.condition not in (_NEITHER, _PRIVATE)),
        key=lambda match: match.start,
    )


def _meant_as_short_form(doc: Doc, words: list[Word], texts: list[str], start: int, end: int) -> bool:
    """Whether "MS" or "PAD" stands for an illness: in capitals, after "have", or alone."""
    written = doc[words[start].token].text
    if written.isupper() and not doc.text.isupper():
        return True
    before = texts[start - 1] if start else ""
    return before in ("have", "got", "had") or len(texts) == end - start


def _late_pregnancy(sentence: list[str]) -> bool:
    for index, word in enumerate(sentence[:-1]):
        if word.isdigit():
            unit, later = sentence[index + 1], sentence[index + 2 : index + 3]
            if later and later[0] in ("ago", "back", "old"):
                continue
            if unit in ("weeks", "week"):
                return int(word) > _LATE_WEEKS
            if unit in ("months", "month"):
                return int(word) > _LATE_MONTHS
    return False


def _of_a_relative_only(texts: list[str]) -> bool:
    return any(text in whose.RELATIVES for text in texts) and not any(
        text in ("i", "me", "am") for text in texts
    )
