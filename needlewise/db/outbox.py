"""The one queue for everything that leaves (e-mail and text messages): stored first, sent later, tried again, never sent twice knowingly.

A parcel is queued in the transaction that stores its reason. Whoever sends holds a lock over what it sends (db.locks), so that two
processes do not send the same. What must leave in order, the texts of one thread, has a position in it: a later one waits for an earlier one.

A send that is not sure to have failed is marked before it is begun (`begin`). Where a crash or a silence leaves that mark, the provider must be
asked before the parcel is sent again.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal
from needlewise.db.tables import outbox

WAITS = "outbox"
"""News between processes: a text waits there."""

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
    created_at: datetime
    thread: str | None = None
    begun_at: datetime | None = None
    """When a send was begun whose outcome is not known."""


async def enqueue(
    connection: AsyncConnection,
    seal: Seal,
    *,
    clinic: str,
    kind: str,
    once: str,
    payload: dict[str, Any],
    thread: str | None = None,
    sender: str | None = None,
    at: datetime | None = None,
) -> None:
    """Queue a parcel in the caller's transaction. `once` names what it is about, so that it is queued one time.

    `thread` names what it must stay in order with, `sender` who sends it; `at` is when it may leave, now if left out.
    """
    now = clock.now()
    position = None
    if thread is not None:
        last = select(func.coalesce(func.max(outbox.c.position), 0) + 1)
        position = last.where(outbox.c.thread == thread).scalar_subquery()
    await connection.execute(
        insert(outbox).values(
            id=uuid.uuid4().hex,
            clinic=clinic,
            kind=kind,
            once=once,
            payload_sealed=seal.seal(msgspec.json.encode(payload)),
            created_at=now,
            next_try_at=at or now,
            tries=0,
            thread=thread,
            position=position,
            sender=sender,
        )
    )


async def drop_waiting(connection: AsyncConnection, thread: str, why: str) -> None:
    """Take back, in the caller's transaction, what waits in a thread. What may have left already stays to be found out about."""
    await connection.execute(
        update(outbox)
        .where(outbox.c.thread == thread, outbox.c.next_try_at.is_not(None), outbox.c.begun_at.is_(None))
        .values(next_try_at=None, last_error=why)
    )


async def send_again(connection: AsyncConnection, once: str) -> bool:
    """Begin anew, in the caller's transaction, with a parcel that was given up; whether there was one."""
    given_up = (outbox.c.once == once, outbox.c.next_try_at.is_(None), outbox.c.sent_at.is_(None))
    is_there = func.length(outbox.c.payload_sealed) > 0  # a purge empties what is old
    change = update(outbox).where(*given_up, is_there).values(next_try_at=clock.now(), tries=0)
    return int((await connection.execute(change)).rowcount) == 1


class Outbox:
    """What is due, and what became of it."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal

    async def due(self, kind: str, limit: int = 20) -> Sequence[Parcel]:
        """Parcels whose time has come, oldest first, whatever their order in a thread."""
        query = (
            select(outbox)
            .where(outbox.c.kind == kind, outbox.c.next_try_at <= clock.now())
            .order_by(outbox.c.created_at)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [self._parcel(row) for row in rows]

    async def senders(self, kind: str) -> dict[str, datetime]:
        """Who has something to send, and from when on."""
        query = (
            select(outbox.c.sender, func.min(outbox.c.next_try_at).label("at"))
            .where(outbox.c.kind == kind, outbox.c.next_try_at.is_not(None))
            .group_by(outbox.c.sender)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return {row.sender: row.at for row in rows if row.sender is not None}

    async def heads(self, kind: str, sender: str, *, but: Collection[str] = (), limit: int) -> list[Parcel]:
        """The first parcel of each thread, apart from the threads in `but`, whose time has come; oldest first."""
        earlier = outbox.alias()
        query = (
            select(outbox)
            .where(
                outbox.c.kind == kind,
                outbox.c.sender == sender,
                outbox.c.next_try_at <= clock.now(),
                outbox.c.thread.not_in(but),
                ~select(earlier.c.id)
                .where(
                    earlier.c.thread == outbox.c.thread,
                    earlier.c.next_try_at.is_not(None),
                    earlier.c.position < outbox.c.position,
                )
                .exists(),
            )
            .order_by(outbox.c.created_at)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [self._parcel(row) for row in rows]

    async def begin(self, parcel: Parcel, *, unless: Any = None) -> bool:
        """Mark that a send begins, before it does. False when the parcel was taken back meanwhile, or `unless` (SQL) holds."""
        change = _waiting(parcel).values(begun_at=clock.now())
        return await self._change(change if unless is None else change.where(~unless)) == 1

    async def sent(
        self, parcel: Parcel, *, provider_id: str | None = None, status: str | None = None
    ) -> None:
        """It was. A status that a callback brought before this stays."""
        await self._change(
            update(outbox)
            .where(outbox.c.id == parcel.id)
            .values(
                sent_at=clock.now(),
                next_try_at=None,
                begun_at=None,
                tries=parcel.tries + 1,
                last_error=None,
                provider_id=provider_id,
                status=func.coalesce(outbox.c.status, status),
            )
        )

    async def failed(
        self,
        parcel: Parcel,
        error: str,
        *,
        permanent: bool = False,
        backoff: Sequence[timedelta] = BACKOFF,
    ) -> None:
        """Plan the next try, or none after the last one. `error` must not hold a patient's words."""
        again = None if permanent or parcel.tries >= len(backoff) else clock.now() + backoff[parcel.tries]
        await self._change(
            _waiting(parcel).values(
                next_try_at=again, begun_at=None, tries=parcel.tries + 1, last_error=error[:200]
            )
        )

    async def unknown(self, parcel: Parcel, error: str, *, ask_at: datetime) -> None:
        """The send may have worked: nothing is sent before `ask_at`, and then the provider is asked first."""
        await self._change(_waiting(parcel).values(next_try_at=ask_at, last_error=error[:200]))

    async def taken_back(self, parcel: Parcel, why: str) -> None:
        """It is not to be sent any more."""
        await self._change(_waiting(parcel).values(next_try_at=None, begun_at=None, last_error=why[:200]))

    async def provider_ids(self, thread: str) -> frozenset[str]:
        """What the provider calls the parcels of a thread that are known to have been sent."""
        query = select(outbox.c.provider_id).where(
            outbox.c.thread == thread, outbox.c.provider_id.is_not(None)
        )
        async with self._reading.connect() as connection:
            return frozenset((await connection.execute(query)).scalars())

    async def recognise(self, id: str, provider_id: str) -> bool:
        """The provider speaks of this parcel: it was sent, whatever we knew. False when we know it by another id, or not at all."""
        async with self._engine.begin() as connection:
            row = (
                await connection.execute(
                    select(outbox.c.provider_id, outbox.c.sent_at).where(outbox.c.id == id)
                )
            ).one_or_none()
            if row is None or row.provider_id not in (None, provider_id):
                return False
            if row.provider_id is None:
                await connection.execute(
                    update(outbox)
                    .where(outbox.c.id == id, outbox.c.provider_id.is_(None))
                    .values(
                        provider_id=provider_id,
                        sent_at=clock.now(),
                        next_try_at=None,
                        begun_at=None,
                        last_error=None,
                    )
                )
        return True

    async def advance(
        self, provider_id: str, status: str, *, lower: Collection[str], error: str | None = None
    ) -> str | None:
        """Move a sent parcel's status on from none or one of `lower`; its thread if it moved, else None."""
        async with self._engine.begin() as connection:
            moved = await connection.execute(
                update(outbox)
                .where(
                    outbox.c.provider_id == provider_id,
                    outbox.c.status.is_(None) | outbox.c.status.in_(lower),
                )
                .values(status=status, **({"last_error": error[:200]} if error else {}))
            )
            if moved.rowcount == 0:
                return None
            thread: str | None = await connection.scalar(
                select(outbox.c.thread).where(outbox.c.provider_id == provider_id)
            )
            return thread

    def _parcel(self, row: Row) -> Parcel:
        return Parcel(
            row.id,
            row.clinic,
            row.kind,
            msgspec.json.decode(self._seal.open(row.payload_sealed)),
            row.tries,
            row.created_at,
            row.thread,
            row.begun_at,
        )

    async def _change(self, change: Any) -> int:
        async with self._engine.begin() as connection:
            return int((await connection.execute(change)).rowcount)


def _waiting(parcel: Parcel) -> Any:
    """An update of a parcel's row while it waits."""
    return update(outbox).where(outbox.c.id == parcel.id, outbox.c.next_try_at.is_not(None))
