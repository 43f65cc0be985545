"""What it takes for somebody's words to be gone: every place that holds or repeats them is emptied, and the numbers stay.

Each function works in the caller's transaction and returns how many rows lost something, by class; `db.engine.scrub` is to follow it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise.conversations.search import make_searchable
from needlewise.db.tables import (
    conversation_tags,
    conversations,
    corrections,
    examples,
    feedback,
    messages,
    notes,
    searchable,
)

Removed = Counter[str]
"""How many rows lost their words, by class. Classes with none are left out."""

UNDECIDED = ("proposed", "rejected")
"""States of examples that nobody has accepted: these go with the words they came from."""


async def erase_words(connection: AsyncConnection, ids: Sequence[str]) -> Removed:
    """Empty whatever holds words of these conversations.

    Staff's notes, comments and tags go as well, for they may repeat them, and so do examples that nobody has accepted. The
    verdicts of thumbs, counts, topics and times stay.
    """
    removed = Removed(conversations=len(ids))
    # The conversation first, as in the log, so that a turn's commit and this wait for one another.
    await connection.execute(
        update(conversations)
        .where(conversations.c.id.in_(ids))
        .values(state_sealed=None, live_by=None, live_at=None)
    )
    removed += await _of_messages(connection, messages.c.conversation.in_(ids))
    removed["notes"] = await _count(connection, delete(notes).where(notes.c.conversation.in_(ids)))
    removed["tags"] = await _count(
        connection, delete(conversation_tags).where(conversation_tags.c.conversation.in_(ids))
    )
    await _not_searchable(connection, ids)
    return +removed


async def erase_older(connection: AsyncConnection, conversation: str, before: datetime) -> Removed:
    """Empty what was written before a moment in a conversation that goes on; its newer words can still be found."""
    removed = await _of_messages(
        connection, (messages.c.conversation == conversation) & (messages.c.at < before)
    )
    removed["notes"] = await _count(
        connection, delete(notes).where(notes.c.conversation == conversation, notes.c.at < before)
    )
    await _search_the_rest(connection, conversation)
    return +removed


def has_words() -> Any:
    """In SQL: whether anything is left of a message to take away."""
    return or_(
        messages.c.body_sealed.is_not(None),
        messages.c.redacted.is_not(None),
        messages.c.client_id.is_not(None),
    )


async def _of_messages(connection: AsyncConnection, which: Any) -> Removed:
    chosen = select(messages.c.id).where(which)
    corrected = corrections.c.message.in_(chosen)
    removed = Removed()
    removed["examples"] = await _count(
        connection,
        delete(examples).where(
            examples.c.correction.in_(select(corrections.c.id).where(corrected)),
            examples.c.state.in_(UNDECIDED),
        ),
    )
    removed["comments"] = await _count(
        connection,
        update(corrections)
        .where(corrected, corrections.c.comment_sealed.is_not(None))
        .values(comment_sealed=None),
    )
    removed["reasons"] = await _count(
        connection,
        update(feedback)
        .where(feedback.c.message.in_(chosen), feedback.c.reason_sealed.is_not(None))
        .values(reason_sealed=None),
    )
    removed["messages"] = await _count(
        connection,
        update(messages).where(which, has_words()).values(body_sealed=None, redacted=None, client_id=None),
    )
    return +removed


async def _search_the_rest(connection: AsyncConnection, conversation: str) -> None:
    clinic = await connection.scalar(
        select(searchable.c.clinic).where(searchable.c.conversation == conversation)
    )
    if clinic is None:
        return
    left = await connection.execute(
        select(messages.c.redacted)
        .where(
            messages.c.conversation == conversation,
            messages.c.direction == "in",
            messages.c.redacted.is_not(None),
        )
        .order_by(messages.c.position)
    )
    text = " ".join(left.scalars())
    await _not_searchable(connection, [conversation])
    await make_searchable(connection, conversation, clinic, text)


async def _not_searchable(connection: AsyncConnection, ids: Sequence[str]) -> None:
    await connection.execute(update(conversations).where(conversations.c.id.in_(ids)).values(searchable=None))
    await connection.execute(delete(searchable).where(searchable.c.conversation.in_(ids)))


async def _count(connection: AsyncConnection, statement: Any) -> int:
    return int((await connection.execute(statement)).rowcount)
