"""The statements that take away what people wrote, beyond a conversation's own (conversations.forgetting).

Each works in the caller's transaction and returns how many rows lost something, by class.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise.booking.requests import Details
from needlewise.conversations.forgetting import UNDECIDED, Removed, erase_words
from needlewise.db.sealing import Seal
from needlewise.db.tables import (
    candidates,
    conversations,
    examples,
    feedback,
    inbox,
    messages,
    notes,
    outbox,
    requests,
    searchable,
    threads,
)

GONE = b""
"""What stands in a sealed column that must hold something, once its content was taken away."""

TABLES = tuple(
    table.name
    for table in (conversations, messages, searchable, feedback, notes, requests, outbox, inbox, threads)
)
"""Those that hold words in number, to be vacuumed after a purge."""

_WORKS = ("training", "replaying")


async def whole(connection: AsyncConnection, ids: Sequence[str], at: datetime) -> Removed:
    """Everything written in and about these conversations, what they remember, and the tokens that speak for them."""
    await connection.execute(
        update(conversations).where(conversations.c.id.in_(ids)).values(token_hash=None, erased_at=at)
    )
    return await erase_words(connection, ids)


async def details(
    connection: AsyncConnection, references: Sequence[str], at: datetime, seal: Seal
) -> Removed:
    """Name, contact and wishes of requests. That one was sent, and when its sender agreed to be contacted, stays."""
    empty = seal.seal(msgspec.json.encode(Details("", "", "")))
    changed = await _count(
        connection,
        update(requests)
        .where(requests.c.reference.in_(references), requests.c.erased_at.is_(None))
        .values(details_sealed=empty, erased_at=at),
    )
    return +Removed(requests=changed)


async def sent(connection: AsyncConnection, ids: Sequence[str]) -> Removed:
    """The content of mails and texts that nothing waits for any more."""
    changed = update(outbox).where(outbox.c.id.in_(ids), outbox.c.next_try_at.is_(None))
    return +Removed(outgoing=await _count(connection, changed.values(payload_sealed=GONE)))


async def received(connection: AsyncConnection, seqs: Sequence[int]) -> Removed:
    """Texts that came in and were never answered; they wait no more."""
    changed = update(inbox).where(inbox.c.seq.in_(seqs)).values(payload_sealed=None, ready_at=None)
    return +Removed(incoming=await _count(connection, changed))


async def numbers(connection: AsyncConnection, ids: Sequence[str]) -> Removed:
    """Patients' phone numbers. The hash of each stays, and with it whether it said stop: it holds when the number writes again."""
    changed = update(threads).where(threads.c.id.in_(ids), func.length(threads.c.number_sealed) > 0)
    return +Removed(numbers=await _count(connection, changed.values(number_sealed=GONE)))


async def loose_examples(connection: AsyncConnection, ids: Sequence[str]) -> Removed:
    """Examples that nobody accepted."""
    gone = delete(examples).where(examples.c.id.in_(ids), examples.c.state.in_(UNDECIDED))
    return +Removed(examples=await _count(connection, gone))


async def reports(connection: AsyncConnection, ids: Sequence[str]) -> Removed:
    """What replaying messages through a candidate found; not of one that is at work."""
    changed = update(candidates).where(
        candidates.c.id.in_(ids),
        candidates.c.report_sealed.is_not(None),
        candidates.c.state.not_in(_WORKS),
    )
    return +Removed(reports=await _count(connection, changed.values(report_sealed=None)))


async def _count(connection: AsyncConnection, statement: Any) -> int:
    return int((await connection.execute(statement)).rowcount)
