"""What may be an example, and what the file of examples holds, whatever patients wrote."""

from collections.abc import Sequence

import pytest
import yaml

from needlewise.nlu.corpus import plain
from needlewise.teaching.copies import Known, Shelf
from needlewise.teaching.examples import Example, Fault, cleaned, fault_of, stand_in
from needlewise.teaching.training_file import as_yaml

TAUGHT = {"what does a visit cost": "cost", "how much": "cost", "where do i park": "locations"}
KNOWN = Known(TAUGHT, Shelf.of(TAUGHT), Shelf.of(["will my plan pay for the needles or not"]))
NEW = "do i pay when i come in or later on"


def example(text: str, intent: str = "cost", id: str = "e") -> Example:
    return Example(id, intent, text)


@pytest.mark.parametrize(
    ("text", "intent", "fault"),
    [
        (NEW, "cost", None),
        ("so what's the price for my first two visits together", "cost", None),
        ("", "cost", Fault.EMPTY),
        ("?!?", "cost", Fault.EMPTY),
        (NEW, "urgent_red_flag", Fault.NO_INTENT),
        (NEW, "no_such", Fault.NO_INTENT),
        ("x" * 401, "cost", Fault.LONG),
        ("im [name], do i pay when i come in", "cost", Fault.MASKED),
        ("IM [NAME], do i pay when i come in", "cost", Fault.MASKED),
        ("do i pay [later](cost) or when i come", "cost", Fault.BRACKETS),
        ('do i pay [later]{"entity": "x"} or now', "cost", Fault.BRACKETS),
        ("FILL-IN do i pay when i come in", "cost", Fault.UNFINISHED),
        ("call me at 410-555-0123 about what i owe you", "cost", Fault.PERSONAL),
        ("send the bill to kara.finch@gmail.com please now", "cost", Fault.PERSONAL),
        ("i live at 12 Main Street, do i pay more for that", "cost", Fault.PERSONAL),
        ("Will my plan pay for the needles, or not?", "insurance", Fault.TEST),
        ("will my plan pay for the needels or not", "insurance", Fault.TEST),
        ("What does a visit cost?", "cost", Fault.TAUGHT),
        ("what does a vist cost", "cost", Fault.TAUGHT),
        ("How much?", "cost", Fault.TAUGHT),
        ("what does a visit cost", "insurance", Fault.ELSEWHERE),
    ],
)
def test_what_may_be_an_example(text: str, intent: str, fault: Fault | None) -> None:
    assert fault_of(text, intent, KNOWN) == fault


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (example("Do I pay when I come in, or later on?"), Fault.WAITING),
        (example("do i pay when i come in or latr on"), Fault.WAITING),
        (example("do i pay when i come in or later on", "insurance"), Fault.ELSEWHERE),
        (example("can i have a receipt for my taxes"), None),
    ],
)
def test_an_example_says_what_no_other_of_the_console_says(other: Example, fault: Fault | None) -> None:
    assert fault_of(NEW, "cost", KNOWN, [other]) == fault


def test_without_test_sentences_the_rest_is_checked() -> None:
    untested = Known(TAUGHT, Shelf.of(TAUGHT), None)
    assert fault_of("will my plan pay for the needles or not", "insurance", untested) is None
    assert fault_of("how much", "cost", untested) is Fault.TAUGHT


@pytest.mark.parametrize(
    ("redacted", "text"),
    [
        ("im [name], call [phone]", "im Sam, call my number"),
        ("write to [email] at [address]", "write to my email at my address"),
        ("born [dob], account [number]", "born my birthday, account my number"),
        ("an array[name2] stays", "an array[name2] stays"),
    ],
)
def test_masks_have_neutral_stand_ins_which_hold_nothing_personal(redacted: str, text: str) -> None:
    assert stand_in(redacted) == text
    assert fault_of(text, "cost", KNOWN) in (None, Fault.BRACKETS)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines - and\tmore", "two lines - and more"),
        ("next\u0085line\u2028and\u2029more", "next line and more"),
        ("a\x00b\x1b[31mc\ufeff", "a b [31mc"),
        ("  so   much  room ", "so much room"),
        ("naïve 🙏 olé", "naïve 🙏 olé"),
    ],
)
def test_a_text_is_one_line_that_yaml_can_hold(text: str, line: str) -> None:
    assert cleaned(text) == line


HOSTILE = (
    "<script>alert(1)</script> do i pay now",
    "=cmd|' /C calc'!A0 is the price",
    "- intent: greet",
    "# what about the money",
    "cost: yes | no > maybe & so on * all",
    "'quoted\" and \\n back\\slashed what do i owe",
    "!!python/object/apply:os.system for money",
    "{{ 7*7 }} dollars or more for this",
    "%YAML 1.2 --- money ... please tell",
)


def read(text: str) -> dict[str, list[str]]:
    loaded = yaml.safe_load(text)
    assert loaded["version"] == "3.1"
    return {
        block["intent"]: [line.removeprefix("- ") for line in block["examples"].splitlines()]
        for block in loaded["nlu"]
    }


def test_whatever_was_written_stays_words_in_the_file() -> None:
    new = [example(cleaned(text), id=str(at)) for at, text in enumerate(HOSTILE)]
    assert all(fault_of(one.text, "cost", KNOWN) is None for one in new)
    assert read(as_yaml(new, KNOWN).text) == {"cost": [one.text for one in new]}


@pytest.mark.parametrize(
    ("text", "intent", "fault"),
    [
        ("im [name], do i pay when i come in", "cost", Fault.MASKED),
        ("call me at 410-555-0123 about what i owe you", "cost", Fault.PERSONAL),
        ("will my plan pay for the needles or not", "insurance", Fault.TEST),
        ("how much", "insurance", Fault.ELSEWHERE),
        ("what is gone from the taxonomy then", "old_topic", Fault.NO_INTENT),
    ],
)
def test_what_got_past_its_editor_gets_into_no_file(text: str, intent: str, fault: Fault) -> None:
    bad = example(text, intent)
    written = as_yaml([bad, example(NEW)], KNOWN)
    assert read(written.text) == {"cost": [NEW]}
    assert written.left_out == ((bad, fault),)


def test_an_export_keeps_what_stood_in_the_file_and_adds_what_is_new() -> None:
    earlier = [("locations", "where do i park"), ("cost", "what does a visit cost")]
    written = as_yaml([example("What does a visit cost?"), example(NEW)], KNOWN, earlier=earlier)
    assert read(written.text) == {
        "cost": ["what does a visit cost", NEW],
        "locations": ["where do i park"],
    }
    assert [one.text for one in written.added] == [NEW]


def test_an_export_of_the_same_examples_again_changes_nothing() -> None:
    once = as_yaml([example(NEW)], KNOWN)
    taught = {**TAUGHT, NEW: "cost"}
    again = as_yaml([example(NEW)], Known(taught, Shelf.of(taught), KNOWN.tests), earlier=_pairs(once.text))
    assert again.text == once.text
    assert again.added == again.left_out == ()


def test_the_copies_of_two_clinics_become_one_line() -> None:
    written = as_yaml([example(NEW, id="a"), example(NEW.upper(), id="b")], KNOWN)
    assert [plain(line) for line in read(written.text)["cost"]] == [plain(NEW)]


def _pairs(text: str) -> Sequence[tuple[str, str]]:
    return [(intent, line) for intent, lines in read(text).items() for line in lines]
