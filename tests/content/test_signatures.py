"""Where signatures are demanded, patients are told signed answers only; urgent words always."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from needlewise import clock
from needlewise.content.library import Library, load_library
from needlewise.content.render import Place, Renderer
from needlewise.settings import Settings, read_settings
from needlewise.wiring import Services

NOT_YET = "I can't answer that here yet."
TOPIC = "does_it_hurt"


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_library(read_settings({}).content)


@pytest.mark.parametrize("on", [True, False])
def test_a_deployment_that_has_read_no_signature_yet_says_no_answer_when_they_are_demanded(
    settings: Settings, on: bool
) -> None:
    library = Services(replace(settings, demand_signatures=on)).library
    assert library.may_be_said(TOPIC, "demo", date(2026, 11, 24)) is not on


@pytest.mark.parametrize(
    ("signed", "is_told"),
    [
        ({("demo", TOPIC): None}, True),
        ({("demo", TOPIC): date(2026, 11, 25)}, True),
        ({("demo", TOPIC): date(2026, 11, 24)}, True),
        ({("demo", TOPIC): date(2026, 11, 23)}, False),
        ({("another", TOPIC): None}, False),
        ({("demo", "cost"): None}, False),
        ({}, False),
        (None, True),
    ],
)
@pytest.mark.parametrize("channel", ["web", "sms"])
def test_an_answer_is_told_while_it_stands_signed(
    shipped: Library,
    monkeypatch: pytest.MonkeyPatch,
    signed: dict[tuple[str, str], date | None] | None,
    is_told: bool,
    channel: str,
) -> None:
    # The evening of the 24th at the clinic is the 25th in UTC: the clinic's calendar counts.
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, 2, tzinfo=UTC))
    library = replace(shipped, signed=signed)
    said = Renderer(library).answer(TOPIC, Place(library.clinic("demo"), channel))
    assert said.text.startswith(NOT_YET) is not is_told
    assert [note.topic for note in said.answers] == ([TOPIC] if is_told else [])


def test_urgent_words_need_no_signature(shipped: Library) -> None:
    library = replace(shipped, signed={})
    said = Renderer(library).phrase("safety.emergency", Place(library.clinic("demo")))
    assert "911" in said.text
