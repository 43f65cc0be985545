"""Stop means stop: one confirmation, then nothing until START, whatever was going on."""

import asyncio

import pytest
from sqlalchemy import select

from needlewise import wiring
from needlewise.db.tables import consent_changes, conversations, messages, outbox, threads
from tests.support.carrier import Carrier
from tests.support.sms import Phone, until

CONFIRMED = "you will get no more texts from us"
WELCOME = "Welcome back"
URGENT = "Call 911"
NOTHING_SECONDS = 0.7
"""Longer than the service needs for a reply when it has nothing else to do."""


async def rows(table: object) -> list[object]:
    async with wiring.services().engine.connect() as connection:
        return list((await connection.execute(select(table))).all())


async def settled() -> bool:
    return all(row.next_try_at is None for row in await rows(outbox))  # type: ignore[attr-defined]


async def silence_after(phone: Phone, body: str) -> None:
    """Send a text that must get no reply."""
    seen, answered = len(phone.shown), len(await _answered())
    assert (await phone.sends(body)).status_code == 200
    async with asyncio.timeout(30):
        while len(await _answered()) == answered:
            await asyncio.sleep(0.02)
    await asyncio.sleep(NOTHING_SECONDS)
    assert phone.shown[seen:] == []


async def _answered() -> list[object]:
    return [row for row in await rows(messages) if row.direction == "in" and row.answered]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "said", ["STOP", "cancel", "please quit texting me", "no mas mensajes", "take me off this list"]
)
async def test_a_stop_is_confirmed_once_and_then_nothing_is_sent(phone: Phone, said: str) -> None:
    await phone.texts("does it hurt")
    assert CONFIRMED in await phone.texts(said) or "ya no le enviaremos" in phone.last[0]
    assert len(phone.last) == 1
    for text in ("does it hurt", "hello?", "HELP", "can i book"):
        await silence_after(phone, text)


async def test_a_second_stop_is_not_confirmed_again(phone: Phone) -> None:
    await phone.texts("STOP")
    await silence_after(phone, "STOP")
    await silence_after(phone, "I said stop texting me")
    assert len(await rows(consent_changes)) == 1


async def test_two_stops_at_once_get_one_confirmation(phone: Phone) -> None:
    await asyncio.gather(phone.sends("STOP"), phone.sends("STOP"), phone.sends("stop"))
    async with asyncio.timeout(30):
        while len(await _answered()) < 3:
            await asyncio.sleep(0.02)
    await asyncio.sleep(NOTHING_SECONDS)
    assert len([text for text in phone.shown if CONFIRMED in text]) == 1


async def test_start_brings_the_texts_back_and_a_new_talk(phone: Phone) -> None:
    await phone.texts("can i book", replies=2)
    await phone.texts("STOP")
    assert WELCOME in await phone.texts("START")
    # The form that was open is not: a bare "no" is no answer to a health question.
    assert "Any of these" not in await phone.texts("no")


async def test_yes_after_a_stop_is_a_start(phone: Phone) -> None:
    await phone.texts("STOP")
    assert WELCOME in await phone.texts("yes")


async def _opted_out() -> list[bool]:
    """Of each conversation, in the order in which they began: whether staff's list says that it was stopped."""
    found = sorted(await rows(conversations), key=lambda row: row.started_at)  # type: ignore[attr-defined]
    return [row.opted_out for row in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize("said", ["STOP", "please quit texting me"])
async def test_staff_see_who_stopped_and_that_they_came_back(phone: Phone, said: str) -> None:
    await phone.texts("does it hurt")
    await phone.texts(said)
    assert await _opted_out() == [True]
    await phone.texts("START")
    assert await _opted_out() == [True, False]


async def test_stop_works_again_after_a_start(phone: Phone) -> None:
    await phone.texts("STOP")
    await phone.texts("START")
    assert CONFIRMED in await phone.texts("stop texting me")
    assert [row.change for row in await rows(consent_changes)] == ["out", "in", "out"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("said", ["STOP", "cancel", "end", "stop texting me please"])
async def test_a_stop_in_the_middle_of_a_form_is_a_stop(phone: Phone, said: str) -> None:
    await phone.texts("can i book", replies=2)
    assert CONFIRMED in await phone.texts(said)
    assert len(phone.last) == 1
    await silence_after(phone, "no")


async def test_a_stop_after_urgent_words_is_only_confirmed(phone: Phone) -> None:
    assert URGENT in await phone.texts("I have chest pain and cant breathe", replies=2)
    assert CONFIRMED in await phone.texts("STOP")
    assert len(phone.last) == 1


async def test_urgent_words_go_before_the_confirmation_of_the_same_text(phone: Phone) -> None:
    await phone.texts("stop texting me i have chest pain and cant breathe", replies=2)
    assert URGENT in phone.last[0]
    assert CONFIRMED in phone.last[-1]
    await silence_after(phone, "i cant breathe")


async def test_what_is_written_after_a_stop_is_kept_for_staff(phone: Phone) -> None:
    await phone.texts("STOP")
    await silence_after(phone, "my chest hurts and i cant breathe")
    inbound = [row for row in await rows(messages) if row.direction == "in"]  # type: ignore[attr-defined]
    assert len(inbound) == 2


async def test_a_stop_while_replies_wait_for_the_provider_takes_them_back(
    phone: Phone, carrier: Carrier
) -> None:
    await phone.texts("does it hurt")
    carrier.down = True
    await phone.sends("how much does it cost")
    async with asyncio.timeout(30):
        while await settled():
            await asyncio.sleep(0.02)
    await phone.sends("STOP")
    async with asyncio.timeout(30):
        while not await rows(consent_changes):
            await asyncio.sleep(0.02)
    seen = len(phone.shown)
    carrier.down = False
    await until(lambda: len(phone.shown) > seen, "no confirmation", seconds=60)
    await asyncio.sleep(NOTHING_SECONDS)
    assert [CONFIRMED in text for text in phone.shown[seen:]] == [True]


async def test_a_number_that_stopped_with_the_provider_has_stopped_with_us(
    phone: Phone, carrier: Carrier
) -> None:
    """Error 21610."""
    carrier.opted_out.add(phone.number)
    await phone.sends("does it hurt")
    async with asyncio.timeout(30):
        while not await rows(consent_changes):
            await asyncio.sleep(0.02)
    (change,) = await rows(consent_changes)
    assert (change.change, change.wording, change.source) == ("out", "provider", "provider")  # type: ignore[attr-defined]
    assert await _opted_out() == [True]
    await silence_after(phone, "hello?")


async def test_what_was_said_and_when_is_kept(phone: Phone) -> None:
    await phone.texts("please quit texting me")
    (change,) = await rows(consent_changes)
    (thread,) = await rows(threads)
    assert (change.change, change.wording, change.source) == ("out", "phrase", "patient")  # type: ignore[attr-defined]
    assert change.clinic_number == phone.clinic_number  # type: ignore[attr-defined]
    assert thread.opted_out_at == change.at  # type: ignore[attr-defined]


@pytest.mark.parametrize("handled", ["STOP", "HELP", "START"])
async def test_what_the_provider_answered_itself_is_not_answered_again(phone: Phone, handled: str) -> None:
    """Twilio's OptOutType."""
    if handled == "START":
        await phone.texts("STOP")
    seen = len(phone.shown)
    await phone.sends(handled, OptOutType=handled)
    async with asyncio.timeout(30):
        while not await _answered():
            await asyncio.sleep(0.02)
    await asyncio.sleep(NOTHING_SECONDS)
    assert phone.shown[seen:] == []


async def test_another_number_is_not_stopped(phone: Phone, client: object, carrier: Carrier) -> None:
    await phone.texts("STOP")
    other = Phone(phone.client, carrier, number="+14105550199")
    assert "hurt" in await other.texts("does it hurt")


@pytest.mark.parametrize(
    "said",
    ["cancel my appointment", "does the pain stop?", "when can I stop resting", "never mind", "forget it"],
)
async def test_words_that_only_sound_like_a_stop_are_answered(phone: Phone, said: str) -> None:
    assert CONFIRMED not in await phone.texts(said)
    assert await rows(consent_changes) == []
