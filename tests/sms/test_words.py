"""What is said by text: short enough, plain, one question a text, and nothing that should not be there."""

import re
import statistics

import pytest

from needlewise.channels.sms.texts import planned, said
from needlewise.content.render import Place
from needlewise.text.segments import segments
from needlewise.wiring import Services

MOST, MOST_OF_CARD = 2, 3
CARDS = ("screening.card_now", "screening.card_call", "screening.card_tell")
CONSENT = ("sms.hello", "sms.privacy", "sms.stopped", "sms.started", "sms.help", "sms.no_media")


def words(services: Services, key: str, clinic: str = "demo", language: str = "en") -> str:
    return services.renderer.phrase(key, services.place(clinic, "sms", language)).text


def places(services: Services) -> list[Place]:
    return [Place(clinic, "sms") for clinic in services.library.clinics.values()]


def test_every_answer_fits_two_parts_in_the_basic_alphabet(services: Services) -> None:
    long = {
        (topic, place.clinic.clinic): counted
        for place in places(services)
        for topic in services.library.answers
        if (counted := segments(services.renderer.answer(topic, place).text)).count > MOST
        or counted.encoding != "GSM-7"
    }
    assert long == {}


def test_the_median_answer_is_two_parts_at_most_as_it_is_sent(services: Services) -> None:
    """With the choices that are sent below it."""
    for place in places(services):
        counts = [
            sum(
                segments(text).count for text in planned([said(services.renderer.answer(topic, place))]).texts
            )
            for topic in services.library.answers
        ]
        assert statistics.median(counts) <= MOST, place.clinic.clinic
        assert max(counts) <= MOST, place.clinic.clinic


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_is_only_said_by_text_fits(services: Services, language: str) -> None:
    long = {
        (key, place): counted
        for key in services.library.phrases
        if key.startswith("sms.")
        for place in services.library.clinics
        if (counted := segments(words(services, key, place, language))).count > MOST
        or counted.encoding != "GSM-7"
    }
    assert long == {}


@pytest.mark.parametrize("key", CARDS)
def test_a_screening_card_is_one_text(services: Services, key: str) -> None:
    for place in places(services):
        texts = planned([said(services.renderer.phrase(key, place))]).texts
        assert len(texts) == 1
        assert segments(texts[0]).count <= MOST_OF_CARD


def test_a_question_is_one_text_with_its_choices(services: Services) -> None:
    place = services.place("demo", "sms", "en")
    several = {}
    for key, phrase in services.library.phrases.items():
        if phrase.kind != "question" or not phrase.choices:
            continue
        texts = planned([said(services.renderer.phrase(key, place))]).texts
        if len(texts) != 1 or segments(texts[0]).count > MOST:
            several[key] = texts
    assert several == {}


@pytest.mark.parametrize("clinic", ["demo", "accesshealth", "forever-fit"])
def test_the_first_text_says_who_it_is_what_it_is_not_for_and_how_to_end_it(
    services: Services, clinic: str
) -> None:
    text = words(services, "sms.hello", clinic)
    assert services.library.clinic(clinic).name in text
    assert "automated assistant" in text
    assert "Not for emergencies: call 911" in text
    assert "STOP" in text
    assert segments(text).count == 1


@pytest.mark.parametrize("clinic", ["demo", "accesshealth", "forever-fit"])
def test_help_has_what_the_carriers_ask_for(services: Services, clinic: str) -> None:
    """CTIA Messaging Principles and Best Practices: name, contact, frequency, rates, opt-out."""
    text = words(services, "sms.help", clinic)
    place = services.place(clinic, "sms", "en")
    for part in (
        place.clinic.name,
        services.renderer.contact(place),
        "only text when you do",
        "Msg & data rates may apply",
        "Reply STOP",
    ):
        assert part in text


@pytest.mark.parametrize("clinic", ["demo", "accesshealth", "forever-fit"])
def test_the_confirmation_of_a_stop_names_the_clinic_and_the_way_back(
    services: Services, clinic: str
) -> None:
    text = words(services, "sms.stopped", clinic)
    assert text.startswith(services.library.clinic(clinic).name)
    assert "no more texts" in text
    assert "START" in text
    assert "call 911" in text


def test_privacy_is_told_with_another_way(services: Services) -> None:
    place = services.place("demo", "sms", "en")
    assert services.renderer.contact(place) in words(services, "sms.privacy")


@pytest.mark.parametrize("key", [*CONSENT, "booking.received", "booking.received_callback"])
def test_what_is_no_answer_names_no_health_matter(services: Services, key: str) -> None:
    values = {"reference": "RQ7BK4", "expect": ""} if key.startswith("booking") else {}
    text = services.renderer.phrase(key, services.place("demo", "sms", "en"), **values).text
    assert (
        re.search(
            r"\b(?:heel|foot|pain|fasciitis|diagnos\w*|pregnan\w*|blood)\b",
            text.replace("Riverbend Heel & Foot", ""),
        )
        is None
    )
