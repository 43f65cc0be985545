"""The purge: what a clinic keeps no longer loses its words, a little at a time, so that no patient waits for it.

Each batch is one transaction: what it takes away, the count in `purges`, and the audit row that says so. A crash leaves batches that are
done and batches that are not. A run is open until the words have also left the search index and the write-ahead log; the next run goes on
with an open one.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.expression import Select

from needlewise import clock
from needlewise.conversations.forgetting import UNDECIDED, Removed, erase_older, has_words
from needlewise.db.audit import SERVICE, AuditLog, Entry
from needlewise.db.engine import scrub, vacuum
from needlewise.db.locks import Locks
from needlewise.db.sealing import Seal
from needlewise.db.tables import (
    audit,
    candidates,
    conversations,
    examples,
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

logger = logging.getLogger(__name__)

TEXT_DAYS = 90
"""How long text of a clinic is kept that is not served any more, and has no profile to say so."""
REPORT_DAYS = 30
"""How long the report of a candidate model is kept; it speaks of messages of every clinic, by their ids."""
REQUEST_DAYS = 730
"""The same for requests."""

BATCH = 25
PAUSE_SECONDS = 0.02
"""Between two batches: whoever waits for the database comes first."""
_LOCK = "purge"
_DAYS_LATE = 7
"""Audit rows leave this many days late, and then many at once: a purge of them is a row of the log itself."""

EVERYWHERE = ""
"""In `purges`: what concerns no one clinic."""


@dataclass(frozen=True)
class Terms:
    """How long a clinic keeps what, in days."""

    text: int
    requests: int


@dataclass(frozen=True)
class Run:
    """A purge or an erasure as `purges` has it."""

    clinic: str
    what: str
    begun_at: datetime
    ended_at: datetime | None
    """None: under way, or cut off; the next run goes on with it."""
    removed: Removed


Erase = Callable[[AsyncConnection, Sequence[Any]], Awaitable[Removed]]


@dataclass(frozen=True)
class _Class:
    """One kind of thing that falls due."""

    name: str
    due: Select
    """Selects the keys of what is due."""
    erase: Erase


class Retention:
    """Enforces how long things are kept. One run at a time, over all processes of a database."""

    def __init__(
        self,
        engine: AsyncEngine,
        reading: AsyncEngine,
        seal: Seal,
        audit: AuditLog,
        locks: Locks,
        *,
        terms: Callable[[], dict[str, Terms]],
        audit_years: int,
    ) -> None:
        """`terms` gives those of each clinic that is served, as of now."""
        self._engine = engine
        self._reading = reading
        self._seal = seal
        self._audit = audit
        self._locks = locks
        self._terms = terms
        self._audit_years = audit_years

    def terms(self, clinic: str) -> Terms:
        """How long this clinic keeps what; the defaults for one that is not served any more."""
        return self._terms().get(clinic, Terms(TEXT_DAYS, REQUEST_DAYS))

    async def due(self, clinic: str) -> Removed:
        """How many things would be purged now, by class; nothing is changed."""
        counts = Removed()
        async with self._reading.connect() as connection:
            for kind in self._classes(clinic, clock.now()):
                found = select(func.count()).select_from(kind.due.subquery())
                counts[kind.name] += int(await connection.scalar(found))
        return +counts

    async def last(self, clinics: Collection[str], limit: int = 20) -> list[Run]:
        """The newest purges and erasures of these clinics and of what concerns no one clinic, the newest first."""
        query = (
            select(purges)
            .where(purges.c.clinic.in_([*clinics, EVERYWHERE]))
            .order_by(purges.c.begun_at.desc())
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [Run(row.clinic, row.what, row.begun_at, row.ended_at, Removed(row.removed)) for row in rows]

    async def run(self, stopping: asyncio.Event | None = None) -> Removed:
        """Purge everything that is due, of every clinic, if no other process does; what went."""
        removed = Removed()
        async with self._locks.tried(_LOCK) as mine:
            if not mine:
                return removed
            for clinic in sorted(await self._clinics()):
                removed += await self._purge(clinic, Entry(SERVICE, "privacy/purge"), stopping)
            removed += await self._purge(EVERYWHERE, Entry(SERVICE, "privacy/purge"), stopping)
            if not _is_set(stopping):
                await self._purge_audit()
        return removed

    async def purge(self, clinic: str, entry: Entry, stopping: asyncio.Event | None = None) -> Removed:
        """Purge what is due of one clinic now, or up to the moment `stopping` is set; what went.

        Raises NeedlewiseError while another purge runs.
        """
        async with self._locks.tried(_LOCK) as mine:
            if not mine:
                raise NeedlewiseError("A purge is under way already. Try again in a moment.")
            return await self._purge(clinic, entry, stopping)

    async def _clinics(self) -> set[str]:
        """Those that are served, and those that were once and left something behind."""
        async with self._reading.connect() as connection:
            stored = await connection.execute(select(conversations.c.clinic).distinct())
            asked = await connection.execute(select(requests.c.clinic).distinct())
            return {*self._terms(), *stored.scalars(), *asked.scalars()}

    async def _purge(self, clinic: str, entry: Entry, stopping: asyncio.Event | None) -> Removed:
        now = clock.now()
        run = await self._open_run(clinic)
        total = Removed()
        for kind in self._classes(clinic, now):
            while not _is_set(stopping) and (keys := await self._keys(kind)):
                run = run or uuid.uuid4().hex
                removed = await self._batch(run, clinic, kind, keys, entry)
                total += removed
                if not removed:
                    break
                await clock.is_set(stopping or asyncio.Event(), within=PAUSE_SECONDS)
        if not _is_set(stopping) and await self._is_open(clinic):
            await self._end(clinic)
        if total:
            logger.info("purged of %s: %s", clinic or "all clinics", dict(total))
        return total

    async def _end(self, clinic: str) -> None:
        """Have the words leave what lies behind the tables as well; then the runs of this clinic are ended."""
        if not await scrub(self._engine):
            return
        try:
            await vacuum(self._engine, words.TABLES)
        except Exception as error:
            # Not the owner of the tables, or too long for one evening: PostgreSQL's own vacuum comes by.
            logger.warning("the tables were not vacuumed: %s", type(error).__name__)
        async with self._engine.begin() as connection:
            await connection.execute(
                update(purges)
                .where(purges.c.clinic == clinic, purges.c.ended_at.is_(None))
                .values(ended_at=clock.now())
            )

    async def _open_run(self, clinic: str) -> str | None:
        """A purge that was cut off, to go on with."""
        query = select(purges.c.id).where(
            purges.c.clinic == clinic, purges.c.ended_at.is_(None), purges.c.what == "retention"
        )
        async with self._reading.connect() as connection:
            found: str | None = await connection.scalar(query.order_by(purges.c.begun_at).limit(1))
            return found

    async def _is_open(self, clinic: str) -> bool:
        """Whether a purge or an erasure has not ended."""
        query = select(purges.c.id).where(purges.c.clinic == clinic, purges.c.ended_at.is_(None)).limit(1)
        async with self._reading.connect() as connection:
            return await connection.scalar(query) is not None

    async def _keys(self, kind: _Class) -> list[Any]:
        async with self._reading.connect() as connection:
            return list((await connection.execute(kind.due.limit(BATCH))).scalars())

    async def _batch(self, run: str, clinic: str, kind: _Class, keys: Sequence[Any], entry: Entry) -> Removed:
        async with self._engine.begin() as connection:
            removed = await kind.erase(connection, keys)
            if removed:
                await note(connection, run, clinic, "retention", removed)
                told = {"purge": run, "removed": dict(removed)}
                await self._audit.record(replace(entry, clinic=clinic, subject=run, details=told), connection)
        return removed

    async def _purge_audit(self) -> None:
        before = clock.now() - timedelta(days=366 * self._audit_years)
        async with self._reading.connect() as connection:
            oldest = await connection.scalar(select(audit.c.at).order_by(audit.c.seq).limit(1))
        if oldest is None or oldest >= before - timedelta(days=_DAYS_LATE):
            return
        count = await self._audit.purge(before, actor=SERVICE)
        async with self._engine.begin() as connection:
            await note(connection, uuid.uuid4().hex, EVERYWHERE, "audit", Removed(rows=count), ended=True)

    # -- what is due -----------------------------------------------------------------------------------------------------

    def _classes(self, clinic: str, now: datetime) -> list[_Class]:
        if clinic == EVERYWHERE:
            return [_Class("reports", _old_reports(now), words.reports)]
        terms = self.terms(clinic)
        text, asked = now - timedelta(days=terms.text), now - timedelta(days=terms.requests)
        return [
            _Class("conversations", _silent(clinic, text), partial(_erase_silent, before=text, at=now)),
            _Class("ongoing", _ongoing(clinic, text), partial(_erase_older, before=text)),
            _Class("requests", _old_requests(clinic, asked), partial(self._erase_details, at=now)),
            _Class("outgoing", _sent(clinic, text), words.sent),
            _Class("incoming", _never_answered(clinic, text), words.received),
            _Class("numbers", _silent_numbers(clinic, text), words.numbers),
            _Class("examples", _loose_examples(clinic, text), words.loose_examples),
        ]

    async def _erase_details(
        self, connection: AsyncConnection, keys: Sequence[Any], *, at: datetime
    ) -> Removed:
        return await words.details(connection, keys, at, self._seal)


async def note(
    connection: AsyncConnection, run: str, clinic: str, what: str, removed: Removed, *, ended: bool = False
) -> None:
    """Add to the record of a run, in the transaction that removes something; its first note begins it."""
    row = (await connection.execute(select(purges.c.removed).where(purges.c.id == run))).one_or_none()
    if row is not None:
        total = Removed(row.removed) + removed
        await connection.execute(update(purges).where(purges.c.id == run).values(removed=dict(total)))
        return
    now = clock.now()
    await connection.execute(
        insert(purges).values(
            id=run,
            clinic=clinic,
            what=what,
            begun_at=now,
            ended_at=now if ended else None,
            removed=dict(removed),
        )
    )


def _is_set(stopping: asyncio.Event | None) -> bool:
    return stopping is not None and stopping.is_set()


_FREE = conversations.c.held_at.is_(None)


def _silent(clinic: str, before: datetime) -> Select:
    """Conversations in which nobody has written since then, and whose words are there; also those that were written to after an erasure."""
    return select(conversations.c.id).where(
        conversations.c.clinic == clinic,
        conversations.c.last_at < before,
        _FREE,
        conversations.c.erased_at.is_(None) | (conversations.c.erased_at < conversations.c.last_at),
    )


async def _erase_silent(
    connection: AsyncConnection, keys: Sequence[Any], *, before: datetime, at: datetime
) -> Removed:
    # Seen again under the transaction's lock: a hold or a new message may have come in between.
    still = await connection.execute(
        select(conversations.c.id)
        .where(conversations.c.id.in_(keys), conversations.c.last_at < before, _FREE)
        .with_for_update()
    )
    ids = list(still.scalars())
    return await words.whole(connection, ids, at) if ids else Removed()


def _ongoing(clinic: str, before: datetime) -> Select:
    """Conversations that go on, as texts may for years, with something written before then."""
    old_words = exists().where(
        messages.c.conversation == conversations.c.id, messages.c.at < before, has_words()
    )
    old_notes = exists().where(notes.c.conversation == conversations.c.id, notes.c.at < before)
    return select(conversations.c.id).where(
        conversations.c.clinic == clinic,
        conversations.c.started_at < before,
        conversations.c.last_at >= before,
        _FREE,
        old_words | old_notes,
    )


async def _erase_older(connection: AsyncConnection, keys: Sequence[Any], *, before: datetime) -> Removed:
    still = await connection.execute(
        select(conversations.c.id).where(conversations.c.id.in_(keys), _FREE).with_for_update()
    )
    removed = Removed()
    for conversation in list(still.scalars()):
        removed += await erase_older(connection, conversation, before)
    return removed


def _old_requests(clinic: str, before: datetime) -> Select:
    """Requests with which nothing was done since then."""
    held = exists().where(conversations.c.id == requests.c.conversation, conversations.c.held_at.is_not(None))
    return select(requests.c.reference).where(
        requests.c.clinic == clinic,
        requests.c.created_at < before,
        func.coalesce(requests.c.state_at, requests.c.created_at) < before,
        requests.c.erased_at.is_(None),
        ~held,
    )


def _sent(clinic: str, before: datetime) -> Select:
    return select(outbox.c.id).where(
        outbox.c.clinic == clinic,
        outbox.c.created_at < before,
        outbox.c.next_try_at.is_(None),
        func.length(outbox.c.payload_sealed) > 0,
        ~_in_held_thread(outbox.c.thread),
    )


def _never_answered(clinic: str, before: datetime) -> Select:
    return select(inbox.c.seq).where(
        inbox.c.clinic == clinic,
        inbox.c.received_at < before,
        inbox.c.payload_sealed.is_not(None),
        ~_in_held_thread(inbox.c.thread),
    )


def _silent_numbers(clinic: str, before: datetime) -> Select:
    return select(threads.c.id).where(
        threads.c.clinic == clinic,
        threads.c.last_at < before,
        func.length(threads.c.number_sealed) > 0,
        ~_in_held_thread(threads.c.id),
    )


def _in_held_thread(thread: Any) -> Any:
    """Whether the newest conversation of a thread is held."""
    newest = threads.alias("newest")
    return exists().where(
        newest.c.id == thread,
        conversations.c.id == newest.c.conversation,
        conversations.c.held_at.is_not(None),
    )


def _loose_examples(clinic: str, before: datetime) -> Select:
    """Examples that came from no correction; those of corrections leave with the message that was corrected."""
    return select(examples.c.id).where(
        examples.c.clinic == clinic,
        examples.c.created_at < before,
        examples.c.correction.is_(None),
        examples.c.state.in_(UNDECIDED),
    )


def _old_reports(now: datetime) -> Select:
    return select(candidates.c.id).where(
        candidates.c.at < now - timedelta(days=REPORT_DAYS),
        candidates.c.report_sealed.is_not(None),
        candidates.c.state.not_in(("training", "replaying")),
    )


def clinics_terms(profiles: Iterable[Any]) -> dict[str, Terms]:
    """The terms in the profiles of clinics (content.model.Clinic), by id."""
    return {one.clinic: Terms(one.text_kept_days, one.requests_kept_days) for one in profiles}
