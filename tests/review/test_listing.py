"""The list: which conversations pass which filters, in which order, page by page, and of which clinics."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from needlewise import clock
from needlewise.conversations import listing
from needlewise.conversations.filters import Filters
from needlewise.conversations.listing import Person
from needlewise.conversations.log import Inbound
from needlewise.conversations.state import State
from needlewise.db.tables import conversation_tags, conversations
from needlewise.wiring import Services
from tests.review.conftest import Looking, Time, add_staff, read
from tests.support.kept import Kept, Turned, go_on, keep


async def change(services: Services, kept: Kept, **values: object) -> None:
    async with services.engine.begin() as connection:
        await connection.execute(update(conversations).where(conversations.c.id == kept.id).values(**values))


async def tag(services: Services, kept: Kept, name: str) -> None:
    row = {"conversation": kept.id, "clinic": kept.conversation.clinic, "tag": name}
    async with services.engine.begin() as connection:
        await connection.execute(insert(conversation_tags).values(**row))


AT = datetime(2026, 11, 20, tzinfo=UTC)

KEPT: dict[str, tuple[Turned, dict[str, object]]] = {
    "plain": (Turned(heard={"confidence": 0.6}), {}),
    "cost": (Turned(heard={"topics": ("does_it_hurt", "cost")}), {}),
    "call": (Turned(slots={"outcome": "CALL"}), {}),
    "ask": (Turned(level="ask"), {}),
    "doctor": (Turned(level="doctor"), {}),
    "emergency": (Turned(level="emergency"), {}),
    "poison": (Turned(level="poison"), {}),
    "violence": (Turned(level="violence"), {}),
    "declined": (Turned(heard={"act": "out_of_scope"}), {}),
    "offered": (Turned(heard={"offered": ("cost",)}), {}),
    "doubtful": (Turned(heard={"confidence": 0.59}), {}),
    "person": (Turned(heard={"act": "talk_to_human"}), {}),
    "stopped": (Turned(opted_out=True), {}),
    "callback": (Turned(), {"request": "callback"}),
    "down": (Turned(), {"thumbs_down": 1}),
    "mine": (Turned(), {"assigned_to": "me1"}),
    "hers": (Turned(), {"assigned_to": "other1"}),
    "flagged": (Turned(), {"flagged_at": AT}),
    "live": (Turned(), {"live_by": "me1"}),
    "zebra": (Turned("is a zebra ok"), {}),
}
PASS: list[tuple[dict[str, str], set[str]]] = [
    ({"topic": "cost"}, {"cost"}),
    ({"outcome": "CALL"}, {"call"}),
    ({"outcome": "BOOK"}, set()),
    ({"safety": "any"}, {"ask", "doctor", "emergency", "poison", "violence"}),
    ({"safety": "urgent"}, {"emergency", "poison"}),
    ({"safety": "crisis"}, {"violence"}),
    ({"safety": "doctor"}, {"ask", "doctor"}),
    ({"missed": "1"}, {"declined", "offered"}),
    ({"below": "60"}, {"doubtful"}),
    ({"person": "1"}, {"person"}),
    ({"stopped": "1"}, {"stopped"}),
    ({"requested": "1"}, {"callback"}),
    ({"down": "1"}, {"down"}),
    ({"assigned": "me"}, {"mine"}),
    ({"assigned": "other1"}, {"hers"}),
    ({"assigned": "nobody"}, set(KEPT) - {"mine", "hers"}),
    ({"flagged": "1"}, {"flagged"}),
    ({"live": "1"}, {"live"}),
    ({"q": "zebra"}, {"zebra"}),
    ({"missed": "1", "q": "zebra"}, set()),
]


async def test_a_filter_lets_through_what_it_names(services: Services, looking: Looking) -> None:
    names = {}
    for name, (turn, values) in KEPT.items():
        kept = await keep(services.log, turn)
        names[kept.id] = name
        if values:
            await change(services, kept, **values)
    found = [(given, {names[one] for one in await looking.sees(**given)}) for given, _ in PASS]
    assert found == PASS


async def test_a_channel_is_filtered_by(services: Services, looking: Looking) -> None:
    sms = await keep(services.log, Turned(), channel="sms")
    web = await keep(services.log, Turned())
    assert (await looking.sees(channel="sms"), await looking.sees(channel="web")) == ([sms.id], [web.id])


async def test_what_nobody_has_reviewed_is_found(services: Services, looking: Looking) -> None:
    done, waits = await keep(services.log, Turned()), await keep(services.log, Turned())
    await change(services, done, reviewed_at=AT)
    assert await looking.sees(unreviewed="1") == [waits.id]


async def test_a_tag_is_filtered_by_whatever_its_case(services: Services, looking: Looking) -> None:
    kept = await keep(services.log, Turned())
    await keep(services.log, Turned())
    await tag(services, kept, "call again")
    assert await looking.sees(tag="Call Again") == [kept.id]


async def test_filters_hold_together(services: Services, looking: Looking) -> None:
    both = await keep(services.log, Turned("zebra", heard={"topics": ("cost",), "act": "talk_to_human"}))
    await keep(services.log, Turned("zebra", heard={"topics": ("cost",)}))
    await keep(services.log, Turned("zebra", heard={"act": "talk_to_human"}))
    await keep(services.log, Turned(heard={"topics": ("cost",), "act": "talk_to_human"}))
    await tag(services, both, "x")
    assert await looking.sees(topic="cost", person="1", q="zebra", tag="x") == [both.id]
    assert await looking.sees(topic="cost", person="1", q="zebra", tag="y") == []


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2026-11-23", "2026-11-23", [1, 0]),
        ("2026-11-24", "2026-11-24", [2]),
        ("", "2026-11-22", []),
        ("2026-11-24", "", [2]),
        ("2026-11-22", "2026-11-25", [2, 1, 0]),
    ],
)
async def test_days_begin_and_end_where_the_clinic_is(
    services: Services, looking: Looking, time: Time, first: str, last: str, found: list[int]
) -> None:
    kept = []
    # The 23rd at noon, just before midnight in New York, and just after.
    for at in ("2026-11-23T17:00", "2026-11-24T04:50", "2026-11-24T05:10"):
        time.at = datetime.fromisoformat(f"{at}+00:00")
        kept.append(await keep(services.log, Turned()))
    assert await looking.sees(**{"from": first, "to": last}) == [kept[one].id for one in found]


async def test_a_day_is_each_clinics_own(services: Services, looking: Looking, time: Time) -> None:
    time.at = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # the 24th in New York, still the 23rd in Los Angeles
    east = await keep(services.log, Turned())
    west = await keep(services.log, Turned(), clinic="west")
    both = ("demo", "west")
    assert await looking.sees(clinics=both, to="2026-11-23") == [west.id]
    assert await looking.sees(clinics=both, from_="2026-11-24") == [east.id]


async def test_the_newest_comes_first_and_a_new_message_brings_up(
    services: Services, looking: Looking
) -> None:
    first, second = await keep(services.log, Turned()), await keep(services.log, Turned())
    assert await looking.sees() == [second.id, first.id]
    await go_on(services.log, first, Turned())
    assert await looking.sees() == [first.id, second.id]


async def test_a_conversation_in_which_nobody_wrote_is_not_listed(
    services: Services, looking: Looking
) -> None:
    await keep(services.log)
    assert await looking.sees() == []


# -- pages ----------------------------------------------------------------------------------------------------------


async def test_pages_hold_each_conversation_once_also_where_times_are_the_same(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT)
    kept = {(await keep(services.log, Turned())).id for _ in range(7)}
    seen: list[str] = []
    after = None
    while True:
        page = await services.listing.rows(Filters(), ["demo"], after=after, limit=3)
        seen += [row.id for row in page.rows]
        if page.older is None:
            break
        after = page.older
    assert (len(seen), set(seen)) == (7, kept)


async def test_what_came_meanwhile_does_not_move_the_next_page(services: Services) -> None:
    kept = [await keep(services.log, Turned()) for _ in range(4)]
    first = await services.listing.rows(Filters(), ["demo"], limit=2)
    await keep(services.log, Turned())
    second = await services.listing.rows(Filters(), ["demo"], after=first.older, limit=2)
    assert [row.id for row in second.rows] == [kept[1].id, kept[0].id]


async def test_what_came_on_top_is_told(services: Services) -> None:
    old = await keep(services.log, Turned())
    top = (await services.listing.rows(Filters(), ["demo"])).rows[0].cursor
    assert await services.listing.newer(Filters(), ["demo"], than=top) == ()
    new = await keep(services.log, Turned())
    await go_on(services.log, old, Turned())
    found = await services.listing.newer(Filters(), ["demo"], than=top)
    assert [row.id for row in found] == [old.id, new.id]


@pytest.mark.parametrize(
    "cursor", ["", "~", "x~y", "2026-11-23~a", "2026-11-23T10:00:00~" + "x" * 9999, "'; --"]
)
async def test_a_cursor_that_is_none_begins_at_the_top(services: Services, cursor: str) -> None:
    await keep(services.log, Turned())
    assert len((await services.listing.rows(Filters(), ["demo"], after=cursor)).rows) == 1
    assert await services.listing.newer(Filters(), ["demo"], than=cursor) == ()


async def test_the_count_stops_where_it_is_not_worth_counting(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_COUNTED", 3)
    for expected in ("0", "1", "2", "3", "3+"):
        assert str(await services.listing.count(Filters(), ["demo"])) == expected
        await keep(services.log, Turned())


# -- clinics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"clinic": "west"}, {"q": "zebra"}, {"topic": "cost"}, {"tag": "x"}])
async def test_nothing_of_another_clinic_is_seen(
    services: Services, looking: Looking, given: dict[str, str]
) -> None:
    theirs = await keep(services.log, Turned("zebra", heard={"topics": ("cost",)}), clinic="west")
    await tag(services, theirs, "x")
    assert await looking.sees(**given) == []
    assert (await services.listing.count(read(**given), ["demo"])).number == 0
    assert await looking.sees(clinics=["west"], **given) == [theirs.id]


async def test_without_a_clinic_there_is_nothing(services: Services, looking: Looking) -> None:
    await keep(services.log, Turned())
    assert await looking.sees(clinics=[]) == []


async def test_tags_and_rows_by_id_are_of_the_clinics_asked_for(services: Services) -> None:
    ours, theirs = await keep(services.log, Turned()), await keep(services.log, Turned(), clinic="west")
    await tag(services, ours, "ours")
    await tag(services, theirs, "theirs")
    assert await services.listing.tags(["demo"]) == ("ours",)
    assert [row.id for row in await services.listing.some([theirs.id, ours.id], ["demo"])] == [ours.id]


async def test_who_reads_conversations_may_be_given_one(services: Services) -> None:
    await add_staff(services, "ann", "reviewer", "reader")
    await add_staff(services, "bob", "admin")
    await add_staff(services, "cid", "reader", clinic="west")
    await add_staff(services, "dan", "clinician")
    assert await services.listing.people(["demo"]) == (Person("ann", "ann"), Person("dan", "dan"))


# -- a row ----------------------------------------------------------------------------------------------------------


async def test_a_row_shows_what_the_patient_wrote_first_redacted_and_short(services: Services) -> None:
    await keep(
        services.log,
        Turned("im Zelda\n\n  " + "and so on " * 50, redacted="im [name]\n\n  " + "and so on " * 50),
        Turned("second"),
    )
    row = (await services.listing.rows(Filters(), ["demo"])).rows[0]
    assert row.first_words == ("im [name] " + "and so on " * 50)[: listing.LONGEST_FIRST_WORDS]


async def test_a_row_whose_words_are_being_prepared_shows_none(services: Services) -> None:
    await keep(services.log, Turned("im Zelda"), redacts=False)
    row = (await services.listing.rows(Filters(), ["demo"])).rows[0]
    assert (row.first_words, row.is_erased) == (None, False)


async def test_a_row_names_topics_tags_and_people(services: Services) -> None:
    kept = await keep(services.log, Turned(heard={"topics": ("insurance", "cost")}))
    await add_staff(services, "ann", "reviewer")
    await tag(services, kept, "b")
    await tag(services, kept, "a")
    await change(services, kept, assigned_to="ann", live_by="gone")
    row = (await services.listing.rows(Filters(), ["demo"])).rows[0]
    assert (row.topics, row.tags) == (("cost", "insurance"), ("a", "b"))
    assert (row.assigned_to, row.live_by) == (Person("ann", "ann"), None)


async def test_a_forgotten_conversation_is_listed_without_its_words(services: Services) -> None:
    kept = await keep(services.log, Turned())
    await services.log.forget(kept.conversation)
    row = (await services.listing.rows(Filters(), ["demo"])).rows[0]
    assert (row.id, row.first_words, row.is_erased) == (kept.id, None, True)


async def test_a_message_without_a_reply_is_not_counted_yet(services: Services) -> None:
    conversation, _ = await services.log.open("demo", "web", "en", state=State())
    await services.log.claim(conversation, "1", Inbound("hi"))
    assert (await services.listing.rows(replace(Filters()), ["demo"])).rows == ()
