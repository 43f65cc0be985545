"""What an editor of the training examples is shown: where they are few, doubled or mixed up, and what patients said beside them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from needlewise import cli
from needlewise.errors import NeedlewiseError
from needlewise.nlu.corpus import (
    Example,
    Guess,
    confusions,
    coverage,
    encode,
    plain,
    read_examples,
    strays,
    suggestions,
)
from needlewise.nlu.taxonomy import INTENTS, MOST_ASKED, examples_wanted
from needlewise.settings import Settings
from tests.support.service import run_command

HURT = ["does it hurt", "is it painful", "will i feel pain", "how bad does it hurt", "is the needle sore"]
COST = ["how much is it", "what does it cost", "what is the price", "how much do you charge", "price please"]
HELLO = ["hello", "hi there", "good morning", "hey you", "hi"]

Project = Callable[..., Path]


def examples(**intents: list[str]) -> tuple[Example, ...]:
    lines = [(intent, text) for intent, texts in intents.items() for text in texts]
    return tuple(
        Example(intent, text, Path("data.yml"), at) for at, (intent, text) in enumerate(lines, start=1)
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with nothing but these examples."""

    def write(**intents: list[str]) -> Path:
        folder = tmp_path / "data" / "nlu"
        folder.mkdir(parents=True)
        lines = ['version: "3.1"', "nlu:"]
        for intent, texts in intents.items():
            lines += [f"- intent: {intent}", "  examples: |", *(f"    - {text}" for text in texts)]
        (folder / "some.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


# -- reading ---------------------------------------------------------------------------------------------------------


def test_an_example_knows_its_line(project: Project) -> None:
    root = project(cost=COST, greet=HELLO)
    found = read_examples(root)
    assert [example.text for example in found] == COST + HELLO
    lines = (root / "data/nlu/some.yml").read_text().splitlines()
    assert [lines[example.line - 1] for example in found] == [f"    - {text}" for text in COST + HELLO]
    assert found[0].place == "data/nlu/some.yml:5"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nlu: [", "^data/nlu/some.yml:2: not valid YAML"),
        ("version: 3", "^data/nlu/some.yml:1: a training file needs a list `nlu:`"),
        ("nlu:\n- intent: cost\n", "^data/nlu/some.yml:2: cost needs `examples: |`"),
        ("nlu:\n- synonym: pf\n  examples: |\n    - plantar\n", "there are no examples"),
    ],
)
def test_a_file_that_is_no_training_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    folder = tmp_path / "data" / "nlu"
    folder.mkdir(parents=True)
    (folder / "some.yml").write_text(text)
    with pytest.raises(NeedlewiseError, match=complaint):
        read_examples(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't  know!!", "dont know"),
        ("DRY NEEDLING?", "dry needling"),
        ("heel-pain", "heel pain"),
        ("👍", "👍"),
    ],
)
def test_copies_have_their_plain_words_in_common(text: str, words: str) -> None:
    assert plain(text) == words


# -- coverage --------------------------------------------------------------------------------------------------------


def test_the_twenty_most_asked_intents_need_more_examples_than_the_others() -> None:
    assert len(set(MOST_ASKED)) == 20
    assert set(MOST_ASKED) <= set(INTENTS)
    assert {examples_wanted(intent) for intent in MOST_ASKED} == {60}
    assert {examples_wanted(intent) for intent in INTENTS if intent not in MOST_ASKED} == {35}


def test_every_intent_is_counted_even_without_an_example() -> None:
    found = examples(cost=COST, greet=HELLO)
    rows = {row.intent: row for row in coverage(found, encode(found))}
    assert set(rows) == set(INTENTS)
    assert (rows["cost"].examples, rows["cost"].wanted, rows["cost"].is_short) == (5, 60, True)
    assert (rows["telehealth"].examples, rows["telehealth"].spread) == (0, 0.0)


def test_what_lacks_most_comes_first() -> None:
    found = examples(cost=COST, greet=HELLO)
    rows = coverage(found, encode(found))
    lacking = [row.wanted - row.examples for row in rows]
    assert lacking == sorted(lacking, reverse=True)


def test_enough_examples_are_not_short() -> None:
    found = examples(greet=[f"hello number {number}" for number in range(35)])
    (row,) = (row for row in coverage(found, encode(found)) if row.intent == "greet")
    assert not row.is_short


def test_varied_examples_spread_wider_than_much_the_same() -> None:
    found = examples(
        cost=["what does it cost", "what will it cost", "what would it cost"], greet=["hi", "my heel", "fish"]
    )
    rows = {row.intent: row for row in coverage(found, encode(found))}
    assert rows["greet"].spread > rows["cost"].spread > 0


@pytest.mark.parametrize("again", ["Does it hurt?", "hurt, does it", "does it hurt?!"])
def test_the_same_words_are_a_repeat(again: str) -> None:
    found = examples(does_it_hurt=["does it hurt", "is it painful", again])
    (row,) = (row for row in coverage(found, encode(found)) if row.examples)
    assert [(example.text, earlier.text) for example, earlier in row.repeats] == [(again, "does it hurt")]


def test_nearly_the_same_meaning_is_a_repeat() -> None:
    found = examples(cost=["how much does it cost", "what is the price", "how much does it costs"])
    (row,) = (row for row in coverage(found, encode(found)) if row.examples)
    assert [example.line for example, _ in row.repeats] == [3]


# -- confusions ------------------------------------------------------------------------------------------------------


def test_intents_that_are_apart_are_not_confused() -> None:
    found = examples(cost=COST, does_it_hurt=HURT)
    assert confusions(found, encode(found)) == []
    assert strays(found, encode(found)) == []


def test_an_example_under_the_wrong_intent_is_shown_with_what_draws_it() -> None:
    found = examples(cost=[*COST, "how painful is it"], does_it_hurt=HURT)
    (pair,) = confusions(found, encode(found))
    assert pair.intents == ("cost", "does_it_hurt")
    (case,) = pair.cases
    assert case.example.text == "how painful is it"
    assert case.drawn_by.text in HURT


def test_an_example_closer_to_another_centre_is_listed() -> None:
    found = examples(cost=[*COST, "how painful is it"], does_it_hurt=HURT)
    (stray,) = strays(found, encode(found))
    assert (stray.example.text, stray.closer_to) == ("how painful is it", "does_it_hurt")
    assert stray.by > 0


def test_what_is_out_of_scope_has_no_centre_to_be_close_to() -> None:
    found = examples(cost=[*COST, "how painful is it"], out_of_scope=HURT)
    assert strays(found, encode(found)) == []


def test_a_lone_example_is_not_confused_with_anything() -> None:
    found = examples(cost=["what does it cost"])
    assert confusions(found, encode(found)) == []


# -- suggestions -----------------------------------------------------------------------------------------------------


def test_sentences_are_grouped_by_nearest_intent_with_out_of_scope_last() -> None:
    nearest = {"a fish": "out_of_scope", "a bird": "out_of_scope", "the bill": "cost"}
    groups = suggestions(nearest, lambda text: Guess(False, nearest[text]), str)
    assert list(groups.items()) == [("cost", ["the bill"]), ("out_of_scope", ["a fish", "a bird"])]


def test_what_was_understood_is_not_suggested() -> None:
    assert suggestions(["the bill"], lambda _: Guess(True, "cost"), str) == {}


def test_each_sentence_is_masked_and_given_once() -> None:
    said = ["call Dave", "Call Ann!", "the bill"]
    groups = suggestions(
        said,
        lambda _: Guess(False, "cost"),
        lambda text: text.replace("Dave", "[name]").replace("Ann", "[name]"),
    )
    assert groups == {"cost": ["call [name]", "the bill"]}


# -- the commands ----------------------------------------------------------------------------------------------------


def test_coverage_fails_when_an_intent_is_short(project: Project) -> None:
    root = project(cost=[*COST, "What does it cost?"])
    done = run_command(root, "nlu", "coverage", "--duplicates", NEEDLEWISE_ROOT=str(root), COLUMNS="120")
    assert done.returncode == 1, done.stderr
    assert "Too few examples: " in done.stderr
    assert "data/nlu/some.yml:10 What does it cost?  =  data/nlu/some.yml:6 what does it cost" in done.stdout


def test_coverage_is_content_when_every_intent_has_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = examples(**{intent: [f"{intent} {number}" for number in range(60)] for intent in INTENTS})
    vectors = np.zeros((len(found), 384), dtype=np.float32)
    monkeypatch.setattr(cli, "_encoded_examples", lambda: (found, vectors))
    cli.nlu_coverage()
    assert capsys.readouterr().err == "Every intent has as many examples as are wanted.\n"


def test_confusions_shows_pairs_and_odd_ones_out_with_their_lines(project: Project) -> None:
    root = project(cost=[*COST, "how painful is it"], does_it_hurt=HURT)
    done = run_command(root, "nlu", "confusions", NEEDLEWISE_ROOT=str(root))
    assert done.returncode == 0, done.stderr
    pair, case, _, heading, stray = done.stdout.splitlines()
    assert pair == "cost / does_it_hurt: 1"
    assert case.startswith("  data/nlu/some.yml:10 how painful is it  ->  data/nlu/some.yml:")
    assert heading == "Closer to another intent's centre than to their own"
    assert stray.startswith("  data/nlu/some.yml:10 how painful is it  ->  does_it_hurt, by 0.")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["coverage"], "needlewise: there are no examples in "),
        (["suggest", "missing.txt"], "needlewise: missing.txt cannot be read: No such file or directory"),
        (["suggest", "latin.txt"], "needlewise: latin.txt is not a text in UTF-8"),
        (["suggest", "long.txt"], "needlewise: line 2 is longer than a message may be: one sentence a line"),
    ],
)
def test_misuse_is_one_plain_line(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "long.txt").write_text("short\n" + "long " * 1000 + "\n")
    done = run_command(tmp_path, "nlu", *arguments, NEEDLEWISE_ROOT=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


def test_an_unknown_intent_is_misuse(project: Project) -> None:
    root = project(cost=COST)
    done = run_command(root, "nlu", "confusions", "--intent", "money", NEEDLEWISE_ROOT=str(root))
    assert done.returncode == 2
    assert done.stderr == "needlewise: data/nlu has no intent money\n"


def test_suggest_prints_masked_lines_to_paste(base_settings: Settings, tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    said.write_text("does it hurt\ncan Dave Miller fix the gearbox of my truck\n\nI cant breathe\n")
    done = run_command(base_settings.root, "nlu", "suggest", str(said), NEEDLEWISE_VAR=str(base_settings.var))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "# nearest to out_of_scope: 1",
        "    - can [name] fix the gearbox of my truck",
    ]
    assert "Free them of personal data first" in done.stderr
    assert "1 of 3 sentences" in done.stderr
