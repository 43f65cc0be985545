"""From a key to words: channel, language and clinic choose the text; nothing unfilled reaches a patient."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from needlewise.content.library import Library, load_library
from needlewise.content.model import Answer, Clinic, Phrase, Source
from needlewise.content.render import Place, Renderer, shown_phone
from needlewise.content.rendered import Choice
from needlewise.errors import ContentError

CLINIC = {
    "clinic": "mill",
    "name": "Mill Foot Care",
    "profession": "physical_therapy",
    "provider_word": "therapist",
    "timezone": "America/New_York",
    "booking": {"way": "inbox", "visit_kinds": []},
}
ANSWER = {
    "topic": "cost",
    "version": 3,
    "review_by": "2027-01-01",
    "sources": ["book"],
    "related": ["hours", "place", "gone"],
    "en": {
        "title": "What does it cost?",
        "web": "{price}\n\nTo ask, {contact}.",
        "sms": "{price} To ask, {contact}.",
        "more": "**More** of it.",
        "follow_ups": {"why": "Because of {clinic}."},
        "clinic": {"price": {"unset": {"web": "We do not know. Ask {clinic}.", "sms": "Not known."}}},
    },
}


def _answer(topic: str, **changes: Any) -> Answer:
    return msgspec.convert(ANSWER | {"topic": topic} | changes, Answer)


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    """Three small answers beside the shipped phrases."""
    shipped = load_library(root / "content")
    own = {
        "some.greeting": {
            "en": {"web": "Hello from **{clinic}**. [Call 911](tel:911).", "sms": "Hi from {clinic}."},
            "es": "Hola de {clinic}.",
            "choices": [{"topic": "cost"}, {"act": "greet", "label": {"en": "Hello", "es": "Hola"}}],
        },
        "some.web_only": {"en": "Hello.\n\n- **One**\n- Two, at [our page](https://example.com)"},
        "some.place": {"en": "At {place}, for {key}."},
        "some.typo": {"en": "Hello {clinick}."},
        "some.alarm": {"kind": "urgent", "en": "[Call 911](tel:911) now. [Call 911](tel:911)."},
    }
    plain = {"title": "Other words", "web": "Other.", "sms": "Other."}
    return Library(
        {
            "cost": _answer("cost"),
            "hours": _answer("hours", related=[], en=plain | {"title": "Our hours"}),
            "place": _answer("place", related=[], en=plain | {"title": "Our place"}),
        },
        {**shipped.phrases, **msgspec.convert(own, dict[str, Phrase])},
        shipped.clinics,
        {"book": Source("A book", "A house", "https://example.com/book", 2020)},
    )


@pytest.fixture(scope="module")
def renderer(library: Library) -> Renderer:
    return Renderer(library)


def place(channel: str = "web", language: str = "en", **profile: Any) -> Place:
    return Place(msgspec.convert(CLINIC | profile, Clinic), channel, language)


PRICE: Mapping[str, Any] = {
    "settings": {"price": {"en": {"web": "A visit costs $90.", "sms": "$90 a visit."}}}
}
PHONE: Mapping[str, Any] = {"contact": {"phone": "+12025550140", "email": "a@example.com"}}


# -- answers ---------------------------------------------------------------------------------------


def test_a_clinics_own_sentence_is_shown_where_it_is_set(renderer: Renderer) -> None:
    assert renderer.answer("cost", place(**PRICE)).text.startswith("A visit costs $90.\n\n")


def test_a_setting_that_is_not_set_is_said_to_be_unknown(renderer: Renderer) -> None:
    assert renderer.answer("cost", place()).text.startswith("We do not know. Ask Mill Foot Care.\n\n")


@pytest.mark.parametrize(
    ("profile", "text"), [(PRICE, "$90 a visit. To ask, "), ({}, "Not known. To ask, ")], ids=["set", "unset"]
)
def test_a_text_message_takes_the_sms_forms(renderer: Renderer, profile: dict[str, Any], text: str) -> None:
    assert renderer.answer("cost", place("sms", **profile)).text.startswith(text)


@pytest.mark.parametrize(
    ("part", "text", "key"),
    [
        ("more", "**More** of it.", "cost/more"),
        ("why", "Because of Mill Foot Care.", "cost/why"),
        ("how_long", "We do not know.", "cost/web"),
    ],
)
def test_a_part_of_an_answer_is_shown_or_the_short_answer_where_it_has_none(
    renderer: Renderer, part: str, text: str, key: str
) -> None:
    rendered = renderer.answer("cost", place(), part=part)
    assert (rendered.text[: len(text)], rendered.key) == (text, key)


def test_an_answer_offers_more_and_its_first_two_neighbours(renderer: Renderer) -> None:
    assert renderer.answer("cost", place()).choices == (
        Choice("Tell me more", {"follow_up": "more", "topic": "cost"}),
        Choice("Our hours", {"topic": "hours"}),
        Choice("Our place", {"topic": "place"}),
    )


def test_the_long_answer_offers_nothing(renderer: Renderer) -> None:
    assert renderer.answer("cost", place(), part="more").choices == ()


def test_an_answer_names_its_version_and_its_sources(renderer: Renderer) -> None:
    [note] = renderer.answer("cost", place()).answers
    assert (note.topic, note.version) == ("cost", 3)
    assert [(source.id, source.title, source.year) for source in note.sources] == [("book", "A book", 2020)]


# -- phrases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "language", "text"),
    [
        ("web", "en", "Hello from **Mill Foot Care**. [Call 911](tel:911)."),
        ("sms", "en", "Hi from Mill Foot Care."),
        ("web", "es", "Hola de Mill Foot Care."),
        ("web", "fr", "Hello from **Mill Foot Care**. [Call 911](tel:911)."),
    ],
)
def test_channel_and_language_choose_the_words(
    renderer: Renderer, channel: str, language: str, text: str
) -> None:
    assert renderer.words("some.greeting", place(channel, language)) == text


def test_a_phrase_without_an_sms_form_is_sent_as_plain_text(renderer: Renderer) -> None:
    assert renderer.words("some.web_only", place("sms")) == "Hello. One Two, at our page: https://example.com"


def test_choices_take_a_topics_title_or_a_label_in_the_patients_language(renderer: Renderer) -> None:
    assert renderer.phrase("some.greeting", place(language="es")).choices == (
        Choice("What does it cost?", {"topic": "cost"}),
        Choice("Hola", {"act": "greet"}),
    )


def test_values_may_have_any_name(renderer: Renderer) -> None:
    assert renderer.words("some.place", place(), **{"place": "Mill Street", "key": "you"}) == (
        "At Mill Street, for you."
    )


def test_a_value_is_shown_as_it_is_and_not_filled_again(renderer: Renderer) -> None:
    assert renderer.words("some.place", place(), **{"place": "{clinic}", "key": "you"}) == (
        "At {clinic}, for you."
    )


def test_an_urgent_message_shows_each_number_once_as_a_link(renderer: Renderer) -> None:
    assert [link.url for link in renderer.phrase("some.alarm", place()).links] == ["tel:911"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda renderer: renderer.answer("unheard_of", place()), "no answer for the topic 'unheard_of'"),
        (lambda renderer: renderer.title("unheard_of"), "no answer for the topic 'unheard_of'"),
        (
            lambda renderer: renderer.phrase("some.thing", place()),
            "no phrase 'some.thing' in content/phrases",
        ),
        (
            lambda renderer: renderer.phrase("some.typo", place()),
            "the placeholder {clinick} stands for nothing",
        ),
    ],
)
def test_what_does_not_exist_is_an_error_of_content(renderer: Renderer, asked: Any, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        asked(renderer)
    assert str(raised.value).startswith(message)


# -- how to reach the clinic -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "contact", "text"),
    [
        (
            "web",
            {"phone": "+12025550140", "email": "a@example.com"},
            "call us at [(202) 555-0140](tel:+12025550140)",
        ),
        ("sms", {"phone": "+12025550140"}, "call us at (202) 555-0140"),
        (
            "web",
            {"request_form": "https://example.com/visit", "email": "a@example.com"},
            "use our request form at https://example.com/visit",
        ),
        ("web", {"email": "a@example.com"}, "write to us at a@example.com"),
        ("web", {}, "contact the clinic"),
    ],
)
def test_the_way_to_the_clinic_is_the_best_that_its_profile_has(
    renderer: Renderer, channel: str, contact: dict[str, str], text: str
) -> None:
    assert renderer.contact(place(channel, contact=contact)) == text


def test_a_number_is_shown_as_people_write_it() -> None:
    assert shown_phone("+12025550140", "sms") == "(202) 555-0140"


# -- hours and places ------------------------------------------------------------------------------

WEEK = {
    "hours": {
        "mon": ["08:00-12:00", "13:00-18:30"],
        "tue": ["08:00-12:00", "13:00-18:30"],
        "wed": ["08:00-12:00", "13:00-18:30"],
        "fri": ["09:15-12:00"],
        "closed": ["2026-12-25"],
    }
}


def test_days_with_the_same_hours_are_told_together(renderer: Renderer) -> None:
    assert renderer.setting("hours", place(**WEEK)) == (
        "- Monday to Wednesday: 8 am to noon, 1 pm to 6:30 pm\n"
        "- Thursday: closed\n"
        "- Friday: 9:15 am to noon\n"
        "- Saturday to Sunday: closed"
    )


def test_hours_in_a_text_message_are_one_line(renderer: Renderer) -> None:
    assert renderer.setting("hours", place("sms", **WEEK)) == (
        "Mon to Wed: 8 am to noon, 1 pm to 6:30 pm. Thu: closed. Fri: 9:15 am to noon. Sat to Sun: closed."
    )


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-03-02T07:59", "closed"),
        ("2026-03-02T08:00", "open"),
        ("2026-03-02T12:00", "closed"),
        ("2026-03-02T18:29", "open"),
        ("2026-03-05T10:00", "closed"),
        ("2026-12-25T10:00", "closed"),
    ],
)
def test_the_clinic_is_open_by_its_hours(renderer: Renderer, at: str, opening: str) -> None:
    assert renderer.opening(place(**WEEK), datetime.fromisoformat(at)) == opening


def test_without_hours_it_is_not_known_whether_it_is_open(renderer: Renderer) -> None:
    assert renderer.opening(place(), datetime(2026, 3, 2, 10)) == "unknown"


def _places(*needling: str) -> dict[str, Any]:
    names = ("Mill Street", "Oak Park", "Harbor")
    return {
        "locations": [
            {"id": name[:3].lower(), "name": name, "needling": offer}
            for name, offer in zip(names, needling, strict=False)
        ]
    }


@pytest.mark.parametrize(
    ("needling", "text"),
    [
        (("yes",), "Mill Street offers dry needling."),
        (("yes", "yes"), "Mill Street and Oak Park offer dry needling."),
        (
            ("yes", "yes", "ask"),
            "Mill Street and Oak Park offer dry needling. For Harbor, please call and ask.",
        ),
        (("yes", "no"), "Mill Street offers dry needling."),
        (("ask", "ask"), "For Mill Street and Oak Park, please call and ask."),
        ((), None),
    ],
)
def test_which_places_offer_needling(renderer: Renderer, needling: tuple[str, ...], text: str | None) -> None:
    assert renderer.setting("needling_locations", place(**_places(*needling))) == text


def test_places_are_listed_with_what_is_known_of_each(renderer: Renderer) -> None:
    locations = [
        {
            "id": "mill",
            "name": "Mill Street",
            "needling": "yes",
            "address": "12 Mill Street",
            "phone": "+12025550140",
        },
        {"id": "oak", "name": "Oak Park", "needling": "yes"},
    ]
    assert renderer.setting("locations", place(locations=locations)) == (
        "- **Mill Street**: 12 Mill Street, [(202) 555-0140](tel:+12025550140)\n- **Oak Park**"
    )
    assert (
        renderer.setting("locations", place("sms", locations=locations))
        == "We are at Mill Street and Oak Park."
    )


@pytest.mark.parametrize("name", ["phone", "email", "hours", "locations", "parking", "price"])
def test_what_a_profile_does_not_have_is_no_setting(renderer: Renderer, name: str) -> None:
    assert renderer.setting(name, place()) is None


# -- the shipped content ---------------------------------------------------------------------------


@pytest.mark.parametrize("clinic", ["demo", "forever-fit", "accesshealth"])
@pytest.mark.parametrize("channel", ["web", "sms"])
def test_every_shipped_answer_renders_whole(root: Path, clinic: str, channel: str) -> None:
    shipped = load_library(root / "content")
    renderer, here = Renderer(shipped), Place(shipped.clinic(clinic), channel)
    for topic, answer in shipped.answers.items():
        for part in ("web", "more", *answer.en.follow_ups):
            text = renderer.answer(topic, here, part=part).text
            assert "{" not in text, topic
            assert channel == "web" or ("**" not in text and "](" not in text), topic
