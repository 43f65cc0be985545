"""The daily mail to a clinic: when anything is open, once, at the clinic's own time, with figures and nothing of a patient."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from needlewise import clock
from needlewise.booking.digest import LATEST, Digests
from needlewise.booking.queue import State
from needlewise.content.model import Booking, Clinic
from needlewise.db.audit import Entry
from needlewise.wiring import Services
from tests.booking.test_mail import Mailbox, Time, delivered, entries, listening, request, started

EIGHT = datetime(2026, 6, 17, 12, 0, tzinfo=UTC)
"""Eight in the morning of a Wednesday, in New York."""
DESK = "desk@riverbend.example.com"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time(EIGHT - timedelta(hours=20))
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest_asyncio.fixture
async def desk(services: Services, time: Time) -> AsyncIterator[Services]:
    yield services
    await services.reading.dispose()
    await services.engine.dispose()


def with_digest(services: Services, **more: object) -> Clinic:
    profile = services.library.clinic("demo")
    wanted = {"notify": DESK, "digest_at": "08:00", **more}
    booking: Booking = msgspec.structs.replace(profile.booking, **wanted)
    return msgspec.structs.replace(profile, booking=booking)


async def digests(desk: Services) -> list[dict[str, object]]:
    return [entry for entry in await entries(desk) if str(entry["once"]).startswith("digest/")]


async def test_at_its_hour_the_mailbox_is_told_how_many_are_open(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    kept = [await desk.requests.submit(request(draft), clinic) for draft in ("1", "2", "3")]
    await desk.bookings.move(kept[0], State.BOOKED, Entry("maria", "request/state", "demo"))
    time.now = EIGHT - timedelta(seconds=1)
    assert await desk.digests.queue_due([clinic]) == 0
    time.now = EIGHT
    assert await desk.digests.queue_due([clinic]) == 1
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        process = started(replace(desk.settings, public_address="https://chat.example.org"), port)
        await delivered(process)
    mail = mailbox.took[-1]
    assert (mail["To"], mail["Subject"]) == (DESK, "Requests to answer: 2")
    words = mail.get_content()  # type: ignore[attr-defined]
    assert words.splitlines()[-1].endswith(" https://chat.example.org/staff/bookings")
    for secret in ("Jenny", "5550143", "555-0143", "mornings", "diabetes", *(one.reference for one in kept)):
        assert secret not in mail.as_string()


async def test_overdue_ones_are_counted(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    await desk.requests.submit(request(), clinic)
    time.now = EIGHT + timedelta(days=1)
    await desk.digests.queue_due([clinic])
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        await delivered(started(desk.settings, port))
    assert "patients were told: 1." in mailbox.took[-1].as_string()


async def test_it_is_sent_once_also_by_a_second_process(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    await desk.requests.submit(request(), clinic)
    time.now = EIGHT
    assert await desk.digests.queue_due([clinic]) == 1
    time.passes(timedelta(minutes=1))
    assert await desk.digests.queue_due([clinic]) == 0
    other = Digests(desk.engine, desk.reading, desk.seal)
    assert await other.queue_due([clinic]) == 0
    assert len(await digests(desk)) == 1


async def test_the_next_day_brings_the_next(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    await desk.requests.submit(request(), clinic)
    for day in (0, 1, 2):
        time.now = EIGHT + timedelta(days=day)
        assert await desk.digests.queue_due([clinic]) == 1


async def test_nothing_open_is_no_mail(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    time.now = EIGHT
    assert await desk.digests.queue_due([clinic]) == 0


async def test_what_comes_after_the_hour_waits_for_the_next_day(desk: Services, time: Time) -> None:
    clinic = with_digest(desk)
    time.now = EIGHT + timedelta(minutes=5)
    await desk.requests.submit(request(), clinic)
    assert await desk.digests.queue_due([clinic]) == 0
    time.now = EIGHT + timedelta(days=1)
    assert await desk.digests.queue_due([clinic]) == 1


@pytest.mark.parametrize(("late", "count"), [(LATEST - timedelta(minutes=1), 1), (LATEST, 0)])
async def test_a_service_that_was_down_makes_it_good_for_some_hours(
    desk: Services, time: Time, late: timedelta, count: int
) -> None:
    clinic = with_digest(desk)
    await desk.requests.submit(request(), clinic)
    time.now = EIGHT + late
    assert await desk.digests.queue_due([clinic]) == count


async def test_the_hour_is_the_clinics_own_all_year(desk: Services, time: Time) -> None:
    """Eight in New York is noon in UTC in summer, and one o'clock in winter."""
    clinic = with_digest(desk)
    await desk.requests.submit(request(), clinic)
    time.now = datetime(2026, 12, 2, 12, 30, tzinfo=UTC)
    assert await desk.digests.queue_due([clinic]) == 0
    time.now = datetime(2026, 12, 2, 13, 0, tzinfo=UTC)
    assert await desk.digests.queue_due([clinic]) == 1


@pytest.mark.parametrize("missing", ["notify", "digest_at"])
async def test_without_a_mailbox_or_an_hour_there_is_none(desk: Services, time: Time, missing: str) -> None:
    clinic = with_digest(desk, **{missing: None})
    await desk.requests.submit(request(), clinic)
    time.now = EIGHT
    assert await desk.digests.queue_due([clinic]) == 0


@pytest.mark.parametrize("way", ["inbox", "link", "webhook"])
async def test_each_way_gives_notice_at_once_where_the_clinic_wants_it(desk: Services, way: str) -> None:
    clinic = with_digest(desk, way=way, link="https://book.example.org", webhook="https://ehr.example.org/in")
    kept = await desk.requests.submit(request(), clinic)
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        await delivered(started(desk.settings, port))
    assert [mail["Subject"] for mail in mailbox.took] == [f"New request {kept.reference}"]
    assert mailbox.recipients == [DESK]


async def test_a_clinic_of_the_way_email_is_told_once(desk: Services) -> None:
    clinic = with_digest(desk, way="email", email="visits@riverbend.example.com")
    await desk.requests.submit(request(), clinic)
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        await delivered(started(desk.settings, port))
    assert mailbox.recipients == ["visits@riverbend.example.com"]
