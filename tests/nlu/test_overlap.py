"""The training examples measure nothing that they hold themselves: no test sentence, and no near-copy of one, is among them.

Near-duplicates within the training examples are allowed; `needlewise nlu coverage --duplicates` lists them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from needlewise.nlu.corpus import Example, plain, read_examples
from needlewise.nlu.taxonomy import INTENTS, examples_wanted
from needlewise.teaching.copies import held_out_sentences, near_copies

ROOT = Path(__file__).parent.parent.parent


def taught_signs() -> Iterator[str]:
    """What the detector of urgent signs is taught, whatever the shape of its files."""
    for path in sorted((ROOT / "data" / "safety").rglob("*.yml")):
        yield from _strings(yaml.safe_load(path.read_text(encoding="utf-8")))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (line.removeprefix("- ").strip() for line in value.splitlines())
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, Sequence):
        for entry in value:
            yield from _strings(entry)


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    return read_examples(ROOT)


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    return list(held_out_sentences(ROOT))


def test_no_test_sentence_stands_in_the_training_examples(
    examples: tuple[Example, ...], held_out: list[str]
) -> None:
    places = {example.text: example.place for example in examples}
    copies = near_copies(held_out, places)
    assert [f"{places[copy]}: {copy}  =  {text}" for text, copy in copies] == []


def test_no_test_sentence_is_taught_as_an_urgent_sign(held_out: list[str]) -> None:
    assert near_copies(held_out, taught_signs()) == []


def test_no_example_stands_twice_under_an_intent(examples: tuple[Example, ...]) -> None:
    counts = Counter((example.intent, example.text.casefold()) for example in examples)
    assert [pair for pair, count in counts.items() if count > 1] == []


def test_no_example_stands_under_two_intents(examples: tuple[Example, ...]) -> None:
    intents: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        intents[plain(example.text)].add(example.intent)
    assert {text: its for text, its in intents.items() if len(its) > 1} == {}


def test_every_intent_has_as_many_examples_as_are_wanted(examples: tuple[Example, ...]) -> None:
    counts = Counter(example.intent for example in examples)
    assert {name: counts[name] for name in INTENTS if counts[name] < examples_wanted(name)} == {}


# -- the check itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("What does a visit cost?", "what does a visit cost"),
        ("does it hurt a lot when the needle goes in", "does it hurt alot when the needle goes in?"),
        ("how do i go", "How do I go?!"),
    ],
)
def test_copies_are_found(text: str, copy: str) -> None:
    assert near_copies(["where do you park", text], ["may I bring my dog", copy]) == [(text, copy)]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("what does a visit cost", "what does it cost to park"),
        ("can i go", "can i do"),
        ("is it on us", "is it on up"),
        ("not sure", "Not sure!"),
    ],
)
def test_other_sentences_and_bare_words_are_no_copies(text: str, other: str) -> None:
    assert near_copies([text], [other]) == []
