"""The one queue for everything that leaves (e-mail now): stored first, sent later, tried again, never sent twice knowingly."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.sealing import Seal
from needlewise.db.tables import outbox

BACKOFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""Waits between tries; after the last one the entry stays in the table, unsent, with its error."""


@dataclass(frozen=True)
class Parcel:
    """Something to send."""

    id: str
    clinic: str
    kind: str
    payload: dict[str, Any]
    tries: int


async def enqueue(
    connection: AsyncConnection, seal: Seal, *, clinic: str, kind: str, once: str, payload: dict[str, Any]
) -> None:
    """Queue a parcel in the caller's transaction. `once` names what it is about, so that it is queued one time."""
    at = clock.now()
    await connection.execute(
        insert(outbox).values(
            id=uuid.uuid4().hex,
            clinic=clinic,
            kind=kind,
            once=once,
            payload_sealed=seal.seal(msgspec.json.encode(payload)),
            created_at=at,
            next_try_at=at,
            tries=0,
        )
    )


class Outbox:
    """What is due, and what became of it."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal

    async def due(self, kind: str, limit: int = 20) -> Sequence[Parcel]:
        """Parcels whose time has come, oldest first."""
        query = (
            select(outbox)
            .where(outbox.c.kind == kind, outbox.c.next_try_at <= clock.now())
            .order_by(outbox.c.created_at)
            .limit(limit)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Parcel(
                row.id,
                row.clinic,
                row.kind,
                msgspec.json.decode(self._seal.open(row.payload_sealed)),
                row.tries,
            )
            for row in rows
        ]

    async def sent(self, parcel: Parcel) -> None:
        await self._mark(
            parcel, sent_at=clock.now(), next_try_at=None, tries=parcel.tries + 1, last_error=None
        )

    async def failed(self, parcel: Parcel, error: str, *, permanent: bool = False) -> None:
        """Plan the next try, or none after the last one. `error` must not hold a patient's words."""
        again = None if permanent or parcel.tries >= len(BACKOFF) else clock.now() + BACKOFF[parcel.tries]
        await self._mark(parcel, next_try_at=again, tries=parcel.tries + 1, last_error=error[:200])

    async def _mark(self, parcel: Parcel, **values: Any) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(outbox).where(outbox.c.id == parcel.id).values(**values))
