"""What the messages of a turn look like on a phone: few texts, one list of numbers, each within its parts."""

from typing import Any

import pytest

from needlewise.channels.sms.texts import MOST_SEGMENTS, planned
from needlewise.conversations.log import Outgoing
from needlewise.text.segments import cut, folded, segments


def message(
    text: str, *labels: str, kind: str = "notice", input: str | None = None, ids: str = "id"
) -> Outgoing:
    wire: dict[str, Any] = {
        "id": "m",
        "text": text,
        "kind": kind,
        "choices": [
            {"id": f"{ids}{number}", "label": label, "alone": True} for number, label in enumerate(labels)
        ],
        "input": {"kind": input, "fields": []} if input else None,
    }
    return Outgoing(wire, text, kind, ())


def test_a_short_choice_is_one_line() -> None:
    assert planned([message("Shall I send it?", "Yes", "No", kind="question", input="one")]).texts == (
        "Shall I send it?\n1 Yes  2 No",
    )


def test_longer_choices_have_a_line_each_in_the_same_text() -> None:
    plan = planned([message("Which office?", "Mill Street", "Oak Park", "Harbor", input="one")])
    assert plan.texts == ("Which office?\n1 Mill Street\n2 Oak Park\n3 Harbor",)
    assert plan.offered == ("id0", "id1", "id2")


def test_an_answer_and_the_question_after_it_are_one_text() -> None:
    answer = message("It can ache.", "Why?", kind="answer", ids="old")
    plan = planned([answer, message("Go on?", "Yes", "No", kind="question")])
    assert plan.texts == ("It can ache.\n\nGo on?\n1 Yes  2 No",)
    assert plan.offered == ("id0", "id1")


def test_the_suggestions_of_an_answer_are_left_out_where_they_need_another_part() -> None:
    full = "a " * 140
    assert planned([message(full, "Tell me more", "How many visits", kind="answer")]).offered == ()
    assert segments(planned([message(full, "Tell me more", kind="answer")]).texts[0]).count == 2


@pytest.mark.parametrize("input", ["many", "form"])
def test_a_card_and_a_form_field_have_no_numbers(input: str) -> None:
    plan = planned([message("Reply YES, NO or NOT SURE.", "Chest pain", "None", input=input)])
    assert (plan.texts, plan.offered) == (("Reply YES, NO or NOT SURE.",), ())


@pytest.mark.parametrize("kind", ["urgent", "crisis"])
def test_urgent_words_come_first_and_alone(kind: str) -> None:
    plan = planned(
        [message("Call 911 now.", kind=kind), message("When you are safe, go on."), message("Bye.")]
    )
    assert plan.texts == ("Call 911 now.", "When you are safe, go on.\n\nBye.")


def test_texts_are_not_joined_where_that_costs_a_part() -> None:
    # 158 and 158 fill two parts alone, and 318 with the blank line need three.
    plan = planned([message("a" * 158), message("b" * 158)])
    assert [segments(text).count for text in plan.texts] == [1, 1]


def test_what_is_longer_than_a_text_may_be_is_cut_between_words() -> None:
    words = "The needle goes into the muscle of the calf or the foot. " * 20
    texts = planned([message(words)]).texts
    assert [segments(text).count <= MOST_SEGMENTS for text in texts] == [True] * len(texts)
    assert " ".join(texts).split() == words.split()
    assert all(text.endswith(".") for text in texts)


def test_typographic_characters_do_not_make_a_text_dearer() -> None:
    plan = planned([message("It’s “fine” — really… 50° • yes")])
    assert plan.texts == ('It\'s "fine" - really... 50 degrees - yes',)
    assert segments(plan.texts[0]).encoding == "GSM-7"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë á la carte", "Zoë á la carte"),
        ("¿Dónde está el pie? " * 6, "¿Donde esta el pie? " * 6),
        ("Zoë " * 30, "Zoe " * 30),
        ("naïve 👍 " * 20, "naïve 👍 " * 20),
    ],
    ids=["short enough", "Spanish", "a name", "nothing gained"],
)
def test_an_accent_is_dropped_only_where_that_saves_a_part(text: str, shown: str) -> None:
    assert folded(text) == shown


LINK = "https://riverbend.example.com/visit?office=mill-street&kind=first"


@pytest.mark.parametrize("before", range(90, 165, 5))
def test_a_link_is_never_cut(before: int) -> None:
    text = "word " * (before // 5) + LINK + " and more words after it" * 4
    assert [piece for piece in cut(text, 1) if LINK in piece] != []


@pytest.mark.parametrize("cluster", ["😀", "👩‍👩‍👧", "🇺🇸", "e\u0301"])
def test_what_a_reader_sees_as_one_character_is_never_cut(cluster: str) -> None:
    pieces = cut(cluster * 120, 1)
    assert "".join(pieces) == cluster * 120
    assert [len(piece) % len(cluster) for piece in pieces] == [0] * len(pieces)
    assert [segments(piece).count for piece in pieces] == [1] * len(pieces)


def test_a_text_that_fits_is_not_touched() -> None:
    assert cut("one\n\ntwo", 1) == ["one\n\ntwo"]
    assert cut("", 1) == []
