"""One conversation as staff read it: every message in order, redacted, with what was understood, decided and shown.

A message is read in clear only through `reveal`, which writes the audit row before it opens anything.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise.conversations.listing import Listed, Person, load_listed, load_names
from needlewise.conversations.log import Inbound, written
from needlewise.conversations.understood import AsUnderstood, read_understood
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.sealing import Seal
from needlewise.db.tables import conversations, corrections, feedback, messages, notes
from needlewise.errors import NeedlewiseError

SHORTEST_REASON = 3

Redact = Callable[[str], Awaitable[str]]


class NotThere(NeedlewiseError):
    """No such conversation, or message of it, at these clinics."""


@dataclass(frozen=True)
class Thumb:
    """What a patient said of one of our messages."""

    verdict: str
    """up or down."""
    reason: str | None
    """In the patient's words, redacted."""
    at: datetime


@dataclass(frozen=True)
class Correction:
    """What a member of staff said should have been."""

    id: str
    by: Person | None
    at: datetime
    verdict: str
    topics: tuple[str, ...]
    comment: str | None


@dataclass(frozen=True)
class Note:
    """What a member of staff wrote about a conversation."""

    id: str
    author: Person | None
    at: datetime
    body: str


@dataclass(frozen=True)
class Said:
    """One message."""

    id: str
    speaker: str
    """patient, assistant or staff."""
    author: Person | None
    """Of a message of the staff's: who wrote it."""
    at: datetime
    channel: str
    words: str | None
    """Redacted; what we said ourselves has small Markdown. None while it is being prepared, or once it was erased."""
    is_erased: bool
    kind: str | None
    """Of our own: answer, question, outcome, urgent, crisis, handoff, notice, or staff."""
    topics: tuple[str, ...]
    act: str | None
    confidence: float | None
    understood: AsUnderstood | None
    answers: tuple[tuple[str, int], ...]
    """Which answers it showed: topic and version."""
    safety_level: str | None
    safety_rule: str | None
    latency_ms: float | None
    is_answered: bool
    """False for a message of the patient's whose turn runs, or was cut off."""
    thumb: Thumb | None
    corrections: tuple[Correction, ...]

    @property
    def is_being_prepared(self) -> bool:
        """Nobody reads it before redaction has."""
        return self.words is None and not self.is_erased


@dataclass(frozen=True)
class Transcript:
    """All of one conversation."""

    listed: Listed
    messages: tuple[Said, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Revealed:
    """In full, by the id of the message. Only what is still there."""

    words: Mapping[str, str]
    reasons: Mapping[str, str]
    """What was written with a thumb."""


class Transcripts:
    """Reads whole conversations, and lets staff see them in clear."""

    def __init__(self, reading: AsyncEngine, seal: Seal, audit: AuditLog, redact: Redact) -> None:
        """`redact` masks the reasons that patients wrote with a thumb, which are kept sealed alone."""
        self._reading = reading
        self._seal = seal
        self._audit = audit
        self._redact = redact

    async def clinic_of(self, conversation: str) -> str:
        """The clinic whose conversation this is. Raises NotThere."""
        query = select(conversations.c.clinic).where(conversations.c.id == conversation)
        async with self._reading.connect() as connection:
            clinic: str | None = await connection.scalar(query)
        if clinic is None:
            raise NotThere("there is no such conversation")
        return clinic

    async def open(self, conversation: str, clinics: Collection[str]) -> Transcript:
        """A conversation with everything that is known of it. Raises NotThere."""
        async with self._reading.connect() as connection:
            listed = await load_listed(connection, [conversation])
            if not listed or listed[0].clinic not in clinics:
                raise NotThere("there is no such conversation")
            rows = await _rows(connection, conversation)
            ids = [row.id for row in rows]
            thumbs = await _by_message(connection, feedback, ids)
            corrected = await _by_message(connection, corrections, ids)
            noted = (
                await connection.execute(
                    select(notes).where(notes.c.conversation == conversation).order_by(notes.c.at)
                )
            ).all()
            people = await load_names(
                connection,
                {row.author for row in rows}
                | {row.author for row in noted}
                | {row.by for found in corrected.values() for row in found},
            )
        said = [
            _said(
                row,
                people,
                await self._thumb(thumbs.get(row.id, ())),
                tuple(self._correction(one, people) for one in corrected.get(row.id, ())),
                is_erased=listed[0].is_erased,
            )
            for row in rows
        ]
        written_notes = [
            Note(row.id, people.get(row.author), row.at, self._seal.open(row.body_sealed).decode())
            for row in noted
        ]
        return Transcript(listed[0], tuple(said), tuple(written_notes))

    async def reveal(
        self, conversation: str, clinics: Collection[str], entry: Entry, *, message: str | None = None
    ) -> Revealed:
        """The full words of one message, or of all, once the audit log says who sees them and why.

        Raises NotThere, and NeedlewiseError without a reason of SHORTEST_REASON characters.
        """
        if len(entry.reason.strip()) < SHORTEST_REASON:
            raise NeedlewiseError("say why you need to see it: the audit log keeps the reason")
        async with self._reading.connect() as connection:
            clinic = await connection.scalar(
                select(conversations.c.clinic).where(conversations.c.id == conversation)
            )
            if clinic not in clinics:
                raise NotThere("there is no such conversation")
            rows = [row for row in await _rows(connection, conversation) if message in (None, row.id)]
            if message is not None and not rows:
                raise NotThere("there is no such message in this conversation")
            thumbs = await _by_message(connection, feedback, [row.id for row in rows])
        details = {**entry.details, "message": message} if message else {**entry.details, "all": len(rows)}
        await self._audit.record(replace(entry, clinic=str(clinic), subject=conversation, details=details))
        words = {row.id: self._in_full(row) for row in rows if row.body_sealed is not None}
        reasons = {
            row.id: self._seal.open(one.reason_sealed).decode()
            for row in rows
            for one in thumbs.get(row.id, ())
            if one.reason_sealed
        }
        return Revealed(words, reasons)

    def _in_full(self, row: Row) -> str:
        body = self._seal.open(row.body_sealed)
        if row.direction == "in":
            return written(msgspec.json.decode(body, type=Inbound))
        return str(msgspec.json.decode(body)["text"])

    async def _thumb(self, rows: Sequence[Row]) -> Thumb | None:
        if not rows:
            return None
        row = rows[0]
        reason = self._seal.open(row.reason_sealed).decode() if row.reason_sealed else None
        return Thumb(row.verdict, await self._redact(reason) if reason else None, row.at)

    def _correction(self, row: Row, people: Mapping[str, Person]) -> Correction:
        comment = self._seal.open(row.comment_sealed).decode() if row.comment_sealed else None
        return Correction(row.id, people.get(row.by), row.at, row.verdict, tuple(row.topics or ()), comment)


async def _rows(connection: AsyncConnection, conversation: str) -> list[Row]:
    query = select(messages).where(messages.c.conversation == conversation).order_by(messages.c.position)
    return list((await connection.execute(query)).all())


async def _by_message(
    connection: AsyncConnection, table: "type[object] | object", ids: Sequence[str]
) -> Mapping[str, tuple[Row, ...]]:
    """Rows about messages, oldest first, by the message."""
    its = table.c  # type: ignore[union-attr]
    found: dict[str, tuple[Row, ...]] = {}
    for row in await connection.execute(select(table).where(its.message.in_(ids)).order_by(its.at)):
        found[row.message] = (*found.get(row.message, ()), row)
    return found


def _said(
    row: Row,
    people: Mapping[str, Person],
    thumb: Thumb | None,
    corrected: tuple[Correction, ...],
    *,
    is_erased: bool,
) -> Said:
    is_patient = row.direction == "in"
    return Said(
        id=row.id,
        speaker="patient" if is_patient else "staff" if row.author else "assistant",
        author=people.get(row.author or ""),
        at=row.at,
        channel=row.channel,
        words=row.redacted,
        is_erased=is_erased and row.redacted is None,
        kind=row.kind,
        topics=tuple(row.topics or ()),
        act=row.act,
        confidence=row.confidence,
        understood=read_understood(row.understood),
        answers=tuple((note["topic"], note["version"]) for note in row.answers or ()),
        safety_level=row.safety_level,
        safety_rule=row.safety_rule,
        latency_ms=row.latency_ms,
        is_answered=row.answered is not False,
        thumb=thumb,
        corrections=corrected,
    )
