"""A patient's request to the clinic, stored before anything is sent, once however often it is confirmed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.booking.hours import answer_due
from needlewise.content.model import Clinic
from needlewise.db.outbox import enqueue
from needlewise.db.sealing import Seal
from needlewise.db.tables import requests
from needlewise.errors import NeedlewiseError

# No vowels, no digits or letters that are read for one another aloud or on paper.
_ALPHABET = "BCDFGHJKMPQRTVWXY34679"

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


class Requests:
    """The booking inbox."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal

    async def submit(self, request: Request, clinic: Clinic) -> Kept:
        """Store a request and queue its way to the clinic, in one transaction. The same draft gives the first request again."""
        at = clock.now()
        due = answer_due(clinic, at)
        reference = "".join(secrets.choice(_ALPHABET) for _ in range(6))
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
                if clinic.booking.way == "email" and clinic.booking.email:
                    payload = {"to": clinic.booking.email, "reference": reference}
                    await enqueue(
                        connection,
                        self._seal,
                        clinic=request.clinic,
                        kind="email",
                        once=f"request/{reference}",
                        payload=payload,
                    )
        except IntegrityError:
            if (earlier := await self._by_draft(request.draft)) is not None:
                return earlier
            raise
        return Kept(reference, request, at, due)

    async def list(self, clinic: str | None = None, limit: int = 100) -> Sequence[Kept]:
        """The newest requests first, of one clinic or of all."""
        query = select(requests).order_by(requests.c.created_at.desc()).limit(limit)
        if clinic is not None:
            query = query.where(requests.c.clinic == clinic)
        return await self._fetch(query)

    async def show(self, reference: str) -> Kept:
        """One request by its reference number, in any letter case. Raises NeedlewiseError when there is none."""
        found = await self._fetch(select(requests).where(requests.c.reference == reference.strip().upper()))
        if not found:
            raise NeedlewiseError(
                f"no request has the reference {reference}: `needlewise bookings list` shows them"
            )
        return found[0]

    async def _by_draft(self, draft: str) -> Kept | None:
        found = await self._fetch(select(requests).where(requests.c.draft == draft))
        return found[0] if found else None

    async def _fetch(self, query: object) -> Sequence[Kept]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()  # type: ignore[call-overload]
        return [
            Kept(
                row.reference,
                Request(
                    row.clinic,
                    row.draft,
                    row.conversation,
                    row.kind,
                    msgspec.json.decode(self._seal.open(row.details_sealed), type=Details),
                    row.outcome,
                    row.location,
                    row.visit_kind,
                ),
                row.created_at,
                row.expected_by,
            )
            for row in rows
        ]
