"""Texts that came in: claimed once by the provider's id, answered in the order they came, and picked up again after a crash.

A text's words stay here, sealed, until its turn is committed; then the log has them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise.channels.sms.protocol import TextIn
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal
from needlewise.db.tables import inbox
from needlewise.text.segments import segments

A_PART_MAY_FOLLOW = timedelta(seconds=2)
"""How long a text that looks cut off waits for the rest of it."""

# A carrier that does not put a long text together cuts it where a part is full: alone, or with the header of one of several. The last
# character may have needed two units, and then the part ends one earlier.
_FULL = {"GSM-7": frozenset({152, 153, 159, 160}), "UCS-2": frozenset({66, 67, 69, 70})}


@dataclass(frozen=True)
class Waiting:
    """A text whose turn is not committed."""

    seq: int
    clinic: str
    text: TextIn
    received_at: datetime
    ready_at: datetime
    tries: int
    message: str | None
    """The message of the log that it became or became part of, when a turn was begun."""


class Inbox:
    """The texts that wait."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal

    async def claim(self, text: TextIn, *, clinic: str, thread: str, at: datetime) -> bool:
        """Store a text that came in; False when its id was there already, from an earlier delivery or another process."""
        row = {
            "provider_id": text.provider_id,
            "clinic": clinic,
            "thread": thread,
            "payload_sealed": self._seal.seal(msgspec.json.encode(text)),
            "received_at": at,
            "ready_at": at + A_PART_MAY_FOLLOW if looks_cut(text.body) else at,
            "tries": 0,
        }
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(inbox).values(**row))
        except IntegrityError:
            return False
        return True

    async def ready(self, at: datetime, *, but: Collection[str], limit: int) -> list[str]:
        """Threads whose first text that waits may have its turn, the one that waits longest first."""
        first = (
            select(func.min(inbox.c.seq).label("seq"))
            .where(inbox.c.ready_at.is_not(None))
            .group_by(inbox.c.thread)
            .subquery()
        )
        query = (
            select(inbox.c.thread)
            .join(first, first.c.seq == inbox.c.seq)
            .where(inbox.c.ready_at <= at, inbox.c.thread.not_in(but))
            .order_by(inbox.c.seq)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def waiting(self, thread: str, limit: int = 20) -> list[Waiting]:
        """The texts of a thread that wait, in the order they came."""
        query = (
            select(inbox)
            .where(inbox.c.thread == thread, inbox.c.ready_at.is_not(None))
            .order_by(inbox.c.seq)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Waiting(
                row.seq,
                row.clinic,
                msgspec.json.decode(self._seal.open(row.payload_sealed), type=TextIn),
                row.received_at,
                row.ready_at,
                row.tries,
                row.message,
            )
            for row in rows
        ]

    async def begun(self, connection: AsyncConnection, group: Sequence[Waiting], message: str) -> None:
        """Tie texts to the message of the log that they became, in the caller's transaction."""
        await connection.execute(
            update(inbox).where(inbox.c.seq.in_([each.seq for each in group])).values(message=message)
        )

    async def done(self, connection: AsyncConnection, group: Sequence[Waiting]) -> None:
        """Their turn is committed in the caller's transaction: nothing waits, and the words are kept by the log alone."""
        await connection.execute(
            update(inbox)
            .where(inbox.c.seq.in_([each.seq for each in group]))
            .values(ready_at=None, payload_sealed=None)
        )

    async def failed(self, group: Sequence[Waiting], *, again_at: datetime) -> None:
        """A turn failed: count it, and try again later."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(inbox)
                .where(inbox.c.seq.in_([each.seq for each in group]), inbox.c.ready_at.is_not(None))
                .values(tries=inbox.c.tries + 1, ready_at=again_at)
            )


def looks_cut(body: str) -> bool:
    """Whether a text fills a part to its end, as one does that was cut there."""
    counted = segments(body)
    return counted.units in _FULL[counted.encoding]


def first_turn(waiting: Sequence[Waiting], at: datetime) -> list[Waiting]:
    """The texts that the next turn of a thread answers: the first, with the rest of it where it was cut. Empty while it has to wait."""
    first = waiting[0]
    if first.ready_at > at:
        return []
    if first.message is not None:
        # The turn was begun before a crash: with these, and no others.
        return [each for each in waiting if each.message == first.message]
    group = [first]
    for following in waiting[1:]:
        if not looks_cut(group[-1].text.body) or following.text.media:
            break
        group.append(following)
    return [] if group[-1].ready_at > at else group


def joined(group: Sequence[Waiting]) -> TextIn:
    """One text of those that belong together, as the patient wrote it."""
    first = group[0].text
    if len(group) == 1:
        return first
    return msgspec.structs.replace(first, body="".join(each.text.body for each in group))
