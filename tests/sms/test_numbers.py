"""A short reply means one of the numbered choices, or it is words like any other."""

import pytest

from needlewise.channels.sms.numbers import LAST, labelled, number_in

LABELS = ["What is dry needling?", "Does it hurt?", "Ask for a visit", "Talk to a person"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(
            (text, 2)
            for text in (
                "2",
                " 2 ",
                "2.",
                "2)",
                "(2)",
                "#2",
                "2!",
                "2️⃣",
                "no. 2",
                "number 2",
                "option 2",
                "Option 2 please",
            )
        ),
        *((text, 2) for text in ("two", "Two", "TWO", "two please", "number two", "i'll take 2", "I want 2")),
        *(
            (text, 2)
            for text in ("the second", "second", "The second one", "2nd", "the 2nd one", "second option")
        ),
        *((text, 2) for text in ("b", "B", "b.", "(b)", "option b")),
        *((text, 2) for text in ("dos", "el segundo", "la segunda", "opción 2", "numero dos", "2 por favor")),
        *((text, 1) for text in ("1", "one", "first", "the first one", "a", "primero", "la primera")),
        *((text, 3) for text in ("three", "third", "tercero", "c")),
        *((text, LAST) for text in ("the last one", "last", "la última")),
        ("12", 12),
        ("0", 0),
    ],
)
def test_a_number_in_any_way_people_write_it(text: str, number: int) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "no",
        "yes",
        "y",
        "n",
        "none",
        "two weeks",
        "2 weeks ago",
        "1 or 2",
        "1 and 3",
        "both",
        "410-555-0123",
        "2025550140",
        "911",
        "at 2",
        "2 pm",
        "second opinion",
        "one more question",
        "a bit",
        "the second toe hurts",
        "first visit",
    ],
)
def test_other_words_are_no_number(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Does it hurt?", 1),
        ("does it hurt", 1),
        ("DOES IT HURT!!", 1),
        ("ask for a visit", 2),
        ("ask for a vist", 2),
        ("talk to a persn", 3),
    ],
)
def test_the_words_of_a_choice_choose_it(text: str, place: int) -> None:
    assert labelled(text, LABELS) == place


@pytest.mark.parametrize("text", ["does it hurt a lot", "visit", "hurt", "", "talk", "does it work?"])
def test_words_that_are_not_a_choices_own_choose_none(text: str) -> None:
    assert labelled(text, LABELS) is None


def test_two_choices_that_are_as_near_choose_none() -> None:
    assert labelled("oak parc", ["Oak Park", "Oak Part"]) is None
