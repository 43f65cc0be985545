"""A clinic with a scheduler of its own: its patients get the link once they are screened, and are asked for nothing that would not reach it."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func, select

from needlewise.content.model import Clinic
from needlewise.db.tables import requests
from needlewise.wiring import Services
from tests.support.talk import Talk, words

LINK = "https://book.riverbend.example.com/new?source=chat"
NONE = "None of these"
Talks = Callable[..., Talk]


@pytest.fixture(autouse=True)
def _books_elsewhere(desk: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def linked(clinic: Clinic) -> Clinic:
        booking = msgspec.structs.replace(clinic.booking, way="link", link=LINK)
        return msgspec.structs.replace(clinic, booking=booking)

    clinics = {**desk.library.clinics, "demo": linked(desk.library.clinic("demo"))}
    monkeypatch.setattr(desk, "library", replace(desk.library, clinics=clinics))


async def how_many(desk: Services) -> int:
    async with desk.engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(requests)))


async def screened(talk: Talk) -> Talk:
    await talk.says("i would like to book a visit")
    for _ in range(3):
        await talk.taps(NONE)
    return talk


async def test_after_the_screening_comes_the_link_and_no_form(talk: Talks, desk: Services) -> None:
    before = await how_many(desk)
    patient = await screened(talk())
    assert patient.messages[-1]["text"] == words("booking.link", link=LINK)
    assert patient.state.form is None
    assert patient.labels == [words("booking.call_me")]
    assert await how_many(desk) == before


async def test_the_link_comes_only_after_the_screening(talk: Talks) -> None:
    patient = await talk().says("i would like to book a visit")
    assert LINK not in patient.text
    assert patient.asking == "card_now"


async def test_a_patient_who_asks_again_gets_it_again(talk: Talks) -> None:
    patient = await screened(talk())
    await patient.says("book a visit")
    assert words("booking.link", link=LINK) in patient.text


async def test_by_text_the_link_is_text(talk: Talks) -> None:
    patient = await talk(channel="sms").says("i would like to book a visit")
    for _ in range(3):
        await patient.says("none")
    assert LINK in patient.text
    assert "](" not in patient.text


async def test_what_to_tell_the_therapist_is_said_once_beside_the_link(talk: Talks) -> None:
    patient = await talk().says("i have diabetes. can i book a visit")
    while patient.asking:
        await patient.taps(NONE)
    what = words("screening.tell.diabetes")
    assert patient.text.count(what) == 1
    assert LINK in patient.text
    await patient.says("book a visit")
    assert patient.text.count(what) == 1
    assert words("booking.tell_reminder", what=what) in patient.text


async def test_who_should_talk_with_the_clinic_first_gets_no_link_to_a_needling_visit(talk: Talks) -> None:
    patient = await talk().says("i take warfarin. can i book a visit")
    while patient.asking:
        await patient.taps(NONE)
    assert LINK not in patient.text
    await patient.taps(words("booking.exam_only"))
    assert words("booking.link_exam", link=LINK) in patient.text


async def test_a_call_back_is_still_a_request_to_the_clinic(talk: Talks) -> None:
    patient = await screened(talk())
    await patient.taps(words("booking.call_me"))
    assert patient.state.form == "booking_form"
    assert patient.asking == "first_name"


async def test_nothing_of_the_patient_goes_into_the_link(talk: Talks) -> None:
    patient = await talk().says("my name is Jenny Park, call 202-555-0143, i have diabetes, can i book")
    while patient.asking:
        await patient.taps(NONE)
    assert "Jenny" not in patient.text.split(LINK)[-1][:40]
    assert f"({LINK})" in patient.text
