"""Puts everything stored under the present key."""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.db.sealing import Seal, mark_key
from needlewise.db.tables import (
    candidates,
    conversations,
    corrections,
    feedback,
    inbox,
    messages,
    notes,
    outbox,
    requests,
    secrets,
    staff,
    staff_sessions,
    threads,
)

_SEALED = (
    (conversations, "id", "state_sealed"),
    (messages, "id", "body_sealed"),
    (feedback, "message", "reason_sealed"),
    (notes, "id", "body_sealed"),
    (corrections, "id", "comment_sealed"),
    (candidates, "id", "report_sealed"),
    (requests, "reference", "details_sealed"),
    (outbox, "id", "payload_sealed"),
    (inbox, "seq", "payload_sealed"),
    (threads, "id", "number_sealed"),
    (secrets, "name", "sealed"),
    (staff, "id", "totp_sealed"),
    (staff_sessions, "token_hash", "pending_sealed"),
)


async def rotate(engine: AsyncEngine, seal: Seal) -> int:
    """Encrypt every sealed column with the first key; how many rows were rewritten. Safe to repeat after a crash."""
    count = 0
    for table, key, column in _SEALED:
        async with engine.begin() as connection:
            # What was erased for good is empty where a column must hold something.
            query = select(table.c[key], table.c[column]).where(func.length(table.c[column]) > 0)
            for identity, sealed in (await connection.execute(query)).all():
                await connection.execute(
                    update(table).where(table.c[key] == identity).values({column: seal.reseal(sealed)})
                )
                count += 1
    await mark_key(engine, seal)
    return count
