"""Which texts ask for no more texts: the official words, and what people write instead."""

import re
from pathlib import Path

import pytest

from needlewise.channels.sms.consent import Wishes, load_wishes
from needlewise.content.files import read_yaml
from needlewise.content.model import OptOutRules
from needlewise.conversations.opt_out import OptOut
from needlewise.errors import ContentError
from tests.support.deadline import deadline

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
LEAST_RECALL, MOST_FALSE = 0.99, 0.01


@pytest.fixture(scope="module")
def wishes() -> Wishes:
    return load_wishes(ROOT / "content")


def kind(wishes: Wishes, text: str, *, opted_out: bool = False) -> str | None:
    wish = wishes.of(text, opted_out=opted_out)
    return wish.kind if wish else None


# Twilio (help center, "SMS STOP filtering"), 47 CFR 64.1200(a)(10), CTIA 5.1.3, AWS "Required opt-out keywords".
@pytest.mark.parametrize("word", [
    "STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL",
    "stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe",
    "please opt me out", "ARRET", "OPT-OUT", "REMOVE", "TD",
    "alto", "parar", "baja", "no más", "cancelar",
])  # fmt: skip
@pytest.mark.parametrize("shape", ["{}", " {} ", "{}.", "{}!!", '"{}"', "({})", "*{}*", "{}\n", "​{}"])
def test_an_official_word_counts_in_any_case_and_punctuation(wishes: Wishes, word: str, shape: str) -> None:
    for written in (word, word.lower(), word.upper(), word.capitalize()):
        wish = wishes.of(shape.format(written), opted_out=False)
        assert wish is not None, written
        assert (wish.kind, wish.alone) == ("stop", True)


@pytest.mark.parametrize("name", ["opt_out.yml", "opt_out_development.yml"])
def test_opt_outs_in_other_words_are_heard_and_little_else(wishes: Wishes, name: str) -> None:
    """docs/sms.md tells what these figures were when the lines were new."""
    lines = read_yaml(HERE / name, dict[str, list[str]])
    missed = [text for text in lines["opt_outs"] if kind(wishes, text) != "stop"]
    wrong = [text for text in lines["others"] if kind(wishes, text) == "stop"]
    assert len(missed) <= (1 - LEAST_RECALL) * len(lines["opt_outs"]), missed
    assert len(wrong) <= MOST_FALSE * len(lines["others"]), wrong


def test_the_test_set_is_large_enough_to_mean_something() -> None:
    lines = read_yaml(HERE / "opt_out.yml", dict[str, list[str]])
    assert len(set(lines["opt_outs"])) >= 300
    assert len(set(lines["others"])) >= 400


def test_what_patients_ask_about_other_things_is_no_opt_out(wishes: Wishes) -> None:
    """The examples of every other intent, thousands of them."""
    examples: list[str] = []
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in re.split(r"\n(?=- intent: )", path.read_text(encoding="utf-8")):
            intent = re.match(r"- intent: (\w+)", block)
            # Out of scope has "wrong number" and "get lost", which on the text number are opt-outs.
            if intent and intent[1] not in ("opt_out", "out_of_scope"):
                examples += re.findall(r"^    - (.+)$", block, re.MULTILINE)
    assert len(examples) > 5000
    wrong = [text for text in examples if kind(wishes, text) == "stop"]
    assert len(wrong) <= len(examples) // 1000, wrong


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("STOP", "carrier"),
        ("opt out", "fcc"),
        ("please opt me out", "ctia"),
        ("remove", "other_carrier"),
        ("baja", "spanish"),
        ("please quit texting me", "phrase"),
        ("ya no me manden mensajes", "phrase_spanish"),
        ("wrong number", "wrong_person"),
    ],
)
def test_the_class_of_the_wording_is_kept(wishes: Wishes, text: str, wording: str) -> None:
    wish = wishes.of(text, opted_out=False)
    assert wish is not None
    assert wish.wording == wording


@pytest.mark.parametrize(
    "text", ["please quit texting me", "stop texting me I can't breathe", "take me off this list"]
)
def test_an_opt_out_in_other_words_is_read_by_safety_too(wishes: Wishes, text: str) -> None:
    wish = wishes.of(text, opted_out=False)
    assert wish is not None
    assert wish.alone is False


@pytest.mark.parametrize("text", ["START", "start", "Unstop", "start texting me again", "empezar"])
@pytest.mark.parametrize("opted_out", [True, False])
def test_start_is_heard(wishes: Wishes, text: str, opted_out: bool) -> None:
    assert kind(wishes, text, opted_out=opted_out) == "start"


@pytest.mark.parametrize("text", ["yes", "YES", "Sí"])
def test_yes_is_a_start_only_after_a_stop(wishes: Wishes, text: str) -> None:
    assert kind(wishes, text, opted_out=True) == "start"
    assert kind(wishes, text, opted_out=False) is None


@pytest.mark.parametrize("text", ["HELP", "help.", "INFO", "ayuda"])
def test_help_is_heard_but_not_after_a_stop(wishes: Wishes, text: str) -> None:
    assert kind(wishes, text, opted_out=False) == "help"
    assert kind(wishes, text, opted_out=True) is None


@pytest.mark.parametrize(
    "text", ["help me", "can you help my heel", "info about cost", "start over", "when can i start running"]
)
def test_help_and_start_are_whole_messages(wishes: Wishes, text: str) -> None:
    assert kind(wishes, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "to " * 1300,
        "stop the " * 400,
        "no me los las mas " * 200,
        "please " * 500 + "x",
        "a" * 4000,
        "\u0301" * 4000,
        "don't want to get any of these " * 120,
        "((((" * 1000,
    ],
    ids=lambda text: text[:16],
)
def test_no_text_holds_the_service(wishes: Wishes, text: str) -> None:
    with deadline(5):
        assert kind(wishes, text) in (None, "stop")


@pytest.mark.parametrize("text", ["", "   ", "🦶", "\x00", "???", "\ud800"])
def test_a_text_of_no_words_is_no_wish(wishes: Wishes, text: str) -> None:
    assert wishes.of(text, opted_out=False) is None


def test_a_pattern_that_names_no_group_is_refused() -> None:
    rules = read_yaml(ROOT / "content" / "opt_out.yml", OptOutRules)
    rules.never.append("{nobody} stops")
    with pytest.raises(ContentError, match="nobody"):
        OptOut(rules)


def test_a_word_that_is_spelled_right_is_no_slip() -> None:
    rules = read_yaml(ROOT / "content" / "opt_out.yml", OptOutRules)
    assert OptOut(rules, ordinary=["shop"]).read("shop") is None
    assert OptOut(rules).read("stpo") is not None
