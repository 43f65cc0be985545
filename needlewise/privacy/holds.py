"""Legal holds: while one is on a conversation, neither the purge nor an erasure takes anything of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.tables import audit, conversations
from needlewise.errors import NeedlewiseError

SHORTEST_REASON = 3
HELD, RELEASED = "conversation/hold", "conversation/release"


@dataclass(frozen=True)
class Held:
    """A conversation under a hold."""

    conversation: str
    clinic: str
    since: datetime
    reason: str
    """As it was given, from the audit log."""


class Holds:
    """Sets holds and lifts them."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, log: AuditLog) -> None:
        self._engine = engine
        self._reading = reading
        self._audit = log

    async def clinic_of(self, conversation: str) -> str | None:
        """Whose conversation it is; None where there is none."""
        query = select(conversations.c.clinic).where(conversations.c.id == conversation)
        async with self._reading.connect() as connection:
            clinic: str | None = await connection.scalar(query)
            return clinic

    async def hold(self, conversation: str, entry: Entry) -> None:
        """Raises NeedlewiseError without a reason, and where it is held already or was erased."""
        await self._change(conversation, entry, hold=True)

    async def release(self, conversation: str, entry: Entry) -> None:
        """What is due by then goes with the next purge. Raises NeedlewiseError without a reason, and where nothing is held."""
        await self._change(conversation, entry, hold=False)

    async def of(self, clinics: Collection[str]) -> Sequence[Held]:
        """Every hold at these clinics, the oldest first."""
        query = (
            select(conversations.c.id, conversations.c.clinic, conversations.c.held_at)
            .where(conversations.c.clinic.in_(clinics), conversations.c.held_at.is_not(None))
            .order_by(conversations.c.held_at)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
            reasons = await connection.execute(
                select(audit.c.subject, audit.c.reason)
                .where(
                    audit.c.clinic.in_(clinics),
                    audit.c.action == HELD,
                    audit.c.outcome == "success",
                    audit.c.subject.in_([row.id for row in rows]),
                )
                .order_by(audit.c.seq)
            )
            given = {row.subject: row.reason for row in reasons}
        return [Held(row.id, row.clinic, row.held_at, given.get(row.id, "")) for row in rows]

    async def _change(self, conversation: str, entry: Entry, *, hold: bool) -> None:
        if len(entry.reason.strip()) < SHORTEST_REASON:
            raise NeedlewiseError("Say why, in a few words.")
        row = conversations.c.id == conversation
        held = conversations.c.held_at
        async with self._engine.begin() as connection:
            changed = await connection.execute(
                update(conversations)
                .where(
                    row, held.is_(None) & conversations.c.erased_at.is_(None) if hold else held.is_not(None)
                )
                .values(held_at=clock.now() if hold else None)
            )
            if changed.rowcount == 0:
                raise NeedlewiseError(
                    "It is held already, or its words are gone." if hold else "There is no hold on it."
                )
            action = HELD if hold else RELEASED
            await self._audit.record(replace(entry, action=action, subject=conversation), connection)
