"""The outbox to the carrier: each text once, in order, whatever the carrier does; the double's ledger is the judge."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from needlewise import clock
from needlewise.channels.limits import Pace
from needlewise.channels.sms.channel import provider_of
from needlewise.channels.sms.protocol import OPTED_OUT
from needlewise.channels.sms.sending import Sending
from needlewise.channels.sms.threads import Threads
from needlewise.channels.sms.twilio import is_status, lower
from needlewise.db.outbox import Outbox, drop_waiting, enqueue
from needlewise.db.tables import consent_changes, outbox, threads
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.carrier import Carrier, Trouble
from tests.support.postgres import Postgres
from tests.support.sms import CLINIC_NUMBER, settings_of, until


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Both databases: what is locked, counted and compared must be the same on either."""
    if request.param == "sqlite":
        return settings
    postgres: Postgres = request.getfixturevalue("postgres")
    return replace(settings, database_url=postgres.new_database())


@pytest_asyncio.fixture(autouse=True)
async def _connections_closed(services: Services) -> AsyncIterator[None]:
    yield
    await services.locks.close()
    await services.engine.dispose()


ANNA, BEN = "+14105550123", "+14105550124"


async def put(services: Services, *bodies: str, to: str = ANNA, **payload: Any) -> str:
    """Queue texts to one number, in this order; their thread."""
    thread = to[-10:]
    async with services.engine.begin() as connection:
        if (
            await connection.execute(select(threads.c.id).where(threads.c.id == thread))
        ).one_or_none() is None:
            at = clock.now()
            await connection.execute(
                insert(threads).values(
                    id=thread,
                    clinic="demo",
                    clinic_number=CLINIC_NUMBER,
                    number_sealed=services.seal.seal(to.encode()),
                    epoch=1,
                    first_at=at,
                    last_at=at,
                )
            )
        for body in bodies:
            await enqueue(
                connection,
                services.seal,
                clinic="demo",
                kind="sms",
                once=uuid.uuid4().hex,
                payload={"to": to, "from": CLINIC_NUMBER, "body": body, **payload},
                thread=thread,
                sender=CLINIC_NUMBER,
            )
    return thread


@asynccontextmanager
async def sending(services: Services) -> AsyncIterator[Sending]:
    """A process that sends, while the block runs."""
    stopping = asyncio.Event()
    threads_ = Threads(services.engine, services.seal)
    sender = Sending(services, threads_, provider_of(services.settings), asyncio.Event())
    task = asyncio.create_task(sender.run(stopping))
    try:
        yield sender
    finally:
        stopping.set()
        sender.woken.set()
        await task


async def parcels(services: Services) -> list[Any]:
    async with services.engine.connect() as connection:
        return (await connection.execute(select(outbox).order_by(outbox.c.position))).all()


async def sent_all(services: Services) -> None:
    """Return when nothing waits any more."""
    async with asyncio.timeout(30):
        while any(row.next_try_at is not None for row in await parcels(services)):
            await asyncio.sleep(0.02)


async def test_texts_leave_in_order_and_are_marked_with_the_providers_id(
    services: Services, carrier: Carrier
) -> None:
    await put(services, "one", "two", "three")
    async with sending(services):
        await sent_all(services)
    assert carrier.to(ANNA) == ["one", "two", "three"]
    rows = await parcels(services)
    assert [row.provider_id for row in rows] == [sent.sid for sent in carrier.ledger]
    assert [(row.status, row.begun_at, row.last_error) for row in rows] == [("queued", None, None)] * 3


@pytest.mark.parametrize(
    "trouble", ["busy", "error", "error_after", "silence", "silence_after"], ids=lambda value: value
)
async def test_a_text_arrives_once_whatever_went_wrong(
    services: Services, carrier: Carrier, trouble: Trouble
) -> None:
    carrier.troubles.append(trouble)
    await put(services, "one", "two")
    async with sending(services):
        await sent_all(services)
    assert carrier.to(ANNA) == ["one", "two"]
    assert [row.provider_id for row in await parcels(services)] == [sent.sid for sent in carrier.ledger]


async def test_the_same_words_twice_are_two_texts(services: Services, carrier: Carrier) -> None:
    """A text that is found at the provider is not taken for an earlier one that reads the same."""
    await put(services, "ok")
    async with sending(services):
        await sent_all(services)
        carrier.troubles.append("silence")
        await put(services, "ok")
        await sent_all(services)
    assert carrier.to(ANNA) == ["ok", "ok"]


@pytest.mark.parametrize("took_it", [True, False], ids=["sent before the crash", "not sent"])
async def test_a_crash_between_the_mark_and_the_answer_doubles_and_loses_nothing(
    services: Services, carrier: Carrier, took_it: bool
) -> None:
    await put(services, "one", "two")
    (first, *_) = await services.outbox.heads("sms", CLINIC_NUMBER, limit=1)
    await services.outbox.begin(first)
    if took_it:
        carrier._take({"To": ANNA, "From": CLINIC_NUMBER, "Body": "one"})
    async with sending(services):
        await sent_all(services)
    assert carrier.to(ANNA) == ["one", "two"]


async def test_a_provider_that_is_down_is_tried_again(services: Services, carrier: Carrier) -> None:
    carrier.down = True
    await put(services, "one")
    async with sending(services):
        await until(lambda: carrier.requests > 0, "nothing was tried")
        carrier.down = False
        await sent_all(services)
    assert carrier.to(ANNA) == ["one"]


async def test_one_patients_trouble_does_not_hold_up_another(services: Services, carrier: Carrier) -> None:
    carrier.troubles.append("silence")
    await put(services, "to Anna")
    await put(services, "to Ben", to=BEN)
    async with sending(services):
        await until(lambda: len(carrier.ledger) == 1, "nothing was sent")
        assert carrier.to(ANNA) == [] or carrier.to(BEN) == []
        await sent_all(services)
    assert (carrier.to(ANNA), carrier.to(BEN)) == (["to Anna"], ["to Ben"])


async def test_a_slow_send_does_not_hold_up_another_patient(services: Services, carrier: Carrier) -> None:
    carrier.slow_seconds = 3
    carrier.troubles.append("slow")
    await put(services, "to Anna")
    async with sending(services):
        await until(lambda: carrier.to(ANNA) == ["to Anna"], "nothing was sent")
        await put(services, "to Ben", to=BEN)
        await until(lambda: carrier.to(BEN) == ["to Ben"], "it waited", seconds=2.5)


async def test_a_refusal_for_good_is_not_tried_again(services: Services, carrier: Carrier) -> None:
    await put(services, "x" * 1601, "two")
    async with sending(services):
        await sent_all(services)
    assert carrier.to(ANNA) == ["two"]
    assert [row.last_error for row in await parcels(services)] == ["21617", None]
    assert carrier.requests == 2


async def test_a_number_that_opted_out_with_the_provider_gets_nothing_more(
    services: Services, carrier: Carrier
) -> None:
    carrier.opted_out.add(ANNA)
    thread = await put(services, "one", "two", "three")
    await put(services, "to Ben", to=BEN)
    async with sending(services):
        await sent_all(services)
        carrier.opted_out.clear()
        await put(services, "four")
        await sent_all(services)
    assert (carrier.to(ANNA), carrier.to(BEN)) == ([], ["to Ben"])
    rows = [row for row in await parcels(services) if row.thread == thread]
    assert [row.last_error for row in rows] == [OPTED_OUT, "opted out", "opted out", "opted out"]
    async with services.engine.connect() as connection:
        changes = (await connection.execute(select(consent_changes))).all()
    assert [(row.thread, row.change, row.source) for row in changes] == [(thread, "out", "provider")]


async def test_after_a_stop_only_the_confirmation_leaves(services: Services, carrier: Carrier) -> None:
    thread = await put(services, "one", "two")
    async with services.engine.begin() as connection:
        await drop_waiting(connection, thread, "opted out")
        await connection.execute(threads.update().values(opted_out_at=clock.now()))
    await put(services, "You will get no more texts.", last=True)
    await put(services, "late")
    async with sending(services):
        await sent_all(services)
    assert carrier.to(ANNA) == ["You will get no more texts."]


async def test_two_processes_send_each_text_once_and_in_order(
    services: Services, carrier: Carrier, settings: Settings
) -> None:
    if settings.database_url.startswith("sqlite"):
        pytest.skip("a file's locks hold between processes: test_many_at_once.py has two")
    other = Services(settings)
    for number in range(20):
        await put(services, f"{number}", to=ANNA if number % 2 else BEN)
    async with sending(services), sending(other):
        await sent_all(services)
    await other.locks.close()
    await other.engine.dispose()
    assert carrier.to(BEN) == [str(number) for number in range(0, 20, 2)]
    assert carrier.to(ANNA) == [str(number) for number in range(1, 20, 2)]


async def test_sending_goes_on_when_the_database_was_away(
    services: Services, carrier: Carrier, settings: Settings, request: pytest.FixtureRequest
) -> None:
    if settings.database_url.startswith("sqlite"):
        pytest.skip("a file is always there")
    postgres: Postgres = request.getfixturevalue("postgres")
    async with sending(services):
        await put(services, "one")
        await sent_all(services)
        await asyncio.to_thread(postgres.break_off)
        await asyncio.sleep(1)
        await asyncio.to_thread(postgres.run)
        await put(services, "two")
        await sent_all(services)
    assert carrier.to(ANNA) == ["one", "two"]


async def test_the_pace_of_a_number_is_kept(services: Services, carrier: Carrier, settings: Settings) -> None:
    slow = Services(replace(settings, **settings_of(carrier, sms_segments_per_second=10)))
    for number in range(20):
        await put(services, "x" * 200, to=f"+1410555{number:04}")
    async with sending(slow):
        await sent_all(slow)
    await slow.engine.dispose()
    first, last = carrier.ledger[0].at, carrier.ledger[-1].at
    # 40 parts at 10 a second; those of the last second may go at once.
    assert (last - first).total_seconds() >= 2.5


async def test_urgent_words_do_not_wait_for_the_pace(
    services: Services, carrier: Carrier, settings: Settings
) -> None:
    slow = Services(replace(settings, **settings_of(carrier, sms_segments_per_second=1)))
    await put(services, "x" * 1500, to=BEN)
    async with sending(slow):
        await until(lambda: len(carrier.ledger) == 1, "nothing was sent")
        await put(services, "Call 911 now.", urgent=True)
        await until(lambda: carrier.to(ANNA) == ["Call 911 now."], "it waited", seconds=5)
    await slow.engine.dispose()


def test_a_pace_spends_what_it_has_and_then_waits() -> None:
    now = 100.0
    pace = Pace(2, seconds=lambda: now)
    assert [pace.take(1) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    now = 200.0
    assert [pace.take(2), pace.take(2), pace.take(1)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        (("queued", "sent", "delivered"), "delivered"),
        (("delivered", "sent", "queued"), "delivered"),
        (("sent", "sent", "sent"), "sent"),
        (("sent", "undelivered", "delivered"), "undelivered"),
        (("failed", "sent"), "failed"),
        (("sending", "queued", "accepted"), "sending"),
        (("delivered", "read", "sent"), "read"),
    ],
)
async def test_a_status_only_moves_forward(
    services: Services, carrier: Carrier, heard: tuple[str, ...], kept: str
) -> None:
    await put(services, "one")
    (parcel,) = await services.outbox.heads("sms", CLINIC_NUMBER, limit=1)
    await services.outbox.sent(parcel, provider_id="SM1")
    for status in heard:
        assert is_status(status)
        await services.outbox.advance("SM1", status, lower=lower(status))
    (row,) = await parcels(services)
    assert row.status == kept


async def test_a_status_that_comes_before_the_answer_tells_that_it_was_sent(services: Services) -> None:
    await put(services, "one")
    (parcel,) = await services.outbox.heads("sms", CLINIC_NUMBER, limit=1)
    await services.outbox.begin(parcel)
    assert await services.outbox.recognise(parcel.id, "SM1")
    await services.outbox.unknown(parcel, "ReadTimeout", ask_at=clock.now())
    (row,) = await parcels(services)
    assert (row.provider_id, row.next_try_at, row.begun_at) == ("SM1", None, None)
    assert not await services.outbox.recognise(parcel.id, "SM2")
    assert not await services.outbox.recognise("f" * 32, "SM3")


async def test_what_is_queued_waits_for_its_place_in_the_thread(services: Services) -> None:
    await put(services, "one", "two")
    await put(services, "to Ben", to=BEN)
    outbox_: Outbox = services.outbox
    heads = await outbox_.heads("sms", CLINIC_NUMBER, limit=10)
    assert [parcel.payload["body"] for parcel in heads] == ["one", "to Ben"]
    await outbox_.failed(heads[0], "busy")
    heads = await outbox_.heads("sms", CLINIC_NUMBER, limit=10)
    assert [parcel.payload["body"] for parcel in heads] == ["to Ben"]
