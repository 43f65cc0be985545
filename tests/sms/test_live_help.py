"""Live help by text: what staff write leaves through the outbox in the thread's order, and never after a stop."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from needlewise import app as application
from needlewise import clock, wiring
from needlewise.conversations.live import OutOfReach
from needlewise.db.tables import conversations, messages
from tests.support.desk import MARIA, Desk
from tests.support.sms import Phone, until

HERE = "A person will text you"
BACK = "I am the automated assistant, and I am back"
CONFIRMED = "you will get no more texts from us"
NOTHING_SECONDS = 0.7
"""Longer than the service needs for a reply when it has nothing else to do."""


class Time:
    """What the clock says: the real time, and what a test adds."""

    def __init__(self) -> None:
        self.added = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.added

    def pass_(self, **how_long: float) -> None:
        self.added += timedelta(**how_long)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", time.now)
    monkeypatch.setattr(application, "LIVE_HELP_SECONDS", 3600)
    return time


async def inbound() -> list[object]:
    async with wiring.services().engine.connect() as connection:
        query = select(messages).where(messages.c.direction == "in").order_by(messages.c.position)
        return list((await connection.execute(query)).all())


async def answered() -> int:
    return len([row for row in await inbound() if row.answered])  # type: ignore[attr-defined]


async def silence_after(phone: Phone, body: str, **more: str) -> None:
    """Send a text that must get no reply."""
    seen, before = len(phone.shown), await answered()
    assert (await phone.sends(body, **more)).status_code == 200
    async with asyncio.timeout(30):
        while await answered() == before:
            await asyncio.sleep(0.02)
    await asyncio.sleep(NOTHING_SECONDS)
    assert phone.shown[seen:] == []


async def desk_of(phone: Phone) -> Desk:
    """The person who has come after this phone's first text."""
    await phone.texts("does it hurt")
    async with wiring.services().engine.connect() as connection:
        conversation = await connection.scalar(
            select(conversations.c.id).order_by(conversations.c.last_at.desc()).limit(1)
        )
    desk = Desk(conversation)
    await desk.steps_in()
    await until(lambda: HERE in phone.shown[-1], "no word of the person who came")
    return desk


async def test_what_staff_write_is_texted_in_order(phone: Phone) -> None:
    desk = await desk_of(phone)
    for number in range(5):
        await desk.says(f"Sentence {number}.")
    await desk.steps_out()
    await until(lambda: BACK in phone.shown[-1], "the patient was not told")
    assert phone.shown[-6:-1] == [f"Sentence {number}." for number in range(5)]


async def test_a_long_message_is_several_texts_in_order(phone: Phone) -> None:
    desk = await desk_of(phone)
    seen = len(phone.shown)
    await desk.says(" ".join(f"word{number:03}" for number in range(180)))
    await until(lambda: len(phone.shown) - seen == 4, "the texts did not come")
    assert " ".join(phone.shown[seen:]).split() == [f"word{number:03}" for number in range(180)]


async def test_the_assistant_is_silent_and_afterwards_answers(phone: Phone) -> None:
    desk = await desk_of(phone)
    for text in ("how much does it cost", "yes", "2", "never mind", "hello?"):
        await silence_after(phone, text)
    await desk.steps_out()
    await until(lambda: BACK in phone.shown[-1], "the patient was not told")
    assert "$" in await phone.texts("how much does it cost")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I have crushing chest pain and cant breathe", "911"),
        ("i want to kill myself", "988"),
        ("HELP", "automated assistant for questions"),
    ],
)
async def test_what_must_be_said_is_said(phone: Phone, text: str, said: str) -> None:
    await desk_of(phone)
    assert said in await phone.texts(text)


async def test_a_picture_that_nobody_gets_is_told_of(phone: Phone) -> None:
    await desk_of(phone)
    assert "can't see pictures" in await phone.texts("", NumMedia="1")


@pytest.mark.parametrize("stop", ["STOP", "please quit texting me"])
async def test_after_a_stop_staff_reach_nobody(phone: Phone, stop: str) -> None:
    desk = await desk_of(phone)
    assert CONFIRMED in await phone.texts(stop)
    seen = len(phone.shown)
    with pytest.raises(OutOfReach) as refused:
        await desk.says("One more thing")
    assert refused.value.why == "stopped"
    await desk.steps_out()
    with pytest.raises(OutOfReach):
        await desk.steps_in()
    await asyncio.sleep(NOTHING_SECONDS)
    assert phone.shown[seen:] == []


async def test_a_stop_overtakes_what_still_waits(phone: Phone) -> None:
    desk = await desk_of(phone)
    phone.carrier.troubles.append("busy")
    seen = len(phone.shown)
    await desk.says("This waits for its second try.")
    await phone.texts("STOP")
    await asyncio.sleep(1 + NOTHING_SECONDS)
    assert [CONFIRMED in text for text in phone.shown[seen:]] == [True]


async def test_a_number_typed_after_a_person_was_there_taps_no_old_choice(phone: Phone) -> None:
    desk = await desk_of(phone)
    await desk.says("Would 1 or 2 pm be better?")
    await desk.steps_out()
    await until(lambda: BACK in phone.shown[-1], "the patient was not told")
    other = Phone(phone.client, phone.carrier, "+14105550124")
    await other.texts("does it hurt")
    assert await phone.texts("2") != await other.texts("2")


async def test_after_twenty_silent_minutes_the_phone_is_told_without_asking(phone: Phone, time: Time) -> None:
    await desk_of(phone)
    time.pass_(minutes=20)
    assert await wiring.services().live_help.end_silent() == 1
    await until(lambda: BACK in phone.shown[-1], "the patient was not told")


async def test_who_texts_after_twenty_silent_minutes_is_told_first_and_answered(
    phone: Phone, time: Time
) -> None:
    desk = await desk_of(phone)
    time.pass_(minutes=20)
    reply = await phone.texts("how much does it cost")
    assert BACK in reply
    assert reply.index(BACK) < reply.index("$")
    assert await desk.sees() == ""


async def test_the_same_webhook_again_is_stored_once(phone: Phone) -> None:
    desk = await desk_of(phone)
    before = await answered()
    for _ in range(3):
        await phone.sends("is anybody there", sid="SM" + "7" * 32)
    async with asyncio.timeout(30):
        while await answered() == before:
            await asyncio.sleep(0.02)
    await asyncio.sleep(NOTHING_SECONDS)
    assert (await answered(), await desk.sees()) == (before + 1, MARIA)
