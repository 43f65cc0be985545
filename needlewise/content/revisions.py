"""The texts that staff saved in the console, each for good: save, restore, withdraw. Nothing is ever overwritten."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.content.live import LANGUAGE, NEWS, Kind, LiveContent, Version, version_of
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.news import News
from needlewise.db.tables import content_state, content_versions
from needlewise.errors import NeedlewiseError

LONGEST_NOTE = 300
_LOCK = 7_237_003
"""Names PostgreSQL's lock of the version numbers; SQLite's write lock does the same."""


class Conflict(NeedlewiseError):
    """Somebody saved meanwhile. `standing` is theirs; None where theirs was withdrawn, and the file stands."""

    def __init__(self, standing: Version | None) -> None:
        super().__init__("somebody else saved this text meanwhile")
        self.standing = standing


class Revisions:
    """The one way to change content from the console. Each change is live here when the call ends, and elsewhere within seconds."""

    def __init__(
        self, engine: AsyncEngine, reading: AsyncEngine, audit: AuditLog, live: LiveContent, news: News
    ) -> None:
        self._engine = engine
        self._reading = reading
        self._audit = audit
        self._live = live
        self._news = news

    async def of(self, kind: Kind, key: str, clinics: Iterable[str]) -> list[Version]:
        """Every version of a text for these clinics ("" for all of them), the newest first."""
        query = (
            select(content_versions)
            .where(
                content_versions.c.kind == kind,
                content_versions.c.key == key,
                content_versions.c.clinic.in_([*clinics]),
                content_versions.c.language == LANGUAGE,
            )
            .order_by(content_versions.c.version.desc(), content_versions.c.at.desc())
        )
        async with self._reading.connect() as connection:
            return [version_of(row) for row in await connection.execute(query)]

    async def standing(self) -> dict[tuple[Kind, str, str], Version]:
        """By kind, key and clinic the version that stands in place of the file."""
        found: dict[tuple[Kind, str, str], Version] = {}
        query = select(content_versions).where(content_versions.c.language == LANGUAGE)
        async with self._reading.connect() as connection:
            rows = await connection.execute(query.order_by(content_versions.c.version))
        for version in map(version_of, rows):
            found[version.kind, version.key, version.clinic] = version
        return {key: version for key, version in found.items() if version.withdrawn_at is None}

    async def save(
        self, kind: Kind, key: str, clinic: str, body: str, *, based_on: int, note: str, entry: Entry
    ) -> int:
        """Keep a text as the newest version, and make it live; its number. `based_on` is the version that was edited, 0 for the file.

        Numbers count on through all clinics, so that a topic and a number name one text. Raises Conflict.
        """
        async with self._engine.begin() as connection:
            await next_number(connection)
            await self._same(connection, kind, key, clinic, based_on)
            newest = await connection.scalar(
                select(func.max(content_versions.c.version)).where(
                    content_versions.c.kind == kind, content_versions.c.key == key
                )
            )
            number = max(newest or 0, self._version_of_file(kind, key)) + 1
            await connection.execute(
                insert(content_versions).values(
                    id=uuid.uuid4().hex,
                    kind=kind,
                    key=key,
                    clinic=clinic,
                    language=LANGUAGE,
                    version=number,
                    body=body,
                    by=entry.actor,
                    at=clock.now(),
                    note=" ".join(note.split())[:LONGEST_NOTE],
                )
            )
            details = {**entry.details, "version": number, "before": based_on}
            await self._audit.record(replace(entry, subject=key, reason=note, details=details), connection)
        await self.told()
        return number

    async def withdraw(self, kind: Kind, key: str, clinic: str, *, based_on: int, entry: Entry) -> None:
        """Let the file's text stand again (for a clinic's own answer, what all clinics say). Raises Conflict."""
        async with self._engine.begin() as connection:
            await next_number(connection)
            await self._same(connection, kind, key, clinic, based_on)
            await connection.execute(
                update(content_versions)
                .where(
                    content_versions.c.kind == kind,
                    content_versions.c.key == key,
                    content_versions.c.clinic == clinic,
                    content_versions.c.language == LANGUAGE,
                    content_versions.c.version == based_on,
                )
                .values(withdrawn_at=clock.now())
            )
            details = {**entry.details, "version": based_on}
            await self._audit.record(replace(entry, subject=key, details=details), connection)
        await self.told()

    def _version_of_file(self, kind: Kind, key: str) -> int:
        return self._live.shipped.answers[key].version if kind == "answer" else 0

    async def _same(
        self, connection: AsyncConnection, kind: Kind, key: str, clinic: str, based_on: int
    ) -> None:
        """Raises Conflict unless what was edited still stands."""
        row = (
            await connection.execute(
                select(content_versions)
                .where(
                    content_versions.c.kind == kind,
                    content_versions.c.key == key,
                    content_versions.c.clinic == clinic,
                    content_versions.c.language == LANGUAGE,
                )
                .order_by(content_versions.c.version.desc())
                .limit(1)
            )
        ).one_or_none()
        standing = version_of(row) if row is not None and row.withdrawn_at is None else None
        if (standing.version if standing else 0) != based_on:
            raise Conflict(standing)

    async def told(self) -> None:
        await self._live.refresh()
        await self._news.tell(NEWS)


async def next_number(connection: AsyncConnection) -> None:
    """One more change: whoever has another number reads again. Two that save at once do it one after the other."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    done = await connection.execute(
        update(content_state).where(content_state.c.id == 1).values(number=content_state.c.number + 1)
    )
    if done.rowcount == 0:
        await connection.execute(insert(content_state).values(id=1, number=1))
