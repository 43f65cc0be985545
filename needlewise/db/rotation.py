"""Puts everything stored under the present key."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.db.sealing import Seal, mark_key
from needlewise.db.tables import (
    conversations,
    feedback,
    inbox,
    messages,
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
            query = select(table.c[key], table.c[column]).where(table.c[column].is_not(None))
            for identity, sealed in (await connection.execute(query)).all():
                await connection.execute(
                    update(table).where(table.c[key] == identity).values({column: seal.reseal(sealed)})
                )
                count += 1
    await mark_key(engine, seal)
    return count
