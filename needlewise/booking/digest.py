"""Once a day, at a time of its own choice, a clinic's mailbox is told how many requests are open."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.booking.queue import OPEN, UNREACHED
from needlewise.booking.requests import mailbox
from needlewise.content.model import Clinic
from needlewise.db.outbox import enqueue
from needlewise.db.sealing import Seal
from needlewise.db.tables import outbox, requests

LATEST = timedelta(hours=3)
"""How late a digest may be made, after the service was down at its time. Later it would only come in the way of the next."""


class Digests:
    """Queues each day's digest for every clinic that wants one."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._reading = reading
        self._seal = seal
        self._done: set[str] = set()

    async def queue_due(self, clinics: list[Clinic]) -> int:
        """Queue what is due now; how many. One process at a time may call it (db.locks)."""
        return sum([await self._queue(clinic) for clinic in clinics])

    async def _queue(self, clinic: Clinic) -> bool:
        to, at = mailbox(clinic.booking), clinic.booking.digest_at
        if to is None or at is None:
            return False
        now = clock.now()
        moment = _moment(at, now.astimezone(ZoneInfo(clinic.timezone)))
        once = f"digest/{clinic.clinic}/{moment:%Y-%m-%d}"
        if not moment <= now < moment + LATEST or once in self._done:
            return False
        open_, overdue = await self._waiting(clinic.clinic, moment, once)
        self._done.add(once)
        if not open_:
            return False
        async with self._engine.begin() as connection:
            await enqueue(
                connection,
                self._seal,
                clinic=clinic.clinic,
                kind="email",
                once=once,
                payload={"to": to, "open": open_, "overdue": overdue},
            )
        return True

    async def _waiting(self, clinic: str, moment: datetime, once: str) -> tuple[int, int]:
        """How many that came before `moment` are open, and overdue; none where this digest is queued already."""
        is_overdue = requests.c.state.in_(UNREACHED) & (requests.c.expected_by < moment)
        query = select(func.count(), func.coalesce(func.sum(case((is_overdue, 1), else_=0)), 0)).where(
            requests.c.clinic == clinic, requests.c.state.in_(OPEN), requests.c.created_at <= moment
        )
        async with self._reading.connect() as connection:
            if await connection.scalar(select(outbox.c.id).where(outbox.c.once == once)) is not None:
                return 0, 0
            row = (await connection.execute(query)).one()
        return int(row[0]), int(row[1])


def _moment(at: str, today: datetime) -> datetime:
    return datetime.combine(today.date(), time.fromisoformat(at), today.tzinfo)
