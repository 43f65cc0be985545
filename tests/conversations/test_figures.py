"""The figures of a few conversations that can be counted by hand, over both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import insert, update

from needlewise import clock
from needlewise.conversations.figures import (
    BY_ID,
    FEW,
    FUNNEL,
    MAIN,
    MEASURES,
    RATES,
    Figures,
    Insights,
    Range,
    Scope,
    Tally,
    last_days,
    percentile,
    reading,
)
from needlewise.db.audit import Entry
from needlewise.db.tables import answers_shown, conversations, messages, requests
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.console.conversations import Log, Talk
from tests.review.conftest import (
    empty_file,
    empty_server,
    on_postgresql,
    on_sqlite,
    postgres,
    settings,
)

__all__ = ["empty_file", "empty_server", "on_postgresql", "on_sqlite", "postgres", "settings"]

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
WEEK = Range(date(2026, 11, 16), date(2026, 11, 22))
ZONE = ZoneInfo("America/New_York")


def at(day: int, hour: int = 15) -> datetime:
    """A moment of that day in November, in the clinic's own time."""
    return datetime(2026, 11, day, hour, tzinfo=ZONE)


@pytest_asyncio.fixture
async def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    services = Services(settings)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    yield services
    await services.reading.dispose()
    await services.engine.dispose()


async def count(services: Services, days: Range = WEEK, **scope: str) -> Insights:
    return await Figures(services.reading, {"demo": ZONE, "other": ZONE}).of(Scope({"demo"}, **scope), days)


async def begin(services: Services) -> dict[str, Talk]:
    """A week: an answered question by web, one by text, a declined one, an offer, an urgent sign, and a screening with a request."""
    log = Log(services)
    talks = {
        "answered": await log.talk(at=at(16), thumb="up", understood={"intent": "cost"}),
        "text": await log.talk(at=at(17), channel="sms", thumb="down", opted_out=True),
        "declined": await log.talk(at=at(17, 23), topics=()),
        "unsure": await log.talk(
            at=at(18), topics=(), understood={"intent": "nlu_fallback", "offered": ["cost"]}
        ),
        "urgent": await log.talk(at=at(19), topics=(), safety=("urgent", "R1"), reviewed_at=NOW),
        "screened": await log.talk(
            at=at(20), topics=(), outcome="TELL", understood={"intent": "choose", "form": "screening_form"}
        ),
        "before": await log.talk(at=at(15)),
        "other": await log.talk(at=at(18), clinic="other"),
    }
    async with services.engine.begin() as connection:
        for name, act in (
            ("declined", "out_of_scope"),
            ("urgent", "urgent_red_flag"),
            ("text", "talk_to_human"),
        ):
            its = messages.c
            one = update(messages).where(its.conversation == talks[name].id, its.direction == "in")
            await connection.execute(one.values(act=act))
        await connection.execute(update(messages).values(latency_ms=40.0))
        sms = update(messages).where(messages.c.conversation == talks["text"].id)
        await connection.execute(sms.values(channel="sms", latency_ms=250.0))
        for name in ("answered", "text", "before"):
            row = {
                "message": talks[name].said[1],
                "topic": "cost",
                "clinic": "demo",
                "channel": "web",
                "version": 1,
            }
            when = at(15) if name == "before" else at(17)
            await connection.execute(insert(answers_shown).values(**row, at=when))
    await request(services, "AAAA", talks["screened"], state="booked", moved_at=at(20, 17))
    await request(services, "BBBB", talks["answered"], kind="callback")
    return talks


async def request(
    services: Services,
    reference: str,
    talk: Talk,
    *,
    kind: str = "visit",
    state: str = "new",
    moved_at: datetime | None = None,
) -> None:
    async with services.engine.begin() as connection:
        await connection.execute(
            insert(requests).values(
                reference=reference, clinic="demo", draft=reference, conversation=talk.id, kind=kind, details_sealed=b"",
                consent_at=at(20), created_at=at(20), expected_by=at(21), state=state, state_at=moved_at,
            )
        )  # fmt: skip
    if moved_at is not None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: moved_at)
            await services.audit.record(Entry("maria", "request/state", clinic="demo", subject=reference))


async def test_what_was_counted_by_hand(services: Services) -> None:
    await begin(services)
    found = await count(services)
    assert {one.id: (found.reading(one.id).number, found.reading(one.id).of) for one in MEASURES} == {
        "conversations": (6, None),
        "messages": (6, None),
        "questions": (4, None),
        "answered": (2, 4),
        "unsure": (1, 4),
        "declined": (1, 4),
        "contained": (4, 6),
        "asked_person": (1, 6),
        "thumbs": (1, 2),
        "urgent": (1, 6),
        "urgent_reviewed": (1, 1),
        "screened": (1, 6),
        "outcome": (1, 1),
        "outcome_BOOK": (0, 1),
        "outcome_TELL": (1, 1),
        "outcome_CALL": (0, 1),
        "outcome_NOW": (0, 1),
        "requested": (1, 6),
        "booked": (1, 1),
        "requests": (2, None),
        "in_time": (1, 2),
        "opted_out": (1, 6),
        "median": (6, None),
        "p95": (6, None),
    }
    assert (found.reading("median").value, found.reading("p95").value) == (40, 250)
    assert found.levels == {"urgent": 1}
    assert [(one.topic, one.shown, one.before, one.up, one.down) for one in found.topics] == [
        ("cost", 2, 1, 1, 1)
    ]


async def test_the_days_before_stand_beside(services: Services) -> None:
    await begin(services)
    found = await count(services)
    assert (found.reading("conversations").value, found.reading("conversations").before) == (6, 1)
    assert (found.reading("answered").before, found.reading("answered").before_of) == (1.0, 1)


async def test_a_day_ends_at_midnight_where_the_clinic_is(services: Services) -> None:
    await begin(services)
    days = {day.range.since.day: day.sum("conversations") for day in (await count(services)).days}
    assert days == {16: 1, 17: 2, 18: 1, 19: 1, 20: 1, 21: 0, 22: 0}


async def test_days_and_channels_add_up_to_the_whole(services: Services) -> None:
    await begin(services)
    found = await count(services)
    for name in ("conversations", "answered", "unsure", "declined", "urgent"):
        assert sum(day.sum(name) for day in found.days) == found.now.counts[name]
    assert sum((pair[0] for pair in found.channels.values()), Tally()) == found.now
    assert sum((pair[0] for pair in found.clinics.values()), Tally()) == found.now


async def test_a_conversation_over_two_days_counts_once_in_all_and_once_on_each(services: Services) -> None:
    log = Log(services)
    talk = await log.talk(at=at(16))
    await log.hears(talk, "and insurance?", at=at(18))
    found = await count(services)
    assert found.reading("conversations").number == 1
    assert [day.sum("conversations") for day in found.days] == [1, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("scope", "number"),
    [({"channel": "sms"}, 1), ({"channel": "web"}, 5), ({"topic": "cost"}, 2), ({"topic": "knee"}, 0)],
)
async def test_a_channel_or_a_topic_narrows_it_down(
    services: Services, scope: dict[str, str], number: int
) -> None:
    await begin(services)
    assert (await count(services, **scope)).reading("conversations").number == number


@pytest.mark.parametrize("asked", ["first_name", "contact", "times"])
async def test_a_name_or_a_number_for_the_form_is_no_question(services: Services, asked: str) -> None:
    understood = {"intent": "out_of_scope", "form": "booking_form", "asked": asked}
    talk = await Log(services).talk(at=at(16), topics=(), understood=understood)
    async with services.engine.begin() as connection:
        theirs = update(messages).where(messages.c.conversation == talk.id, messages.c.direction == "in")
        await connection.execute(theirs.values(act="out_of_scope"))
    assert (await count(services)).reading("questions").number == 0


async def test_where_staff_wrote_it_is_not_contained(services: Services) -> None:
    log = Log(services)
    talk = await log.talk(at=at(16))
    await log.says(talk, "This is the desk.", at=at(16), author="maria", kind="staff")
    assert (await count(services)).reading("contained").number == 0


async def test_a_request_whose_time_has_not_come_is_not_due(services: Services) -> None:
    talk = await Log(services).talk(at=at(20))
    await request(services, "CCCC", talk)
    async with services.engine.begin() as connection:
        await connection.execute(update(requests).values(expected_by=NOW + timedelta(hours=1)))
    assert (await count(services)).reading("in_time").of == 0


async def test_a_first_move_after_the_promise_is_late(services: Services) -> None:
    talk = await Log(services).talk(at=at(20))
    await request(services, "DDDD", talk, state="called", moved_at=at(22))
    assert (
        (await count(services)).reading("in_time").number,
        (await count(services)).reading("in_time").of,
    ) == (0, 1)


async def test_urgent_events_say_whether_somebody_read_them(services: Services) -> None:
    talks = await begin(services)
    figures = Figures(services.reading, {"demo": ZONE})
    found = await figures.urgent({"demo"}, WEEK)
    assert [(one.conversation, one.level, one.reviewed_at) for one in found] == [
        (talks["urgent"].id, "urgent", NOW)
    ]
    async with services.engine.begin() as connection:
        await connection.execute(update(conversations).values(reviewed_at=None))
    assert (await figures.urgent({"demo"}, WEEK))[0].reviewed_at is None


async def test_nothing_is_no_share_and_no_time(services: Services) -> None:
    found = await count(services)
    assert {found.reading(id).value for id in (*RATES, "median", "p95")} == {None}


def test_every_figure_has_a_definition_and_every_share_says_out_of_what() -> None:
    assert [one.id for one in MEASURES if len(one.definition) < 40] == []
    assert [one.id for one in MEASURES if (one.kind == "share") != bool(one.of)] == []
    assert [one.id for one in MEASURES if one.kind == "share" and not one.of_words] == []
    assert {*MAIN, *RATES, *FUNNEL} <= BY_ID.keys()
    assert len({one.title for one in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize(("of", "is_few"), [(0, False), (1, True), (FEW - 1, True), (FEW, False)])
def test_a_share_of_few_says_so(of: int, is_few: bool) -> None:
    tally = Tally()
    tally.counts.update(answered=of)
    assert reading(BY_ID["answered"], tally).is_few is is_few


@pytest.mark.parametrize(
    ("times", "share", "expected"),
    [
        ({}, 0.5, None),
        ({10: 1}, 0.95, 10),
        ({10: 1, 20: 1}, 0.5, 10),
        ({10: 94, 500: 6}, 0.95, 500),
        ({10: 95, 500: 5}, 0.95, 10),
    ],
)
def test_a_percentile_is_a_time_that_was_measured(
    times: dict[int, int], share: float, expected: float | None
) -> None:
    assert percentile(times, share) == expected


def test_the_days_before_are_as_many_and_end_where_these_begin() -> None:
    days = last_days(date(2026, 11, 24))
    assert (days.days, days.before.until, days.before.days) == (28, date(2026, 10, 27), 28)


@pytest.mark.parametrize(("length", "steps"), [(1, 1), (28, 28), (92, 92), (93, 14), (366, 53)])
def test_many_days_are_shown_in_weeks(length: int, steps: int) -> None:
    days = last_days(date(2026, 11, 24), length)
    assert (len(days.steps), sum(one.days for one in days.steps)) == (steps, length)
