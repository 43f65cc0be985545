"""How triage reads a message: order, guards, spelling, length."""

from pathlib import Path

import pytest

from needlewise.safety.triage import CALM, Decision, Level, Triage, load_rules
from tests.support.deadline import deadline

TRIAGE = Triage(load_rules(Path(__file__).parents[2] / "content" / "safety" / "red_flags.yml"))


def level_of(text: str) -> Level | None:
    return TRIAGE.assess(text).level


def test_a_calm_text_gets_the_calm_decision():
    assert TRIAGE.assess("how much is a session") == CALM


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "👍", "\u200b", "123", "\n\n"])
def test_a_text_without_words_is_calm(text):
    assert TRIAGE.assess(text) == CALM


def test_a_decision_names_rule_and_reply():
    assert TRIAGE.assess("my chest is so tight since you needled my back") == Decision(
        level=Level.EMERGENCY,
        rule="R07.breath-after-needling",
        phrase="safety.emergency_after_needling",
        speaks_alone=True,
    )


def test_a_doctor_notice_lets_the_answer_follow():
    assert TRIAGE.assess("my heel is numb").speaks_alone is False


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("i want to die and i cant breathe", Level.EMERGENCY),
        ("my husband hits me and i want to kill myself", Level.CRISIS),
        ("my husband hits me and my calf is red and hot", Level.VIOLENCE),
        ("i took too many pills and my heel is numb", Level.POISON),
        ("my foot is red hot and swollen and my heel is numb", Level.URGENT),
        ("my heel is numb and i cant walk on it", Level.DOCTOR),
    ],
)
def test_the_most_urgent_sign_speaks(text, level):
    assert level_of(text) is level


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        ("i have chest pain", "i dont have chest pain"),
        ("short of breath since tuesday", "not short of breath since tuesday"),
        ("my foot is red and hot", "my foot is not red or hot"),
        ("fever and pus from my toe", "no fever, pus or redness on my toe"),
        ("i think my foot is broken", "i dont think its broken, just sore"),
    ],
)
def test_a_denied_sign_does_not_count(said, denied):
    assert (level_of(said) is not None, level_of(denied)) == (True, None)


@pytest.mark.parametrize(
    "text",
    [
        "no i cant breathe",
        "no, my chest hurts",
        "im not ok i cant breathe",
        "not sure if this is a heart attack",
        "dont know why but my chest hurts",
        "no fever but my calf is red and swollen",
        "i dont feel good my chest hurts",
    ],
)
def test_a_no_that_denies_something_else_leaves_the_sign_standing(text):
    assert level_of(text) in (Level.EMERGENCY, Level.URGENT)


@pytest.mark.parametrize(
    "text",
    [
        "my lung collapsed in 2015, all healed",
        "i had a stroke ten years ago",
        "my dad died of a heart attack",
        "heart attacks run in my family",
        "i had a blood clot in college",
    ],
)
def test_what_is_long_past_or_in_the_family_does_not_count(text):
    assert level_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "my lung collapsed in 2015 and now my chest hurts again",
        "my mom has chest pain right now",
        "i had a stroke years ago and today my face is drooping",
    ],
)
def test_what_happens_now_counts_beside_what_is_past(text):
    assert level_of(text) is Level.EMERGENCY


@pytest.mark.parametrize(
    "text",
    [
        "could it puncture a lung",
        "what if i faint",
        "how rare is an infection",
        "is chest pain a side effect",
        "can needling cause a blood clot",
    ],
)
def test_a_question_about_risk_is_not_a_sign(text):
    assert level_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "is it normal that my calf is red and hot since needling",
        "could i be having a heart attack",
        "do i have a blood clot",
        "what if i have a blood clot, my calf is swollen and red",
    ],
)
def test_a_question_about_ones_own_sign_counts(text):
    assert level_of(text) in (Level.EMERGENCY, Level.URGENT)


@pytest.mark.parametrize(
    "text",
    [
        "cantbreathe",
        "i cant brethe",
        "I CAN’T BREATHE",
        "i c*nt breathe, chest pain",
        "chets pain",
        "my chestt hurrrts",
        "shortnes of breth",
        "im having a heart atack",
        "it wont stop bleding",
        "she is unconsious",
        "no puedo respirár",
        "ｃｈｅｓｔ ｐａｉｎ",
        "che\u200bst pain",
    ],
)
def test_hurried_typing_is_understood(text):
    assert level_of(text) is Level.EMERGENCY


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("no puedo respirar", Level.EMERGENCY),
        ("me duele el pecho", Level.EMERGENCY),
        ("me quiero morir", Level.CRISIS),
        ("me pega mi pareja", Level.VIOLENCE),
        ("no me duele el pecho", None),
    ],
)
def test_the_most_dangerous_signs_are_known_in_spanish(text, level):
    assert level_of(text) is level


def test_a_sign_at_the_end_of_a_long_rant_is_found():
    assert level_of("my heel hurts in the morning. " * 3_000 + "i cant breathe") is Level.EMERGENCY


def test_a_sign_in_the_middle_of_a_long_rant_is_found():
    rant = "my heel hurts in the morning. " * 1_500
    assert level_of(f"{rant} i cant breathe. {rant}") is Level.EMERGENCY


@pytest.mark.parametrize(
    "hostile",
    [
        "chest " * 17_000,
        "i cant " * 15_000,
        "no " * 33_000,
        "what if, " * 11_000,
        "gone now, " * 10_000,
        "a" * 100_000,
        "took pill " * 10_000,
        "!?" * 50_000,
        "od'" * 33_000,
        "a*" * 50_000,
        "a-" * 50_000,
        "".join(f"w{number}ache " for number in range(10_000)),
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_text_does_not_hold_the_service(hostile):
    """What grows with the square of the text, or worse, does not come to its end in time; the slowest here needs a second."""
    with deadline(20):
        decision = TRIAGE.assess(hostile)

    assert isinstance(decision, Decision)
