"""The clinic's queue of requests: what state each is in, who has it, how long the patient has waited, and what was done with it.

Everything here asks for the clinics that the caller may see. What changes something writes its audit row in the same transaction; the rows of
one request are its history.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, case, func, literal, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.booking.references import best, readings
from needlewise.booking.requests import Details, Kept, delivery, kept
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.outbox import send_again
from needlewise.db.sealing import Seal
from needlewise.db.tables import audit, outbox, requests
from needlewise.errors import NeedlewiseError

PAGE = 50

_HISTORY = ("request/state", "request/owner", "request/reveal", "request/send-again")
_MANY = 200
"""So many rows at once are opened in a thread: patients' messages do not wait for it."""


class State(StrEnum):
    """What became of a request."""

    NEW = "new"
    CALLED = "called"
    """Somebody spoke with the patient, or wrote to them; there is no time yet."""
    NO_ANSWER = "no_answer"
    BOOKED = "booked"
    CLOSED = "closed"


OPEN = (State.NEW, State.CALLED, State.NO_ANSWER)

UNREACHED = (State.NEW, State.NO_ANSWER)
"""The states in which what the patient was promised, to be contacted, has not come true."""

MOVES: Mapping[State, Sequence[State]] = {
    State.NEW: (State.CALLED, State.NO_ANSWER, State.BOOKED, State.CLOSED),
    State.CALLED: (State.BOOKED, State.NO_ANSWER, State.CLOSED),
    State.NO_ANSWER: (State.CALLED, State.NO_ANSWER, State.BOOKED, State.CLOSED),
    State.BOOKED: (State.CLOSED, State.NEW),
    State.CLOSED: (State.NEW,),
}
"""Which state may follow which. Booked and closed are opened again as new; no answer may come twice."""


class Changed(NeedlewiseError):
    """Somebody else was faster: the request is not as it was when the page was loaded."""


@dataclass(frozen=True)
class Wanted:
    """Which requests a list shows; None and empty mean any."""

    states: Collection[str] = ()
    clinic: str | None = None
    kind: str | None = None
    owner: str | None = None
    """A staff id, or "" for nobody's."""
    overdue: bool = False
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    stuck: bool = False
    """Only those whose way to the clinic was given up."""


@dataclass(frozen=True)
class Listed:
    """A request and how it stands."""

    kept: Kept
    is_overdue: bool
    is_stuck: bool
    """Whether its e-mail or webhook to the clinic was given up."""
    trouble: str | None
    """The last error on the way, also while there are tries left."""


@dataclass(frozen=True)
class Figures:
    """What waits."""

    open: int
    overdue: int
    stuck: int


@dataclass(frozen=True)
class Change:
    """One thing that was done with a request."""

    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any]


class Bookings:
    """The queue over the table of requests."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, seal: Seal, audit: AuditLog) -> None:
        """`reading` is an engine for what may take long."""
        self._engine = engine
        self._reading = reading
        self._seal = seal
        self._audit = audit

    async def listed(
        self, clinics: Collection[str], wanted: Wanted, *, first: int = 0, limit: int = PAGE
    ) -> tuple[Sequence[Listed], int]:
        """Requests from the `first`th on, and how many there are: overdue ones first, then by when an answer was promised."""
        where = _where(clinics, wanted)
        is_open = requests.c.state.in_(OPEN)
        query = (
            _joined()
            .where(*where)
            .order_by(
                case((_overdue(), 0), (is_open, 1), else_=2),
                case((is_open, requests.c.expected_by)).asc().nulls_last(),
                case((is_open, requests.c.created_at)).asc(),
                requests.c.created_at.desc(),
                requests.c.reference,
            )
            .offset(first)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
            count = await connection.scalar(
                select(func.count()).select_from(_joined().where(*where).subquery())
            )
        if len(rows) > _MANY:
            return await asyncio.to_thread(lambda: [self._listed(row) for row in rows]), int(count or 0)
        return [self._listed(row) for row in rows], int(count or 0)

    async def figures(self, clinics: Collection[str]) -> Figures:
        """How many are open, how many of them overdue, and how many did not reach the clinic's own system or mailbox."""
        is_open = requests.c.state.in_(OPEN)
        query = (
            select(
                func.count(),
                func.coalesce(func.sum(case((_overdue(), 1), else_=0)), 0),
                func.coalesce(func.sum(case((_stuck(), 1), else_=0)), 0),
            )
            .select_from(_from())
            .where(requests.c.clinic.in_(clinics), is_open)
        )
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one()
        return Figures(*map(int, row))

    async def show(self, reference: str) -> Listed | None:
        """One request by its exact reference."""
        async with self._reading.connect() as connection:
            query = _joined().where(requests.c.reference == reference)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else self._listed(row)

    async def find(self, clinics: Collection[str], text: str) -> Sequence[str]:
        """The references of these clinics that a text may mean."""
        query = select(requests.c.reference).where(
            requests.c.reference.in_(readings(text)), requests.c.clinic.in_(clinics)
        )
        async with self._reading.connect() as connection:
            return best(text, set((await connection.execute(query)).scalars()))

    async def history(self, reference: str) -> Sequence[Change]:
        """What was done with a request, the newest first."""
        query = (
            select(audit)
            .where(audit.c.subject == reference, audit.c.action.in_(_HISTORY), audit.c.outcome == "success")
            .order_by(audit.c.seq.desc())
            .limit(200)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [Change(row.at, row.actor, row.action, json.loads(row.details)) for row in rows]

    # -- what changes something ---------------------------------------------------------------------------------------------

    async def move(self, seen: Kept, to: State, entry: Entry) -> None:
        """Move a request on from what was `seen`; who moves one that is nobody's has it from then on.

        Raises NeedlewiseError for a move that is not among MOVES, and Changed when it was moved meanwhile.
        """
        if to not in MOVES[State(seen.state)]:
            raise NeedlewiseError(f"from {_plain(seen.state)} a request cannot become {_plain(to)}")
        change = (
            update(requests)
            .where(
                requests.c.reference == seen.reference,
                requests.c.state == seen.state,
                _same(requests.c.state_at, seen.state_at),
            )
            .values(
                state=to.value,
                state_at=clock.now(),
                owner=func.coalesce(requests.c.owner, entry.actor),
            )
        )
        await self._apply(seen, change, entry, {"from": seen.state, "to": to.value})

    async def give(self, seen: Kept, owner: str | None, entry: Entry) -> None:
        """Make somebody its owner, or nobody. Raises Changed when it has another owner by now than was `seen`."""
        change = (
            update(requests)
            .where(requests.c.reference == seen.reference, _same(requests.c.owner, seen.owner))
            .values(owner=owner)
        )
        await self._apply(seen, change, entry, {"from": seen.owner or "", "to": owner or ""})

    async def reveal(self, seen: Kept, entry: Entry) -> Details:
        """The personal part, once it is written down who looks at it and why.

        Raises NeedlewiseError without a reason of at least three characters.
        """
        require_reason(entry.reason)
        await self._audit.record(_about(seen, entry, {}))
        return seen.request.details

    async def send_again(self, seen: Kept, entry: Entry) -> None:
        """Try once more to bring a request to the clinic that was given up. Raises Changed when there is nothing given up."""
        async with self._engine.begin() as connection:
            if not await send_again(connection, delivery(seen.reference)):
                raise Changed("it is on its way already, or has arrived")
            await self._audit.record(_about(seen, entry, {}), connection)

    async def _apply(self, seen: Kept, change: Any, entry: Entry, details: Mapping[str, object]) -> None:
        async with self._engine.begin() as connection:
            if (await connection.execute(change)).rowcount != 1:
                raise Changed("it was changed meanwhile")
            await self._audit.record(_about(seen, entry, details), connection)

    def _listed(self, row: Row) -> Listed:
        found = kept(row, self._seal)
        return Listed(found, is_overdue(found), bool(row.is_stuck), row.last_error)


def is_overdue(kept: Kept) -> bool:
    """Whether the promised time is over and nobody has reached the patient."""
    return kept.expected_by is not None and kept.expected_by < clock.now() and kept.state in UNREACHED


def require_reason(reason: str) -> None:
    """Raises NeedlewiseError for what is no reason."""
    if len(reason.strip()) < 3:
        raise NeedlewiseError("Say in a few words why: it goes into the audit log.")


def _about(seen: Kept, entry: Entry, details: Mapping[str, object]) -> Entry:
    """The entry as a part of the request's history."""
    whole = {**entry.details, **details}
    return replace(entry, clinic=seen.request.clinic, subject=seen.reference, details=whole)


def _where(clinics: Collection[str], wanted: Wanted) -> list[Any]:
    where: list[Any] = [requests.c.clinic.in_(clinics)]
    if wanted.states:
        where.append(requests.c.state.in_(wanted.states))
    if wanted.clinic is not None:
        where.append(requests.c.clinic == wanted.clinic)
    if wanted.kind is not None:
        where.append(requests.c.kind == wanted.kind)
    if wanted.owner is not None:
        where.append(_same(requests.c.owner, wanted.owner or None))
    if wanted.overdue:
        where.append(_overdue())
    if wanted.stuck:
        where.append(_stuck())
    if wanted.since is not None:
        where.append(requests.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(requests.c.created_at < wanted.until)
    return where


def _from() -> Any:
    way = literal("request/").concat(requests.c.reference)
    return requests.outerjoin(outbox, outbox.c.once == way)


def _joined() -> Any:
    return select(requests, _stuck().label("is_stuck"), outbox.c.last_error).select_from(_from())


def _stuck() -> Any:
    """Its parcel was given up: nothing more is tried, and it was not sent."""
    return and_(outbox.c.id.is_not(None), outbox.c.next_try_at.is_(None), outbox.c.sent_at.is_(None))


def _overdue() -> Any:
    return and_(requests.c.state.in_(UNREACHED), requests.c.expected_by < clock.now())


def _same(column: Any, value: Any) -> Any:
    return column.is_(None) if value is None else column == value


def _plain(state: str) -> str:
    return state.replace("_", " ")
