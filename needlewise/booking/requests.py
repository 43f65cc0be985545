"""A patient's request to the clinic, stored before anything is sent, once however often it is confirmed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.booking.hours import answer_due
from needlewise.booking.references import best, new_reference, readings
from needlewise.content.model import Booking, Clinic
from needlewise.db.outbox import enqueue
from needlewise.db.sealing import Seal
from needlewise.db.tables import conversations, requests
from needlewise.errors import NeedlewiseError

Kind = Literal["visit", "exam", "callback"]


class Details(msgspec.Struct, frozen=True):
    """The personal part of a request: what the clinic needs to call back, and no more."""

    first_name: str
    contact: str
    times: str
    tell: tuple[str, ...] = ()
    """What the patient was asked to tell the therapist before any needles (keys of phrases)."""


@dataclass(frozen=True)
class Request:
    """What the patient confirmed. No conditions and no rule ids: the outcome and what to tell are enough."""

    clinic: str
    draft: str
    """Names this confirmation: the same draft is one request."""
    conversation: str
    kind: Kind
    details: Details
    outcome: str | None = None
    location: str | None = None
    visit_kind: str | None = None


@dataclass(frozen=True)
class Kept:
    """A stored request."""

    reference: str
    request: Request
    created_at: datetime
    expected_by: datetime | None
    state: str = "new"
    """One of queue.State."""
    state_at: datetime | None = None
    """When it was last moved; None while it is as it came."""
    owner: str | None = None
    """The id of the member of staff who has it."""
    is_erased: bool = False
    """Whether its personal part is gone; the details are empty then."""


class Requests:
    """The booking inbox."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal

    async def submit(self, request: Request, clinic: Clinic) -> Kept:
        """Store a request and queue its way to the clinic, in one transaction. The same draft gives the first request again."""
        at = clock.now()
        due = answer_due(clinic, at)
        reference = new_reference()
        try:
            async with self._engine.begin() as connection:
                await connection.execute(
                    insert(requests).values(
                        reference=reference,
                        clinic=request.clinic,
                        draft=request.draft,
                        conversation=request.conversation,
                        kind=request.kind,
                        outcome=request.outcome,
                        location=request.location,
                        visit_kind=request.visit_kind,
                        details_sealed=self._seal.seal(msgspec.json.encode(request.details)),
                        consent_at=at,
                        created_at=at,
                        expected_by=due,
                    )
                )
                # What the staff's list of conversations shows.
                await connection.execute(
                    update(conversations)
                    .where(conversations.c.id == request.conversation)
                    .values(request=request.kind)
                )
                for once, kind, payload in _parcels(reference, clinic.booking):
                    await enqueue(
                        connection, self._seal, clinic=request.clinic, kind=kind, once=once, payload=payload
                    )
        except IntegrityError:
            if (earlier := await self._by_draft(request.draft)) is not None:
                return earlier
            raise
        return Kept(reference, request, at, due)

    async def list(
        self, clinic: str | None = None, limit: int = 100, *, states: Collection[str] = ()
    ) -> Sequence[Kept]:
        """The newest requests first, of one clinic or of all, in these states or in any."""
        query = select(requests).order_by(requests.c.created_at.desc()).limit(limit)
        if clinic is not None:
            query = query.where(requests.c.clinic == clinic)
        if states:
            query = query.where(requests.c.state.in_(states))
        return await self._fetch(query)

    async def show(self, reference: str) -> Kept:
        """One request by its reference number as people write it (references.readings). Raises NeedlewiseError when there is none."""
        found = await self._fetch(select(requests).where(requests.c.reference.in_(readings(reference))))
        meant = best(reference, {one.reference for one in found})
        if len(meant) != 1:
            raise NeedlewiseError(
                f"no request has the reference {reference}: `needlewise bookings list` shows them"
            )
        return next(one for one in found if one.reference == meant[0])

    async def _by_draft(self, draft: str) -> Kept | None:
        found = await self._fetch(select(requests).where(requests.c.draft == draft))
        return found[0] if found else None

    async def _fetch(self, query: object) -> Sequence[Kept]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()  # type: ignore[call-overload]
        return [kept(row, self._seal) for row in rows]


def kept(row: Row, seal: Seal) -> Kept:
    """A row of the table, opened."""
    return Kept(
        row.reference,
        Request(
            row.clinic,
            row.draft,
            row.conversation,
            row.kind,
            _details(row, seal),
            row.outcome,
            row.location,
            row.visit_kind,
        ),
        row.created_at,
        row.expected_by,
        row.state,
        row.state_at,
        row.owner,
        row.erased_at is not None,
    )


def _details(row: Row, seal: Seal) -> Details:
    if row.erased_at is not None:
        return Details("", "", "")
    return msgspec.json.decode(seal.open(row.details_sealed), type=Details)


def delivery(reference: str) -> str:
    """What the outbox calls the parcel that brings a request to the clinic, where the way is e-mail or a webhook."""
    return f"request/{reference}"


def mailbox(booking: Booking) -> str | None:
    """Where the clinic is told by e-mail that something waits."""
    return booking.email if booking.way == "email" and booking.email else booking.notify


def _parcels(reference: str, booking: Booking) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What leaves for a new request: name, kind and payload. None of it holds anything of the patient."""
    if booking.way == "webhook" and booking.webhook:
        yield delivery(reference), "webhook", {"reference": reference}
    if to := mailbox(booking):
        once = delivery(reference) if booking.way == "email" else f"notice/{reference}"
        yield once, "email", {"to": to, "reference": reference}
