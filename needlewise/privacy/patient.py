"""One patient's data: finding it, handing it over, and taking it away.

A patient is found by a conversation, by the token of their browser, or by their phone number; always within one clinic. The number is
hashed as it was when its texts came in; requests are opened one by one and compared, for what is sealed cannot be searched.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.booking import fields
from needlewise.booking.requests import Details
from needlewise.conversations.forgetting import Removed
from needlewise.conversations.threads import KEPT_AS, conversation_id, thread_id
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import scrub
from needlewise.db.outbox import drop_waiting
from needlewise.db.sealing import Seal, kept_secret
from needlewise.db.tables import (
    consent_changes,
    conversation_tags,
    conversations,
    feedback,
    inbox,
    messages,
    notes,
    outbox,
    purges,
    requests,
    threads,
)
from needlewise.errors import NeedlewiseError
from needlewise.privacy import words
from needlewise.privacy.holds import SHORTEST_REASON
from needlewise.privacy.retention import note

By = Literal["conversation", "token", "number"]
FORMAT = "needlewise-patient-export-1"

_READ_AT_A_TIME = 500


@dataclass(frozen=True)
class Talk:
    """A conversation that was found."""

    id: str
    channel: str
    started_at: datetime
    last_at: datetime
    heard: int
    is_held: bool
    is_erased: bool


@dataclass(frozen=True)
class Asked:
    """A request that was found."""

    reference: str
    kind: str
    created_at: datetime
    conversation: str


@dataclass(frozen=True)
class Found:
    """What there is of a patient at one clinic. Ids and times only: nothing is opened for it to be shown."""

    clinic: str
    talks: tuple[Talk, ...] = ()
    requests: tuple[Asked, ...] = ()
    threads: tuple[str, ...] = ()
    """Pairs of the clinic's number and the patient's: where the number itself, and its consent, are kept."""

    @property
    def is_empty(self) -> bool:
        return not (self.talks or self.requests or self.threads)

    def only(
        self, talks: Collection[str], asked: Collection[str], pairs: Collection[str] | None = None
    ) -> "Found":
        """Of this, what was chosen. Texts of a number are found with any of its conversations."""
        return Found(
            self.clinic,
            tuple(one for one in self.talks if one.id in talks),
            tuple(one for one in self.requests if one.reference in asked),
            tuple(one for one in self.threads if pairs is None or one in pairs),
        )


@dataclass(frozen=True)
class Erased:
    """What an erasure did. `held` are conversations that a legal hold kept."""

    removed: Removed
    held: tuple[str, ...]


class Patients:
    """Everything that is done for one patient at one clinic."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, seal: Seal, audit: AuditLog) -> None:
        self._engine = engine
        self._reading = reading
        self._seal = seal
        self._audit = audit

    # -- finding ---------------------------------------------------------------------------------------------------------

    async def find(self, clinic: str, by: By, value: str, *, clinic_numbers: Iterable[str] = ()) -> Found:
        """What the clinic has of a patient. `clinic_numbers` are those that its patients may text now.

        Raises NeedlewiseError for a phone number that is none.
        """
        value = value.strip()
        if by == "number":
            number = fields.phone(value)
            if number is None:
                raise NeedlewiseError("That is no phone number we can read. Write it with its area code.")
            return await self._by_number(clinic, number, clinic_numbers)
        column = conversations.c.id
        if by == "token":
            column, value = conversations.c.token_hash, hashlib.sha256(value.encode()).hexdigest()
        query = select(conversations.c.id, conversations.c.channel).where(
            conversations.c.clinic == clinic, column == value
        )
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return Found(clinic)
        pairs = await self._threads_of(clinic, row.id) if row.channel == "sms" else ()
        return await self.chosen(clinic, talks=[row.id], pairs=pairs, with_requests=True)

    async def chosen(
        self,
        clinic: str,
        *,
        talks: Collection[str] = (),
        asked: Collection[str] = (),
        pairs: Collection[str] = (),
        with_requests: bool = False,
    ) -> Found:
        """These conversations, requests and threads, as far as they are this clinic's; `with_requests`: also what was sent from the conversations."""
        which = requests.c.reference.in_(asked)
        if with_requests:
            which = or_(which, requests.c.conversation.in_(talks))
        async with self._reading.connect() as connection:
            found = await connection.execute(
                select(conversations)
                .where(conversations.c.clinic == clinic, conversations.c.id.in_(talks))
                .order_by(conversations.c.started_at)
            )
            sent = await connection.execute(
                select(requests).where(requests.c.clinic == clinic, which).order_by(requests.c.created_at)
            )
            known = await connection.execute(
                select(threads.c.id).where(threads.c.clinic == clinic, threads.c.id.in_(pairs))
            )
            return Found(
                clinic,
                tuple(
                    Talk(
                        row.id,
                        row.channel,
                        row.started_at,
                        row.last_at,
                        row.heard,
                        row.held_at is not None,
                        row.erased_at is not None or row.forgotten_at is not None,
                    )
                    for row in found
                ),
                tuple(Asked(row.reference, row.kind, row.created_at, row.conversation) for row in sent),
                tuple(known.scalars()),
            )

    async def _by_number(self, clinic: str, number: str, clinic_numbers: Iterable[str]) -> Found:
        secret = await kept_secret(self._engine, self._seal, KEPT_AS)
        async with self._reading.connect() as connection:
            earlier = await connection.execute(
                select(threads.c.clinic_number).where(threads.c.clinic == clinic).distinct()
            )
            pairs = [thread_id(secret, ours, number) for ours in {*clinic_numbers, *earlier.scalars()}]
            rows = (await connection.execute(select(threads).where(threads.c.id.in_(pairs)))).all()
        talks = {conversation_id(row.id, epoch) for row in rows for epoch in range(1, row.epoch + 1)}
        asked = await self._requests_with(clinic, number)
        talks |= set(asked.values())
        return await self.chosen(clinic, talks=talks, asked=asked, pairs=pairs, with_requests=True)

    async def _requests_with(self, clinic: str, number: str) -> dict[str, str]:
        """References of the requests whose contact is this number, and the conversation each came from."""
        found: dict[str, str] = {}
        after = ""
        while True:
            query = (
                select(requests.c.reference, requests.c.conversation, requests.c.details_sealed)
                .where(requests.c.clinic == clinic, requests.c.erased_at.is_(None))
                .where(requests.c.reference > after)
                .order_by(requests.c.reference)
                .limit(_READ_AT_A_TIME)
            )
            async with self._reading.connect() as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return found
            # In a thread: opening hundreds of them takes longer than a patient should wait.
            found |= await asyncio.to_thread(self._matching, rows, number)
            after = rows[-1].reference

    def _matching(self, rows: Sequence[Row], number: str) -> dict[str, str]:
        return {
            row.reference: row.conversation
            for row in rows
            if fields.phone(self._details(row).contact) == number
        }

    def _details(self, row: Row) -> Details:
        return msgspec.json.decode(self._seal.open(row.details_sealed), type=Details)

    async def _threads_of(self, clinic: str, conversation: str) -> list[str]:
        """The thread that a text conversation belongs to."""
        async with self._reading.connect() as connection:
            rows = (
                await connection.execute(
                    select(threads.c.id, threads.c.epoch).where(threads.c.clinic == clinic)
                )
            ).all()

        def search() -> list[str]:
            return [
                row.id
                for row in rows
                if any(conversation_id(row.id, epoch) == conversation for epoch in range(1, row.epoch + 1))
            ]

        return await asyncio.to_thread(search)

    # -- handing over ----------------------------------------------------------------------------------------------------

    async def export(self, found: Found, entry: Entry) -> bytes:
        """What was found as JSON (docs/data-map.md says what is in it). The audit row is there before anything leaves.

        Raises NeedlewiseError without a reason.
        """
        _demand_reason(entry)
        async with self._reading.connect() as connection:
            content = {
                "format": FORMAT,
                "made_at": clock.now(),
                "clinic": found.clinic,
                "conversations": [await self._talk(connection, one.id) for one in found.talks],
                "requests": [await self._request(connection, one.reference) for one in found.requests],
                "texting": [await self._texting(connection, one) for one in found.threads],
            }
        exported = msgspec.json.format(msgspec.json.encode(content), indent=2)
        await self._audit.record(_about(entry, found))
        return exported

    async def _talk(self, connection: AsyncConnection, identity: str) -> dict[str, Any]:
        row = (await connection.execute(select(conversations).where(conversations.c.id == identity))).one()
        said = await connection.execute(
            select(messages, feedback.c.verdict, feedback.c.reason_sealed)
            .outerjoin(feedback, feedback.c.message == messages.c.id)
            .where(messages.c.conversation == identity)
            .order_by(messages.c.position)
        )
        noted = await connection.execute(
            select(notes).where(notes.c.conversation == identity).order_by(notes.c.at)
        )
        tags = await connection.execute(
            select(conversation_tags.c.tag).where(conversation_tags.c.conversation == identity)
        )
        state = msgspec.json.decode(self._seal.open(row.state_sealed)) if row.state_sealed else {}
        return {
            "id": row.id,
            "channel": row.channel,
            "language": row.language,
            "started_at": row.started_at,
            "last_at": row.last_at,
            "forgotten_at": row.forgotten_at,
            "erased_at": row.erased_at,
            "messages": [self._message(one) for one in said],
            "remembered": {
                name: value for name, value in state.get("slots", {}).items() if value not in (None, [], {})
            },
            "notes_of_staff": [
                {"at": one.at, "text": self._seal.open(one.body_sealed).decode()} for one in noted
            ],
            "tags": sorted(tags.scalars()),
        }

    def _message(self, row: Row) -> dict[str, Any]:
        who = "patient" if row.direction == "in" else "staff" if row.author else "assistant"
        shown: dict[str, Any] = {"at": row.at, "from": who}
        if row.body_sealed is None:
            return {**shown, "erased": True}
        body = msgspec.json.decode(self._seal.open(row.body_sealed))
        shown["text"] = body.get("text") or ", ".join(map(str, body.get("fields", {}).values()))
        if choices := [one["label"] for one in body.get("choices", ()) if isinstance(one, dict)]:
            shown["choices"] = choices
        if row.direction == "in":
            shown |= {"topics": row.topics or [], "safety": row.safety_level}
        elif row.answers:
            shown["answers"] = row.answers
        if row.verdict is not None:
            reason = self._seal.open(row.reason_sealed).decode() if row.reason_sealed else None
            shown["rated"] = {"verdict": row.verdict, "reason": reason}
        return shown

    async def _request(self, connection: AsyncConnection, reference: str) -> dict[str, Any]:
        row = (await connection.execute(select(requests).where(requests.c.reference == reference))).one()
        plain = (
            "reference",
            "kind",
            "outcome",
            "location",
            "visit_kind",
            "conversation",
            "state",
            "state_at",
        )
        times = ("consent_at", "created_at", "expected_by", "erased_at")
        shown = {name: row._mapping[name] for name in (*plain, *times)}
        return {**shown, "details": None if row.erased_at else msgspec.to_builtins(self._details(row))}

    async def _texting(self, connection: AsyncConnection, thread: str) -> dict[str, Any]:
        row = (await connection.execute(select(threads).where(threads.c.id == thread))).one()
        changes = await connection.execute(
            select(consent_changes).where(consent_changes.c.thread == thread).order_by(consent_changes.c.at)
        )
        number = self._seal.open(row.number_sealed).decode() if row.number_sealed else None
        return {
            "clinic_number": row.clinic_number,
            "number": number,
            "first_at": row.first_at,
            "last_at": row.last_at,
            "stopped_at": row.opted_out_at,
            "consent": [
                {name: one._mapping[name] for name in ("at", "change", "wording", "source")}
                for one in changes
            ],
        }

    # -- taking away -----------------------------------------------------------------------------------------------------

    async def erase(self, found: Found, entry: Entry, *, with_requests: bool) -> Erased:
        """Take away every word of what was found, all at once or nothing; what a legal hold keeps stays.

        The fact stays that a talk took place or a request was sent, and so do consent and stop: a number that said stop gets no text
        after its erasure either. Raises NeedlewiseError without a reason.
        """
        _demand_reason(entry)
        run, at = uuid.uuid4().hex, clock.now()
        async with self._engine.begin() as connection:
            rows = (
                await connection.execute(
                    select(conversations.c.id, conversations.c.held_at)
                    .where(
                        conversations.c.clinic == found.clinic,
                        conversations.c.id.in_([one.id for one in found.talks]),
                    )
                    .with_for_update()
                )
            ).all()
            held = tuple(row.id for row in rows if row.held_at is not None)
            free = [row.id for row in rows if row.held_at is None]
            removed = Removed()
            if free:
                removed += await words.whole(connection, free, at)
                await connection.execute(
                    # As if the patient had forgotten it: a turn that is under way finds nothing to write to.
                    update(conversations)
                    .where(conversations.c.id.in_(free), conversations.c.forgotten_at.is_(None))
                    .values(forgotten_at=at)
                )
            if with_requests:
                kept = await _held_among(connection, [one.conversation for one in found.requests])
                references = [one.reference for one in found.requests if one.conversation not in kept]
                removed += await words.details(connection, references, at, self._seal)
            for thread in found.threads:
                removed += await self._texts(connection, thread)
            removed = +removed
            if removed:
                await note(connection, run, found.clinic, "erasure", removed)
            told = {**_about(entry, found).details, "removed": dict(removed), "held": len(held)}
            await self._audit.record(replace(_about(entry, found), details=told), connection)
        if removed and await scrub(self._engine) and self._engine.dialect.name == "sqlite":
            # With PostgreSQL the next purge ends it, after a vacuum for which nobody waits.
            async with self._engine.begin() as connection:
                await connection.execute(
                    update(purges).where(purges.c.id == run).values(ended_at=clock.now())
                )
        return Erased(removed, held)

    async def _texts(self, connection: AsyncConnection, thread: str) -> Removed:
        """What the outbox and the inbox hold of a number, and the number; unless one of its conversations is held."""
        epoch = await connection.scalar(select(threads.c.epoch).where(threads.c.id == thread))
        talks = [conversation_id(thread, number) for number in range(1, int(epoch or 0) + 1)]
        if await _held_among(connection, talks):
            return Removed()
        await drop_waiting(connection, thread, "erased")
        sent = await connection.execute(
            select(outbox.c.id).where(outbox.c.thread == thread, func.length(outbox.c.payload_sealed) > 0)
        )
        removed = await words.sent(connection, list(sent.scalars()))
        came = await connection.execute(
            select(inbox.c.seq).where(inbox.c.thread == thread, inbox.c.payload_sealed.is_not(None))
        )
        removed += await words.received(connection, list(came.scalars()))
        return removed + await words.numbers(connection, [thread])


async def _held_among(connection: AsyncConnection, ids: Collection[str]) -> set[str]:
    query = select(conversations.c.id).where(
        conversations.c.id.in_(ids), conversations.c.held_at.is_not(None)
    )
    return set((await connection.execute(query)).scalars())


def _demand_reason(entry: Entry) -> None:
    if len(entry.reason.strip()) < SHORTEST_REASON:
        raise NeedlewiseError("Say why, in a few words.")


def _about(entry: Entry, found: Found) -> Entry:
    """The row's subject and counts. The number or token that was looked for is in neither."""
    counts = {
        "conversations": len(found.talks),
        "requests": len(found.requests),
        "numbers": len(found.threads),
    }
    subject = found.talks[0].id if len(found.talks) == 1 else ""
    return replace(entry, clinic=found.clinic, subject=subject, details={**entry.details, **counts})
