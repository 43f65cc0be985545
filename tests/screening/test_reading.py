"""What is read from patients' words: facts of their own, today, and the answers to the cards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from spacy.tokens import Doc

from needlewise.screening.reading import CardAnswer, Reader
from needlewise.screening.rules import Outcome, ScreeningRules, Status

HERE = Path(__file__).parent
Said = Callable[[str], Doc]


def _table(name: str) -> dict[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return loaded


READING = _table("reading.yml")["facts"]
REPLIES = _table("replies.yml")["replies"]
HELD_OUT = _table("held_out.yml")
ORDINARY = (HERE / "ordinary_words.txt").read_text(encoding="utf-8").split()


def _plain(facts: dict[str, Status]) -> dict[str, str]:
    return {key: status.value for key, status in facts.items()}


@pytest.mark.parametrize("line", READING, ids=lambda line: line["say"])
def test_facts_of_a_sentence(reader: Reader, said: Said, line: dict[str, Any]) -> None:
    assert _plain(reader.facts(said(line["say"]))) == line["facts"]


@pytest.mark.parametrize("line", REPLIES, ids=lambda line: f"{line['card']}: {line['say']}")
def test_reply_to_a_card(reader: Reader, said: Said, line: dict[str, Any]) -> None:
    answer = reader.answer(said(line["say"]), line["card"])
    assert (answer.verdict, _plain(answer.facts)) == (line["verdict"], line.get("facts", {}))


def test_sentences_never_tuned_on_are_read_about_as_well_as_when_first_measured(
    reader: Reader, said: Said
) -> None:
    facts = HELD_OUT["facts"]
    right = [_plain(reader.facts(said(line["say"]))) == line["facts"] for line in facts]
    assert sum(right) / len(facts) >= 0.90


def test_replies_never_tuned_on_are_read_about_as_well_as_when_first_measured(
    reader: Reader, said: Said
) -> None:
    replies = HELD_OUT["replies"]
    right = [
        (answer.verdict, _plain(answer.facts)) == (line["verdict"], line.get("facts", {}))
        for line in replies
        for answer in (reader.answer(said(line["say"]), line["card"]),)
    ]
    assert sum(right) / len(replies) >= 0.90


def test_the_held_out_sentences_are_no_building_sentences() -> None:
    built = {line["say"].lower() for line in (*READING, *REPLIES)}
    shared = [line["say"] for part in HELD_OUT.values() for line in part if line["say"].lower() in built]
    assert shared == []


# -- words that are no condition -----------------------------------------------------------------------------------------


def test_an_ordinary_word_is_no_condition(reader: Reader, said: Said) -> None:
    found = {word: _plain(reader.facts(said(f"I have the {word}"))) for word in ORDINARY}
    assert {word: facts for word, facts in found.items() if facts} == {}


def test_every_other_medicine_is_no_fact(reader: Reader, said: Said, rules: ScreeningRules) -> None:
    taken = {name: _plain(reader.facts(said(f"I take {name}"))) for name in rules.lexicon.other_medicines}
    assert {name: facts for name, facts in taken.items() if facts} == {}


def test_a_slip_in_another_medicine_never_makes_it_a_known_one(
    reader: Reader, said: Said, rules: ScreeningRules
) -> None:
    slips = {
        name[:at] + name[at + 1 :]
        for name in rules.lexicon.other_medicines
        if name.isalpha() and len(name) > 5
        for at in (1, len(name) // 2, len(name) - 1)
    }
    taken = {slip: _plain(reader.facts(said(f"I take {slip}"))) for slip in sorted(slips)}
    assert {slip: facts for slip, facts in taken.items() if facts} == {}


def test_a_slip_in_a_known_medicine_never_makes_it_another(
    reader: Reader, said: Said, rules: ScreeningRules
) -> None:
    wrong = {}
    for condition in rules.conditions.values():
        if not condition.medicine:
            continue
        for name in (*condition.words.names, *condition.words.brands):
            if not name.isalpha():
                continue
            for at in range(1, len(name)):
                slip = name[:at] + name[at + 1 :]
                if found := set(reader.facts(said(f"I take {slip}"))) - {condition.id}:
                    wrong[slip] = found
    assert wrong == {}


@pytest.mark.parametrize("medicine", ["Eliquis", "xarelto", "WARFARIN", "Coumadin", "plavix", "Brilinta"])
@pytest.mark.parametrize(
    "sentence", ["i take {}", "on {}", "{} daily", "my dr has me on {}", "taking {} right now"]
)
def test_a_known_medicine_is_always_call(
    reader: Reader, said: Said, rules: ScreeningRules, medicine: str, sentence: str
) -> None:
    facts = reader.facts(said(sentence.format(medicine)))
    assert rules.decide(facts).outcome is Outcome.CALL


# -- what is not noted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["I have HIV", "hep b carrier", "hepatitis C, cured", "HIV uncontrolled"])
def test_what_is_only_told_in_person_is_recognised_and_not_noted(
    reader: Reader, said: Said, text: str
) -> None:
    assert (reader.names_private(said(text)), reader.facts(said(text))) == (True, {})


def test_somebody_elses_condition_is_a_mention_and_no_fact(reader: Reader, said: Said) -> None:
    (mention,) = reader.mentions(said("my dad is on warfarin"))
    assert (mention.condition, mention.subject, mention.text) == ("blood_thinner", "other", "warfarin")


def test_a_stopped_medicine_is_a_mention_that_is_not_current(reader: Reader, said: Said) -> None:
    (mention,) = reader.mentions(said("I stopped Eliquis in March"))
    assert (mention.condition, mention.current, mention.text) == ("blood_thinner", False, "Eliquis")


def test_a_medicine_only_asked_about_is_a_mention_that_is_not_stated(reader: Reader, said: Said) -> None:
    (mention,) = reader.mentions(said("does Advil count?"))
    assert (mention.condition, mention.stated) == ("aspirin_nsaid", False)


# -- what a reply adds to what is known -----------------------------------------------------------------------------------


def test_a_doctors_word_is_noticed_and_lifts_nothing(
    reader: Reader, said: Said, rules: ScreeningRules
) -> None:
    answer = reader.answer(said("I'm on eliquis but my doctor said it's fine"), "call")
    assert answer.doctor_said_fine is True
    assert rules.decide(answer.recorded("call")).outcome is Outcome.CALL


@pytest.mark.parametrize(
    ("answer", "recorded"),
    [
        (CardAnswer("yes"), {"call": Status.PRESENT}),
        (CardAnswer("unsure"), {"call": Status.UNSURE}),
        (CardAnswer("no"), {}),
        (CardAnswer("none"), {}),
        (CardAnswer("yes", {"diabetes": Status.PRESENT}), {"diabetes": Status.PRESENT}),
        (CardAnswer("yes", {"diabetes": Status.ABSENT}), {"diabetes": Status.ABSENT, "call": Status.PRESENT}),
        (CardAnswer("no", {"aspirin_nsaid": Status.PRESENT}), {"aspirin_nsaid": Status.PRESENT}),
    ],
)
def test_a_named_condition_counts_as_itself_and_a_bare_answer_as_the_card(
    answer: CardAnswer, recorded: dict[str, Status]
) -> None:
    assert answer.recorded("call") == recorded


@pytest.mark.parametrize(
    "text", ["", " ", "?", "!!!", "\n", "...", "no " * 200, "5", "'", "😀", "- -", "I I I"]
)
def test_odd_messages_are_read_without_a_fact(reader: Reader, said: Said, text: str) -> None:
    assert (reader.facts(said(text)), reader.answer(said(text), "now").facts) == ({}, {})
