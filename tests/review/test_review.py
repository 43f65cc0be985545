"""What staff do with a conversation: kept, audited in the same transaction, and of their own clinic only."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from needlewise.conversations.filters import Filters
from needlewise.conversations.listing import Listed, Person
from needlewise.conversations.review import LONGEST_NOTE, MOST_TAGS, Review, plain_tag
from needlewise.conversations.transcripts import NotThere
from needlewise.db.audit import Entry
from needlewise.db.tables import audit, notes
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.review.conftest import add_staff
from tests.support.kept import Turned, go_on, keep

ENTRY = Entry("ann", "conversation/deed")

Deed = Callable[[Review, str, list[str]], Awaitable[object]]
DEEDS: dict[str, Deed] = {
    "note": lambda review, one, at: review.note(one, at, ENTRY, author="ann", body="called her"),
    "tag": lambda review, one, at: review.tag(one, at, ENTRY, tag="Call Again"),
    "untag": lambda review, one, at: review.untag(one, at, ENTRY, tag="call again"),
    "assign": lambda review, one, at: review.assign(one, at, ENTRY, to="ann"),
    "unassign": lambda review, one, at: review.assign(one, at, ENTRY, to=None),
    "flag": lambda review, one, at: review.flag(one, at, ENTRY, on=True),
    "unflag": lambda review, one, at: review.flag(one, at, ENTRY, on=False),
    "reviewed": lambda review, one, at: review.mark_reviewed(one, at, ENTRY, by="ann"),
    "unreviewed": lambda review, one, at: review.mark_unreviewed(one, at, ENTRY),
}


async def audited(services: Services) -> list[Any]:
    async with services.reading.connect() as connection:
        return list((await connection.execute(select(audit).order_by(audit.c.seq))).all())


async def listed(services: Services) -> Listed:
    return (await services.listing.rows(Filters(), ["demo"])).rows[0]


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_each_deed_is_audited_about_the_conversation(services: Services, deed: Deed) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    await deed(services.review, kept.id, ["demo"])
    assert [(row.actor, row.clinic, row.subject) for row in await audited(services)] == [
        ("ann", "demo", kept.id)
    ]


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_no_deed_reaches_another_clinic(services: Services, deed: Deed) -> None:
    kept = await keep(services.log, Turned(), clinic="west")
    for conversation in (kept.id, "x" * 32):
        with pytest.raises(NotThere):
            await deed(services.review, conversation, ["demo"])
    assert await audited(services) == []


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_a_deed_that_cannot_be_audited_is_not_done(
    services: Services, deed: Deed, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    before = await listed(services)

    async def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services.audit, "record", fails)
    with pytest.raises(OSError, match="disk full"):
        await deed(services.review, kept.id, ["demo"])
    assert await listed(services) == before
    assert (await services.transcripts.open(kept.id, ["demo"])).notes == ()


async def test_a_note_is_kept_sealed_and_shown_with_its_author(services: Services) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    await services.review.note(kept.id, ["demo"], ENTRY, author="ann", body="  <b>Zelda</b> called\x00 ")
    (note,) = (await services.transcripts.open(kept.id, ["demo"])).notes
    assert (note.author, note.body) == (Person("ann", "ann"), "<b>Zelda</b> called")
    async with services.reading.connect() as connection:
        sealed = await connection.scalar(select(notes.c.body_sealed))
    assert b"Zelda" not in sealed
    assert "Zelda" not in str(await audited(services))


@pytest.mark.parametrize("body", ["", " \n ", "x" * (LONGEST_NOTE + 1)])
async def test_a_note_that_is_none_is_refused(services: Services, body: str) -> None:
    kept = await keep(services.log, Turned())
    with pytest.raises(NeedlewiseError, match="a note has"):
        await services.review.note(kept.id, ["demo"], ENTRY, author="ann", body=body)


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("Insurance", "insurance"),
        ("  call   AGAIN ", "call again"),
        ("#follow-up", "follow-up"),
        ("Überweisung", "überweisung"),
        ("<script>alert(1)</script>", "script alert 1 script"),
        ("a_b", "a b"),
        ("x" * 40, "x" * 40),
    ],
)
def test_a_tag_has_one_form(typed: str, tag: str) -> None:
    assert plain_tag(typed) == tag


@pytest.mark.parametrize("typed", ["", "  ", "#", "!?", "x" * 41])
def test_what_is_no_tag_is_refused(typed: str) -> None:
    with pytest.raises(NeedlewiseError, match="a tag"):
        plain_tag(typed)


async def test_a_tag_is_added_once_and_taken_away(services: Services) -> None:
    kept = await keep(services.log, Turned())
    for typed in ("Insurance", "insurance "):
        assert await services.review.tag(kept.id, ["demo"], ENTRY, tag=typed) == "insurance"
    assert (await listed(services)).tags == ("insurance",)
    await services.review.untag(kept.id, ["demo"], ENTRY, tag="insurance")
    assert (await listed(services)).tags == ()


async def test_tags_have_an_end(services: Services) -> None:
    kept = await keep(services.log, Turned())
    for number in range(MOST_TAGS):
        await services.review.tag(kept.id, ["demo"], ENTRY, tag=f"tag {number}")
    await services.review.tag(kept.id, ["demo"], ENTRY, tag="tag 0")
    with pytest.raises(NeedlewiseError, match="at most"):
        await services.review.tag(kept.id, ["demo"], ENTRY, tag="one more")


async def test_it_is_given_to_whoever_reads_conversations_there_and_taken_back(services: Services) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    await services.review.assign(kept.id, ["demo"], ENTRY, to="ann")
    assert (await listed(services)).assigned_to == Person("ann", "ann")
    await services.review.assign(kept.id, ["demo"], ENTRY, to=None)
    assert (await listed(services)).assigned_to is None


@pytest.mark.parametrize(
    "to", ["bob", "cid", "nobody"], ids=["admin only", "other clinic", "no such account"]
)
async def test_it_is_not_given_to_whoever_cannot_read_it(services: Services, to: str) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "bob", "admin")
    await add_staff(services, "cid", "reviewer", clinic="west")
    with pytest.raises(NeedlewiseError, match="does not read conversations"):
        await services.review.assign(kept.id, ["demo"], ENTRY, to=to)


async def test_a_review_names_who_did_it_and_can_be_taken_back(services: Services) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    assert await services.review.mark_reviewed(kept.id, ["demo"], ENTRY, by="ann", heard=1)
    assert (await listed(services)).reviewed_by == Person("ann", "ann")
    await services.review.mark_unreviewed(kept.id, ["demo"], ENTRY)
    assert (await listed(services)).reviewed_at is None


async def test_a_review_of_less_than_the_patient_wrote_does_not_count(services: Services) -> None:
    kept = await keep(services.log, Turned())
    seen = (await listed(services)).heard
    await go_on(services.log, kept, Turned("and my calf"))
    assert not await services.review.mark_reviewed(kept.id, ["demo"], ENTRY, by="ann", heard=seen)
    assert (await listed(services)).reviewed_at is None
    assert [json.loads(row.details) for row in await audited(services)] == [{"heard": 1, "done": False}]
