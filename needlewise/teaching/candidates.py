"""Models that were trained with what staff taught: tried beside the one in use, put live, and taken back.

One row a candidate. A process of its own works on it (dialogue.trial), holds a lock meanwhile, and shows by `state_at` how far it is. Whatever
cuts it off, the row is then found to be stale and counts as stopped; nothing has to be cleaned up before the next one begins.
One model is live for the whole deployment, and every process keeps to the row that names it (teaching.live).
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.locks import Locks
from needlewise.db.news import News
from needlewise.db.sealing import Seal
from needlewise.db.tables import candidates, examples, live_model, messages
from needlewise.errors import NeedlewiseError
from needlewise.teaching import examples as taught
from needlewise.teaching.replay import Line, Report, decode_report

NEWS = "model"
"""News between processes: another model was put live."""

TRAINING, REPLAYING, READY = "training", "replaying", "ready"
FAILED, STOPPED, LIVE, RETIRED = "failed", "stopped", "live", "retired"
WORKING = (TRAINING, REPLAYING)

BEAT_SECONDS = 2.0
"""How often the process that works on a candidate shows that it lives."""
STALE = timedelta(seconds=60)
"""After so long without a sign of life it is seen whether anybody works on it still: fitting a model can hold every thread up."""

CUT_OFF = "It was cut off before it was done, as when the service or the machine stops. Nothing was changed: try again."
CANCELLED = "Somebody cancelled it."

_LOCK = "candidates"
_PREFIX = "candidate-"
_LONGEST_ERROR = 300

STAGES = (
    (0.0, "preparing"),
    (0.02, "training"),
    (0.6, "loading"),
    (0.65, "replaying messages"),
    (0.8, "test sets"),
)
"""Where each stage begins, as a share of the whole; roughly what it takes of the time."""


@dataclass(frozen=True)
class Candidate:
    """A row, as it stands now: one that is stale says that it was stopped."""

    id: str
    by: str
    at: datetime
    state: str
    state_at: datetime
    progress: float
    """From 0 to 1."""
    model: str | None
    """The file's name in var/models, once it is trained."""
    base: str | None
    """The fingerprint of the files that it was trained from, beside its examples."""
    examples: tuple[str, ...]
    error: str | None
    """A sentence for staff."""

    @property
    def is_working(self) -> bool:
        return self.state in WORKING

    @property
    def stage(self) -> str:
        """What the process does now, in a word or two."""
        return next(words for begins, words in reversed(STAGES) if self.progress >= begins)


@dataclass(frozen=True)
class Live:
    """Which model answers patients. A candidate that is None stands for the model of the files."""

    candidate: str | None = None
    previous: str | None = None
    at: datetime | None = None
    """None as long as no candidate was ever put live: then there is nothing to go back to."""
    by: str = ""


class Candidates:
    """The rows of candidates, and the one that names the live model.

    `changed` is set when another model was put live, here or, with news, in another process.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        seal: Seal,
        audit: AuditLog,
        *,
        locks: Locks,
        news: News,
        models: Path,
        fingerprint: Callable[[], str],
    ) -> None:
        """`fingerprint` gives that of the present files; it reads them, so it is called in a thread."""
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal
        self._audit = audit
        self._locks = locks
        self._news = news
        self._models = models
        self._fingerprint = fingerprint
        self.changed = asyncio.Event()
        news.hear(NEWS, lambda _: self.changed.set())

    # -- reading ------------------------------------------------------------------------------------------------------

    async def all(self) -> list[Candidate]:
        """Every candidate, the newest first."""
        columns = [column for column in candidates.c if column is not candidates.c.report_sealed]
        query = select(*columns).order_by(candidates.c.at.desc(), candidates.c.id)
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [await self._settled(_candidate(row)) for row in rows]

    async def get(self, candidate: str) -> Candidate | None:
        """One candidate; None where there is no such row."""
        async with self._reading.connect() as connection:
            found = await _found(connection, candidate)
        return None if found is None else await self._settled(found)

    async def report(self, candidate: str) -> Report | None:
        """What the replay of a candidate found; None as long as there is nothing."""
        query = select(candidates.c.report_sealed).where(candidates.c.id == candidate)
        async with self._reading.connect() as connection:
            sealed = await connection.scalar(query)
        return None if sealed is None else decode_report(self._seal.open(sealed))

    async def words(self, lines: Iterable[Line]) -> dict[str, str]:
        """By message, the redacted words of these lines; none for a message that was erased meanwhile."""
        wanted = [line.message for line in lines if line.message]
        query = select(messages.c.id, messages.c.redacted).where(messages.c.id.in_(wanted))
        async with self._reading.connect() as connection:
            return {row.id: row.redacted for row in await connection.execute(query) if row.redacted}

    async def live(self) -> Live:
        """The model that every process is to answer with."""
        async with self._reading.connect() as connection:
            return await _live(connection)

    async def untaught(self) -> int:
        """How many accepted examples the live model was not trained with."""
        live = await self.live()
        known = await self.get(live.candidate) if live.candidate else None
        given = {example.id for example in await taught.accepted(self._engine)}
        return len(given - set(known.examples if known else ()))

    async def fits(self, candidate: Candidate) -> bool:
        """Whether it was trained from the present files: after an update of these their own model is the better one."""
        return candidate.base == await asyncio.to_thread(self._fingerprint)

    def path(self, candidate: Candidate) -> Path | None:
        """Its model's file; None where it has none, or not on this machine."""
        path = self._models / candidate.model if candidate.model else None
        return path if path is not None and path.exists() else None

    # -- trying -------------------------------------------------------------------------------------------------------

    async def begin(self, entry: Entry) -> Candidate:
        """A new candidate, with every accepted example; somebody has to work on it now.

        Raises NeedlewiseError while another one is being tried, and when the live model knows all examples already.
        """
        given = [example.id for example in await taught.accepted(self._engine)]
        async with self._locks.held(_LOCK), self._engine.begin() as connection:
            at = clock.now()
            await self._stop_stale(connection)
            if (
                await connection.execute(select(candidates.c.id).where(candidates.c.state.in_(WORKING)))
            ).first():
                raise NeedlewiseError(
                    "Another candidate is being tried. Wait until it is done, or cancel it."
                )
            live = await _live(connection)
            known = await _found(connection, live.candidate) if live.candidate else None
            if set(given) == set(known.examples if known else ()):
                raise NeedlewiseError("There is nothing new to teach: accept some examples first.")
            new = Candidate(
                uuid.uuid4().hex, entry.actor, at, TRAINING, at, 0.0, None, None, tuple(given), None
            )
            await connection.execute(insert(candidates).values(**{**vars(new), "examples": given}))
            details = {**entry.details, "examples": len(given)}
            await self._audit.record(replace(entry, subject=new.id, details=details), connection)
        return new

    async def cancel(self, candidate: str, entry: Entry) -> None:
        """Stop one that is being worked on: its process sees that within seconds, and ends. Raises NeedlewiseError."""
        async with self._engine.begin() as connection:
            if not await _change(connection, candidate, WORKING, state=STOPPED, error=CANCELLED):
                raise NeedlewiseError("It is not being tried any more.")
            await self._audit.record(entry, connection)

    # -- what the process that works on it tells -------------------------------------------------------------------------

    def worked_on(self, candidate: str) -> AbstractAsyncContextManager[None]:
        """Held as long as somebody works on it: given back by the system when they die, however that happens."""
        return self._locks.held(f"{_LOCK}/{candidate}")

    async def beat(self, candidate: str, state: str, progress: float) -> bool:
        """Show that it is worked on. False when it is no longer wanted: then whoever works on it stops at once."""
        async with self._engine.begin() as connection:
            return await _change(connection, candidate, WORKING, state=state, progress=progress)

    async def trained(self, candidate: str, model: str, base: str) -> None:
        """Note the model's file before anything is done with it."""
        async with self._engine.begin() as connection:
            await _change(connection, candidate, WORKING, model=model, base=base)

    async def ready(self, candidate: str, report: Report) -> bool:
        """Keep what the replay found. False when it is no longer wanted."""
        sealed = self._seal.seal(report.encode())
        async with self._engine.begin() as connection:
            return await _change(
                connection, candidate, WORKING, state=READY, progress=1.0, report_sealed=sealed, error=None
            )

    async def failed(self, candidate: str, why: str, *, state: str = FAILED) -> bool:
        """Say why there will be no result. False when it has come to its end otherwise."""
        async with self._engine.begin() as connection:
            return await _change(connection, candidate, WORKING, state=state, error=_cut(why))

    async def clean_up(self) -> None:
        """Remove model files that nobody can put live any more, and those of candidates that are older than the newest three."""
        live = await self.live()
        keep = {live.candidate, live.previous}
        ready = [one for one in await self.all() if one.state in (*WORKING, READY)]
        names = {one.model for one in ready[:3]} | {file_name(one) for one in keep if one}
        names |= {file_name(one.id) for one in ready if one.is_working}
        for path in self._models.glob(f"{_PREFIX}*"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    # -- publishing ---------------------------------------------------------------------------------------------------

    async def publish(self, candidate: str, entry: Entry) -> None:
        """Put a candidate live whose replay has run. Raises NeedlewiseError, with a sentence for staff."""
        await self._check(await self.get(candidate))
        async with self._locks.held(_LOCK), self._engine.begin() as connection:
            found = await _found(connection, candidate)
            if found is None or found.state != READY:
                raise NeedlewiseError("Only a candidate whose replay has run can be put live, and only once.")
            live = await _live(connection)
            await self._put(connection, Live(candidate, live.candidate, clock.now(), entry.actor))
            await self._audit.record(entry, connection)
        await self._tell()

    async def go_back(self, entry: Entry) -> None:
        """Put the model back that was live before; going back again returns to the later one. Raises NeedlewiseError."""
        before = await self.live()
        if before.at is None:
            raise NeedlewiseError("There is no earlier model to go back to.")
        if before.previous is not None:
            await self._check(await self.get(before.previous))
        async with self._locks.held(_LOCK), self._engine.begin() as connection:
            live = await _live(connection)
            if live != before:
                raise NeedlewiseError("Somebody has changed the model in use meanwhile. Look again.")
            await self._put(connection, Live(live.previous, live.candidate, clock.now(), entry.actor))
            details = {**entry.details, "from": live.candidate or "files", "to": live.previous or "files"}
            await self._audit.record(replace(entry, details=details), connection)
        await self._tell()

    async def could_not_load(self, candidate: str, why: str) -> None:
        """Note on a live candidate that a process stays with the model that it has."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(candidates).where(candidates.c.id == candidate).values(error=_cut(why))
            )

    async def _settled(self, found: Candidate) -> Candidate:
        """The row as it is to be read: one that nobody works on any more was stopped."""
        if not found.is_working or found.state_at >= clock.now() - STALE:
            return found
        async with self._locks.tried(f"{_LOCK}/{found.id}") as is_left:
            return replace(found, state=STOPPED, error=CUT_OFF) if is_left else found

    async def _stop_stale(self, connection: AsyncConnection) -> None:
        rows = await connection.execute(select(candidates).where(candidates.c.state.in_(WORKING)))
        for row in rows.all():
            found = await self._settled(_candidate(row))
            if not found.is_working:
                await _change(connection, found.id, WORKING, state=found.state, error=found.error)

    async def _check(self, candidate: Candidate | None) -> None:
        if candidate is None:
            raise NeedlewiseError("There is no such candidate any more.")
        if candidate.state in (READY, RETIRED) and self.path(candidate) is None:
            raise NeedlewiseError("Its model file is gone. Train a new candidate.")
        if candidate.state in (READY, RETIRED) and not await self.fits(candidate):
            raise NeedlewiseError(
                "It was trained from older files than those that are installed now. Train a new candidate."
            )

    async def _put(self, connection: AsyncConnection, live: Live) -> None:
        """Everything that changes with the live model, in one transaction."""
        await connection.execute(
            update(candidates).where(candidates.c.state == LIVE).values(state=RETIRED, state_at=live.at)
        )
        known: Iterable[str] = ()
        if live.candidate is not None:
            await _change(connection, live.candidate, (READY, RETIRED), state=LIVE, error=None)
            found = await _found(connection, live.candidate)
            known = found.examples if found else ()
        # What only the model before it knew waits to be taught again.
        await connection.execute(
            update(examples)
            .where(examples.c.state == taught.PUBLISHED, examples.c.id.not_in(list(known)))
            .values(state=taught.ACCEPTED)
        )
        await taught.mark_published(connection, list(known))
        await connection.execute(delete(live_model))
        await connection.execute(insert(live_model).values(id=1, **vars(live)))

    async def _tell(self) -> None:
        self.changed.set()
        await self._news.tell(NEWS)


def file_name(candidate: str) -> str:
    """The name of a candidate's model file in var/models."""
    return f"{_PREFIX}{candidate}.tar.gz"


async def _found(connection: AsyncConnection, candidate: str) -> Candidate | None:
    row = (await connection.execute(select(candidates).where(candidates.c.id == candidate))).one_or_none()
    return None if row is None else _candidate(row)


async def _live(connection: AsyncConnection) -> Live:
    row = (await connection.execute(select(live_model).where(live_model.c.id == 1))).one_or_none()
    return Live() if row is None else Live(row.candidate, row.previous, row.at, row.by)


async def _change(
    connection: AsyncConnection, candidate: str, states: Iterable[str], **values: object
) -> bool:
    """Change a row that is in one of these states; whether it was."""
    changed = await connection.execute(
        update(candidates)
        .where(candidates.c.id == candidate, candidates.c.state.in_(tuple(states)))
        .values(state_at=clock.now(), **values)
    )
    return bool(changed.rowcount)


def _candidate(row: Any) -> Candidate:
    known: Mapping[str, Any] = row._mapping
    values = {name: known[name] for name in Candidate.__dataclass_fields__}
    return Candidate(**{**values, "examples": tuple(row.examples)})


def _cut(why: str) -> str:
    return " ".join(why.split())[:_LONGEST_ERROR]
