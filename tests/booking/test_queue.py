"""What becomes of a request: who may do what with it, and what is shown of it before anybody says why."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update

from needlewise import clock
from needlewise.booking.export import table
from needlewise.booking.masks import masked_contact, masked_name
from needlewise.booking.queue import MOVES, Bookings, Changed, State, Wanted
from needlewise.booking.references import best, new_reference, readings
from needlewise.booking.requests import Details, Kept, Request
from needlewise.db.audit import Entry
from needlewise.db.tables import requests
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

BEGAN = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)
"""A Tuesday morning in New York: an answer is promised by Wednesday, 18:00."""
DEMO = frozenset({"demo"})


@dataclass
class Time:
    now: datetime = BEGAN

    def passes(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest_asyncio.fixture
async def desk(services: Services, time: Time) -> AsyncIterator[Services]:
    yield services
    await services.reading.dispose()
    await services.engine.dispose()


async def sent(desk: Services, draft: str = "1", *, clinic: str = "demo", **more: object) -> Kept:
    """A request as a patient left it."""
    details = Details("Jenny Park", "+12025550142", "mornings", ())
    request = Request(clinic, draft, f"conversation-{draft}", "visit", details, "BOOK", "oak-park")
    return await desk.requests.submit(replace(request, **more), desk.library.clinic(clinic))  # type: ignore[arg-type]


def by(who: str = "maria", **more: object) -> Entry:
    return Entry(who, "request/state", "demo", **more)  # type: ignore[arg-type]


async def shown(desk: Services, reference: str) -> Kept:
    found = await desk.bookings.show(reference)
    assert found is not None
    return found.kept


# -- states ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", list(State))
@pytest.mark.parametrize("start", list(State))
async def test_moves(desk: Services, start: State, to: State) -> None:
    kept = await sent(desk)
    async with desk.engine.begin() as connection:
        await connection.execute(update(requests).values(state=start.value))
    seen = await shown(desk, kept.reference)
    if to in MOVES[start]:
        await desk.bookings.move(seen, to, by())
        assert (await shown(desk, kept.reference)).state == to
    else:
        with pytest.raises(NeedlewiseError, match="cannot become"):
            await desk.bookings.move(seen, to, by())
        assert (await shown(desk, kept.reference)).state == start


def test_what_is_settled_can_be_opened_again() -> None:
    assert State.NEW in MOVES[State.BOOKED]
    assert State.NEW in MOVES[State.CLOSED]


async def test_who_moves_what_is_nobodys_has_it(desk: Services) -> None:
    kept = await sent(desk)
    await desk.bookings.move(kept, State.CALLED, by("maria"))
    await desk.bookings.move(await shown(desk, kept.reference), State.BOOKED, by("omar"))
    assert (await shown(desk, kept.reference)).owner == "maria"


async def test_of_two_who_move_it_at_once_the_second_is_told(desk: Services) -> None:
    kept = await sent(desk)
    await desk.bookings.move(kept, State.CALLED, by("maria"))
    with pytest.raises(Changed):
        await desk.bookings.move(kept, State.CLOSED, by("omar"))
    assert (await shown(desk, kept.reference)).state == "called"
    assert len(await desk.bookings.history(kept.reference)) == 1


async def test_a_double_click_counts_once(desk: Services, time: Time) -> None:
    kept = await sent(desk)
    await desk.bookings.move(kept, State.NO_ANSWER, by())
    seen = await shown(desk, kept.reference)
    time.passes(hours=2)
    await desk.bookings.move(seen, State.NO_ANSWER, by())
    with pytest.raises(Changed):
        await desk.bookings.move(seen, State.NO_ANSWER, by())
    assert len(await desk.bookings.history(kept.reference)) == 2


# -- owners ------------------------------------------------------------------------------------------------------------------


async def test_of_two_who_take_it_at_once_the_second_is_told(desk: Services) -> None:
    kept = await sent(desk)
    await desk.bookings.give(kept, "maria", by("maria"))
    with pytest.raises(Changed):
        await desk.bookings.give(kept, "omar", by("omar"))
    assert (await shown(desk, kept.reference)).owner == "maria"


async def test_it_is_handed_over_and_given_back(desk: Services) -> None:
    kept = await sent(desk)
    for owner in ("maria", "omar", None):
        await desk.bookings.give(await shown(desk, kept.reference), owner, by("maria"))
        assert (await shown(desk, kept.reference)).owner == owner


async def test_history_says_who_did_what_the_newest_first(desk: Services, time: Time) -> None:
    kept = await sent(desk)
    await desk.bookings.give(kept, "maria", Entry("maria", "request/owner", "demo", kept.reference))
    time.passes(minutes=5)
    entry = Entry("maria", "request/state", "demo", kept.reference)
    await desk.bookings.move(await shown(desk, kept.reference), State.CALLED, entry)
    history = await desk.bookings.history(kept.reference)
    assert [(one.actor, one.action, dict(one.details)) for one in history] == [
        ("maria", "request/state", {"from": "new", "to": "called"}),
        ("maria", "request/owner", {"from": "", "to": "maria"}),
    ]


# -- age ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "is_overdue"),
    [("new", True), ("no_answer", True), ("called", False), ("booked", False), ("closed", False)],
)
async def test_overdue_is_whom_nobody_reached_in_the_promised_time(
    desk: Services, time: Time, state: str, is_overdue: bool
) -> None:
    kept = await sent(desk)
    async with desk.engine.begin() as connection:
        await connection.execute(update(requests).values(state=state))
    time.passes(days=2)
    found = await desk.bookings.show(kept.reference)
    assert found is not None
    assert found.is_overdue is is_overdue
    assert (await desk.bookings.figures(DEMO)).overdue == is_overdue


async def test_nothing_is_overdue_before_its_time(desk: Services, time: Time) -> None:
    await sent(desk)
    time.passes(days=1, hours=7, minutes=59)
    assert (await desk.bookings.figures(DEMO)).overdue == 0
    time.passes(minutes=2)
    assert (await desk.bookings.figures(DEMO)).overdue == 1


async def test_nothing_is_overdue_where_nothing_was_promised(desk: Services, time: Time) -> None:
    await sent(desk, clinic="forever-fit", location=None)
    time.passes(days=60)
    assert (await desk.bookings.figures({"forever-fit"})).overdue == 0


async def test_the_list_begins_with_what_is_overdue(desk: Services, time: Time) -> None:
    settled = await sent(desk, "settled")
    await desk.bookings.move(settled, State.BOOKED, by())
    late = await sent(desk, "late")
    time.passes(days=2)
    first = await sent(desk, "first")
    time.passes(minutes=1)
    second = await sent(desk, "second")
    listed, count = await desk.bookings.listed(DEMO, Wanted())
    assert [one.kept.reference for one in listed] == [
        kept.reference for kept in (late, first, second, settled)
    ]
    assert count == 4


# -- what a list shows -------------------------------------------------------------------------------------------------------


async def listed(desk: Services, wanted: Wanted) -> set[str]:
    found, count = await desk.bookings.listed(DEMO, wanted)
    assert count == len(found)
    return {one.kept.request.draft for one in found}


async def test_filters(desk: Services, time: Time) -> None:
    await sent(desk, "old")
    time.passes(days=2)
    await sent(desk, "call", kind="callback")
    owned = await sent(desk, "owned")
    await desk.bookings.give(owned, "maria", by())
    booked = await sent(desk, "booked")
    await desk.bookings.move(booked, State.BOOKED, by("omar"))
    await sent(desk, "other", clinic="forever-fit", location=None)
    assert await listed(desk, Wanted()) == {"old", "call", "owned", "booked"}
    assert await listed(desk, Wanted(states=["booked"])) == {"booked"}
    assert await listed(desk, Wanted(kind="callback")) == {"call"}
    assert await listed(desk, Wanted(owner="maria")) == {"owned"}
    assert await listed(desk, Wanted(owner="")) == {"old", "call"}
    assert await listed(desk, Wanted(overdue=True)) == {"old"}
    assert await listed(desk, Wanted(since=BEGAN + timedelta(days=1))) == {"call", "owned", "booked"}
    assert await listed(desk, Wanted(until=BEGAN + timedelta(days=1))) == {"old"}
    assert await listed(desk, Wanted(clinic="forever-fit")) == set()


async def test_pages_follow_one_another(desk: Services, time: Time) -> None:
    for number in range(5):
        await sent(desk, str(number))
        time.passes(minutes=1)
    pages = [await desk.bookings.listed(DEMO, Wanted(), first=first, limit=2) for first in (0, 2, 4)]
    assert [[one.kept.request.draft for one in page] for page, _ in pages] == [["0", "1"], ["2", "3"], ["4"]]


@pytest.mark.parametrize(
    ("contact", "masked"),
    [
        ("+12025550142", "(•••) •••-••42"),
        ("+442079460958", "+•• ••• •••58"),
        ("jenny@example.com", "j•••@•••"),
    ],
)
def test_ways_to_reach_somebody_are_masked(contact: str, masked: str) -> None:
    assert masked_contact(contact) == masked


@pytest.mark.parametrize(
    ("name", "masked"), [("Jenny Park", "J."), ("zoë", "Z."), ("李娜", "李."), ("", "•.")]
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert masked_name(name) == masked


@pytest.mark.parametrize("reason", ["", "  ", "ab"])
async def test_nothing_is_revealed_without_a_reason(desk: Services, reason: str) -> None:
    kept = await sent(desk)
    with pytest.raises(NeedlewiseError, match="why"):
        await desk.bookings.reveal(kept, Entry("maria", "request/reveal", "demo", kept.reference, reason))
    assert await desk.bookings.history(kept.reference) == []


# -- reference numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("B4CDFG", "B4CDFG"),
        ("b4cdfg", "B4CDFG"),
        (" B4C DFG ", "B4CDFG"),
        ("b4c-dfg", "B4CDFG"),
        ("#B4CDFG.", "B4CDFG"),
        ("\uff22\uff14CDFG", "B4CDFG"),
        ("84CDFG", "B4CDFG"),
        ("BACDFG", "B4CDFG"),
        ("B4C0FG", "B4CDFG"),
        ("B4CDF6", "B4CDFG"),
        ("B4CDSG", "B4CDFG"),
    ],
)
def test_a_reference_is_read_as_people_write_it(typed: str, meant: str) -> None:
    assert best(typed, {meant, "XXXXXX"}) == [meant]


@pytest.mark.parametrize("typed", ["", "B4CDF", "B4CDFGH", "ЖЖЖЖЖЖ", "' OR 1=1", "<b>x</b>"])
def test_what_is_no_reference_means_none(typed: str) -> None:
    assert readings(typed) == []


def test_what_is_written_goes_before_what_it_may_be() -> None:
    assert best("B4CDF6", {"B4CDF6", "B4CDFG"}) == ["B4CDF6"]


def test_new_references_need_no_second_reading() -> None:
    for _ in range(200):
        reference = new_reference()
        assert readings(reference)[0] == reference


async def test_a_reference_of_another_clinic_is_not_found(desk: Services) -> None:
    theirs = await sent(desk, clinic="forever-fit", location=None)
    assert await desk.bookings.find(DEMO, theirs.reference) == []
    assert await desk.bookings.find({"forever-fit"}, theirs.reference.lower()) == [theirs.reference]


# -- a table for a spreadsheet -------------------------------------------------------------------------------------------------


async def exported(desk: Services, bookings: Bookings, *, personal: bool) -> list[dict[str, str]]:
    found, _ = await bookings.listed(DEMO, Wanted())
    text = table(
        found,
        clinic=desk.library.clinic,
        name=lambda id: {"maria": "=maria"}.get(id, id),
        local=lambda clinic, at: at.astimezone(desk.zone(clinic)),
        personal=personal,
    )
    return list(csv.DictReader(io.StringIO(text)))


async def test_a_table_names_nobody_unless_asked(desk: Services) -> None:
    await sent(desk)
    (row,) = await exported(desk, desk.bookings, personal=False)
    assert not {"name", "contact", "times"} & row.keys()
    assert (row["asked"], row["answer by"], row["office"]) == (
        "2026-06-16 10:00",
        "2026-06-17 18:00",
        "Oak Park",
    )
    (row,) = await exported(desk, desk.bookings, personal=True)
    assert (row["name"], row["contact"], row["times"]) == ("Jenny Park", "'+12025550142", "mornings")


@pytest.mark.parametrize(
    "words", ['=HYPERLINK("http://evil.example")', "+1+1", "-2", "@SUM(A1)", "\t=1", " =1", "|calc", "%0A"]
)
async def test_a_patients_words_are_no_formula(desk: Services, words: str) -> None:
    details = Details("Jenny", "jen@example.com", words)
    kept = await sent(desk, details=details)
    await desk.bookings.give(kept, "maria", by())
    (row,) = await exported(desk, desk.bookings, personal=True)
    assert row["times"] == f"'{words}"
    assert row["owner"] == "'=maria"
