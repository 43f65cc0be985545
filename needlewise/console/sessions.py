"""Who is signed in. A browser holds a random token; the table holds only its hash, so that the table opens nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.engine import reading
from needlewise.db.tables import staff_devices, staff_sessions

HALFWAY_MINUTES = 15
"""How long one may take over the second factor, or over choosing a password."""
DEVICE_DAYS = 365
SEEN_SECONDS = 20
"""A request within so long of the last one is not noted: reading a list is not to be writing all the time."""


class Stage(StrEnum):
    """What is still asked of somebody who began to sign in."""

    PASSWORD = "password"  # noqa: S105
    """To choose one: they came with a one-time code."""
    ENROL = "enrol"
    """To set up the second factor."""
    CODE = "code"
    """The second factor."""
    FULL = "full"
    """Nothing: signed in."""


@dataclass(frozen=True)
class Session:
    """One browser of one person."""

    id: str
    """The hash of its token: good for naming it, and for nothing else."""
    staff: str
    stage: Stage
    browser: str
    begun_at: datetime
    seen_at: datetime
    pending_sealed: bytes | None = None


class Sessions:
    """The table of sessions. Times are minutes: `idle` since the last request, `absolute` since signing in."""

    def __init__(self, engine: AsyncEngine, *, idle: int, absolute: int) -> None:
        self._engine = engine
        self.idle = timedelta(minutes=idle)
        self.absolute = timedelta(minutes=absolute)

    async def begin(
        self,
        connection: AsyncConnection,
        staff: str,
        stage: Stage,
        *,
        browser: str,
        instead_of: str | None = None,
        pending_sealed: bytes | None = None,
    ) -> str:
        """A new token, always; the session that it takes the place of ends. A token from outside is never adopted (fixation)."""
        now, token = clock.now(), token_urlsafe(32)
        await self.end(connection, instead_of)
        await connection.execute(
            insert(staff_sessions).values(
                token_hash=_hash(token),
                staff=staff,
                stage=stage.value,
                pending_sealed=pending_sealed,
                browser=browser,
                begun_at=now,
                seen_at=now,
                failures=0,
            )
        )
        return token

    async def find(self, token: str | None) -> tuple[Session | None, bool]:
        """The session of a token, and whether there was one that has run out."""
        if not token:
            return None, False
        async with reading(self._engine).connect() as connection:
            query = select(staff_sessions).where(staff_sessions.c.token_hash == _hash(token))
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None, False
        session = _session(row)
        return (None, True) if self._is_over(session, clock.now()) else (session, False)

    async def seen(self, session: Session) -> None:
        """Note that this person is there."""
        now = clock.now()
        if now - session.seen_at < timedelta(seconds=SEEN_SECONDS):
            return
        async with self._engine.begin() as connection:
            await connection.execute(
                update(staff_sessions).where(staff_sessions.c.token_hash == session.id).values(seen_at=now)
            )

    async def failed(self, session: Session, *, at_most: int) -> bool:
        """Count a wrong second factor; after `at_most` the session ends. Whether it goes on."""
        mine = staff_sessions.c.token_hash == session.id
        async with self._engine.begin() as connection:
            await connection.execute(
                update(staff_sessions).where(mine).values(failures=staff_sessions.c.failures + 1)
            )
            failures = await connection.scalar(select(staff_sessions.c.failures).where(mine))
            if failures is not None and failures < at_most:
                return True
            await self.end(connection, session.id)
        return False

    async def end(self, connection: AsyncConnection, session: str | None) -> None:
        """End one session, by its id."""
        if session is not None:
            await connection.execute(delete(staff_sessions).where(staff_sessions.c.token_hash == session))

    async def end_all(self, connection: AsyncConnection, staff: str, *, but: str | None = None) -> None:
        """End every session of a person, except one of them."""
        query = delete(staff_sessions).where(staff_sessions.c.staff == staff)
        await connection.execute(query if but is None else query.where(staff_sessions.c.token_hash != but))

    async def of(self, staff: str) -> Sequence[Session]:
        """Where a person is signed in, the newest first."""
        now = clock.now()
        async with reading(self._engine).connect() as connection:
            query = (
                select(staff_sessions)
                .where(staff_sessions.c.staff == staff, staff_sessions.c.stage == Stage.FULL.value)
                .order_by(staff_sessions.c.seen_at.desc())
            )
            found = [_session(row) for row in (await connection.execute(query)).all()]
        return [session for session in found if not self._is_over(session, now)]

    async def sweep(self, connection: AsyncConnection) -> None:
        """Remove what ran out. Called at each sign-in: nothing else needs it gone."""
        now = clock.now()
        for table, column, kept in (
            (staff_sessions, staff_sessions.c.begun_at, self.absolute),
            (staff_sessions, staff_sessions.c.seen_at, self.idle),
            (staff_devices, staff_devices.c.seen_at, timedelta(days=DEVICE_DAYS)),
        ):
            await connection.execute(delete(table).where(column < now - kept))

    async def knows(self, device: str | None, staff: str) -> str | None:
        """The id of a browser in which this person has signed in before; None when it is another."""
        if not device:
            return None
        async with reading(self._engine).connect() as connection:
            query = select(staff_devices.c.token_hash).where(
                staff_devices.c.token_hash == _hash(device), staff_devices.c.staff == staff
            )
            found: str | None = await connection.scalar(query)
        return found

    async def remember(self, connection: AsyncConnection, device: str | None, staff: str) -> str:
        """Know this browser from now on; the token that it keeps for that. One browser may be several people's."""
        token = device or token_urlsafe(32)
        mine = (staff_devices.c.token_hash == _hash(token)) & (staff_devices.c.staff == staff)
        await connection.execute(delete(staff_devices).where(mine))
        await connection.execute(
            insert(staff_devices).values(token_hash=_hash(token), staff=staff, seen_at=clock.now())
        )
        return token

    async def forget_devices(self, connection: AsyncConnection, staff: str) -> None:
        """Know none of a person's browsers any more."""
        await connection.execute(delete(staff_devices).where(staff_devices.c.staff == staff))

    def _is_over(self, session: Session, now: datetime) -> bool:
        if session.stage is not Stage.FULL:
            return now - session.begun_at >= timedelta(minutes=HALFWAY_MINUTES)
        return now - session.seen_at >= self.idle or now - session.begun_at >= self.absolute


def _session(row: object) -> Session:
    fields = row._mapping  # type: ignore[attr-defined]
    return Session(
        fields["token_hash"],
        fields["staff"],
        Stage(fields["stage"]),
        fields["browser"],
        fields["begun_at"],
        fields["seen_at"],
        fields["pending_sealed"],
    )


def _hash(token: str) -> str:
    """What is kept of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
