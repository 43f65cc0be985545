"""What is forgotten is gone: from the rows, from the full-text index, from the file, and from the write-ahead log."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from needlewise import clock
from needlewise.db.audit import Entry
from needlewise.db.tables import (
    conversation_topics,
    conversations,
    corrections,
    examples,
    messages,
    metadata,
    searchable,
)
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.kept import Kept, Turned, keep
from tests.support.stored import database, raw

ENTRY = Entry("ann", "conversation/note")
WORD = "quokkazilla"
STEM = WORD.encode()


async def told(services: Services, kept: Kept, **more: object) -> None:
    """A correction of the conversation's first message, with an example made of it."""
    about = {"clinic": "demo", "conversation": kept.id, "message": kept.asked[0], "by": "ann"}
    async with services.engine.begin() as connection:
        await connection.execute(
            insert(corrections).values(
                id="c1", at=clock.now(), verdict="topics", topics=["cost"], comment_sealed=b"x", **about
            )
        )
        for state in ("proposed", "rejected", "accepted", "published"):
            await connection.execute(
                insert(examples).values(
                    id=state,
                    clinic="demo",
                    correction="c1",
                    intent="cost",
                    text="how much",
                    state=state,
                    created_at=clock.now(),
                )
            )


async def test_words_of_staff_about_it_go_too_and_numbers_stay(services: Services) -> None:
    kept = await keep(services.log, Turned(heard={"topics": ("cost",), "confidence": 0.5}))
    await services.review.note(kept.id, ["demo"], ENTRY, author="ann", body="Zelda called")
    await services.review.tag(kept.id, ["demo"], ENTRY, tag="zelda")
    await told(services, kept)
    await services.log.rate(kept.conversation, kept.said[0], "down", "rude to Zelda")
    async with services.engine.begin() as connection:
        await connection.execute(conversations.update().values(live_by="ann", live_at=clock.now()))
    await services.log.forget(kept.conversation)
    left = {}
    async with services.reading.connect() as connection:
        for name in ("notes", "conversation_tags", "searchable", "feedback"):
            query = select(func.count()).select_from(metadata.tables[name])
            left[name] = await connection.scalar(query)
        row = (await connection.execute(select(conversations))).one()
        words = (await connection.execute(select(messages.c.body_sealed, messages.c.redacted))).all()
        comment = await connection.scalar(select(corrections.c.comment_sealed))
        accepted = (await connection.execute(select(examples.c.state))).scalars().all()
        topics = (await connection.execute(select(conversation_topics.c.topic))).scalars().all()
    assert left == {"notes": 0, "conversation_tags": 0, "searchable": 0, "feedback": 0}
    assert set(words) == {(None, None)}
    assert (comment, sorted(accepted)) == (None, ["accepted", "published"])
    assert (row.state_sealed, row.live_by, row.live_at, row.searchable) == (None, None, None, None)
    assert (row.heard, row.thumbs_down, row.confidence, topics) == (1, 1, 0.5, ["cost"])


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_a_forgotten_word_is_in_no_file_of_the_database(services: Services, settings: Settings) -> None:
    # Before and after it others write, so that the index is in several pieces.
    for number in range(20):
        await keep(services.log, Turned(f"does it hurt number{number}"))
    kept = await keep(services.log, Turned(f"i have a {WORD}"))
    for number in range(20):
        await keep(services.log, Turned(f"and after number{number}"))
    assert (STEM in raw(settings)) is True
    assert _indexed(database(settings), WORD) == 1
    await services.log.forget(kept.conversation)
    assert (STEM in raw(settings)) is False
    assert _indexed(database(settings), WORD) == 0
    assert _indexed(database(settings), "hurt") == 20


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_one_who_is_forgotten_leaves_the_index_whole(services: Services, settings: Settings) -> None:
    both = [await keep(services.log, Turned(f"{WORD} {number}")) for number in range(3)]
    await services.log.forget(both[1].conversation)
    connection = sqlite3.connect(database(settings))
    connection.execute("INSERT INTO searchable_words (searchable_words) VALUES ('integrity-check')")
    connection.close()
    assert _indexed(database(settings), WORD) == 2


async def test_words_that_are_redacted_after_it_was_forgotten_are_not_kept(services: Services) -> None:
    kept = await keep(services.log, Turned(WORD), redacts=False)
    waiting = await services.log.unredacted()
    await services.log.forget(kept.conversation)
    await services.log.keep_redacted(waiting)
    async with services.reading.connect() as connection:
        assert (await connection.execute(select(searchable))).all() == []


def _indexed(path: Path, word: str) -> int:
    connection = sqlite3.connect(path)
    try:
        query = "SELECT count(*) FROM searchable_words WHERE searchable_words MATCH ?"
        return int(connection.execute(query, (word,)).fetchone()[0])
    finally:
        connection.close()
