"""Who texts with which of the clinic's numbers: a keyed hash for the pair, the number sealed, and whether they said stop."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise.channels.sms.protocol import TextIn
from needlewise.conversations.threads import KEPT_AS, conversation_id, thread_id
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal, kept_secret
from needlewise.db.tables import consent_changes, conversations, threads

CHANGED_HANDS = timedelta(days=45)
"""A silence after which a number may be somebody else's: a US carrier gives one out again after 45 days at the soonest (47 CFR 52.15(f)(1)(ii))."""


@dataclass(frozen=True)
class Thread:
    """One patient's number and one clinic's number, as of the message that is being answered."""

    id: str
    clinic: str
    clinic_number: str
    number: str
    epoch: int
    opted_out_at: datetime | None
    is_new: bool
    """Whether it has no row yet."""

    @property
    def conversation(self) -> str:
        """The conversation's id: another one for each person who had the number, as far as we can tell."""
        return conversation_id(self.id, self.epoch)


@dataclass(frozen=True)
class ConsentChange:
    """That a number may be texted no more, or again; `wording` is the class of the words that said it."""

    change: Literal["out", "in"]
    wording: str
    source: Literal["patient", "provider"]


def said_stop(thread: str) -> Any:
    """In SQL: whether a number said stop. One that we never heard of did not."""
    return select(threads.c.id).where(threads.c.id == thread, threads.c.opted_out_at.is_not(None)).exists()


class Threads:
    """Reads and keeps threads. Who has the database but not the key can tell neither a number nor whose hash is whose."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal
        self._secret: bytes | None = None

    async def id_of(self, clinic_number: str, number: str) -> str:
        """The pair's id, hashed under a secret of this database."""
        if self._secret is None:
            self._secret = await kept_secret(self._engine, self._seal, KEPT_AS)
        return thread_id(self._secret, clinic_number, number)

    async def of(self, text: TextIn, clinic: str, at: datetime) -> Thread:
        """The thread that a text belongs to, in a new epoch when the number was silent so long that it may have changed hands."""
        identity = await self.id_of(text.clinic_number, text.number)
        async with self._reading.connect() as connection:
            row = (await connection.execute(select(threads).where(threads.c.id == identity))).one_or_none()
        if row is None:
            return Thread(identity, clinic, text.clinic_number, text.number, 1, None, True)
        epoch = row.epoch + 1 if at - row.last_at > CHANGED_HANDS else row.epoch
        return Thread(identity, clinic, text.clinic_number, text.number, epoch, row.opted_out_at, False)

    async def keep(
        self, connection: AsyncConnection, thread: Thread, at: datetime, change: ConsentChange | None
    ) -> None:
        """Store, in the caller's transaction, that a text of the thread was answered, and what it changed."""
        opted_out_at = thread.opted_out_at
        if change is not None:
            opted_out_at = at if change.change == "out" else None
        values: dict[str, Any] = {
            "clinic": thread.clinic,
            "epoch": thread.epoch,
            "conversation": thread.conversation,
            "last_at": at,
            "opted_out_at": opted_out_at,
            # Again each time: erasure and retention take it away, and whoever writes again is to be answered.
            "number_sealed": self._seal.seal(thread.number.encode()),
        }
        if thread.is_new:
            await connection.execute(
                insert(threads).values(
                    id=thread.id,
                    clinic_number=thread.clinic_number,
                    first_at=at,
                    **values,
                )
            )
        else:
            await connection.execute(update(threads).where(threads.c.id == thread.id).values(**values))
        if change is not None:
            await self._record(connection, thread.id, thread.clinic, thread.clinic_number, at, change)

    async def refused(self, connection: AsyncConnection, thread: str, at: datetime) -> None:
        """The provider says that this number opted out with it: so it did with us, from now on."""
        changed = await connection.execute(
            update(threads)
            .where(threads.c.id == thread, threads.c.opted_out_at.is_(None))
            .values(opted_out_at=at)
        )
        if changed.rowcount == 0:
            return
        row = (await connection.execute(select(threads).where(threads.c.id == thread))).one()
        await connection.execute(
            update(conversations).where(conversations.c.id == row.conversation).values(opted_out=True)
        )
        change = ConsentChange("out", "provider", "provider")
        await self._record(connection, thread, row.clinic, row.clinic_number, at, change)

    async def _record(
        self,
        connection: AsyncConnection,
        thread: str,
        clinic: str,
        clinic_number: str,
        at: datetime,
        change: ConsentChange,
    ) -> None:
        await connection.execute(
            insert(consent_changes).values(
                id=uuid.uuid4().hex,
                thread=thread,
                clinic=clinic,
                clinic_number=clinic_number,
                at=at,
                change=change.change,
                wording=change.wording,
                source=change.source,
            )
        )
