"""The content as it is now: the files, and over them what staff changed in the console, in every process within seconds.

The newest version of a text stands in place of the file's, unless it was withdrawn. A version that cannot be used (it was written to the
database by hand, or the files have changed under it) is left out and told of: the file's text stands, and the service goes on.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import structs
from sqlalchemy import and_, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.content.files import from_yaml, to_yaml
from needlewise.content.library import Library, parts_of
from needlewise.content.model import Answer, Clinic
from needlewise.content.profile import Profile, with_profile
from needlewise.content.render import Place, Renderer
from needlewise.content.signatures import signed_answers
from needlewise.db.news import News
from needlewise.db.tables import content_state, content_versions
from needlewise.errors import ContentError

logger = logging.getLogger(__name__)

NEWS = "content"
POLL_SECONDS = 2
"""How often a process looks for changes; over PostgreSQL it also hears of them at once."""

Kind = Literal["answer", "clinic"]
LANGUAGE = "en"
"""The only language that answers have so far."""


@dataclass(frozen=True)
class Version:
    """One row of content_versions: a text as it was saved. `clinic` is empty where it holds for every clinic."""

    id: str
    kind: Kind
    key: str
    clinic: str
    language: str
    version: int
    body: str
    by: str
    at: datetime
    note: str
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class Fault:
    """A version that is not used, and why not."""

    kind: Kind
    key: str
    clinic: str
    version: int
    why: str


class LiveContent:
    """Keeps a library in step with the database. `shipped` is what the files hold."""

    def __init__(self, engine: AsyncEngine, library: Library, news: News) -> None:
        self._engine = engine
        self._library = library
        self._is_read = library.signed is None  # the files name no signature
        self.shipped = replace(library)
        self.faults: tuple[Fault, ...] = ()
        self._stirred = asyncio.Event()
        news.hear(NEWS, lambda _: self.wake())

    async def refresh(self) -> bool:
        """Read what has changed since; whether anything had. Raises SQLAlchemyError where the database cannot be read."""
        async with self._engine.connect() as connection:
            # The number first: what is saved between the two reads is then read again.
            number = await connection.scalar(select(content_state.c.number)) or 0
            if number == self._library.number and self._is_read:
                return False
            rows = (await connection.execute(_standing())).all()
            overlaid, self.faults = overlay(self.shipped, map(version_of, rows), number=number)
            if overlaid.signed is not None:
                overlaid = replace(overlaid, signed=await signed_answers(connection, overlaid))
        self._is_read = True
        for fault in self.faults:
            logger.error(
                "version %d of %s %s is not used: %s", fault.version, fault.kind, fault.key, fault.why
            )
        self._library.become(overlaid)
        return True

    def wake(self) -> None:
        """Have `follow` look at once: something has changed, or the service stops."""
        self._stirred.set()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Refresh whenever something changes, until the service stops. A database that is away is asked again."""
        while not stopping.is_set():
            try:
                await self.refresh()
            except (SQLAlchemyError, OSError) as error:
                logger.error("changes of content were not read: %s", type(error).__name__)
            await clock.is_set(self._stirred, within=POLL_SECONDS)
            self._stirred.clear()


def overlay(
    shipped: Library, versions: Iterable[Version], *, number: int
) -> tuple[Library, tuple[Fault, ...]]:
    """The files' content with these versions over it, and those that cannot be used. Raises nothing."""
    library = replace(
        shipped,
        answers=dict(shipped.answers),
        clinics=dict(shipped.clinics),
        own_answers={},
        number=number,
    )
    faults = []
    # Clinics first: an answer is then tried with the settings that patients see in it.
    for version in sorted(versions, key=lambda one: (one.kind != "clinic", one.clinic, one.key)):
        try:
            library = _with(library, version)
        except Exception as error:
            # Whatever is wrong with one row, patients get the file's text.
            why = str(error) if isinstance(error, ContentError) else type(error).__name__
            faults.append(Fault(version.kind, version.key, version.clinic, version.version, why))
    return library, tuple(faults)


def read_answer(version: Version) -> Answer:
    """The answer that a version holds. Raises ContentError."""
    answer = from_yaml(version.body, Answer, Path(f"{version.key}.yml"))
    if answer.topic != version.key:
        raise ContentError(f"the topic is {answer.topic}, the row says {version.key}")
    return structs.replace(answer, version=version.version)


def read_profile(version: Version) -> Profile:
    """The settings that a version holds. Raises ContentError."""
    return from_yaml(version.body, Profile, Path(f"{version.key}.yml"))


def _with(library: Library, version: Version) -> Library:
    if version.clinic and version.clinic not in library.clinics:
        return library  # another deployment over this database serves it
    if version.kind == "clinic":
        profile = checked(with_profile(library.clinics[version.key], read_profile(version)))
        changed = replace(library, clinics={**library.clinics, version.key: profile})
        for topic in changed.answers:
            try_answer(topic, [profile], changed)
        return changed
    if version.key not in library.answers:
        raise ContentError(f"content/answers has no topic {version.key}")
    answer = read_answer(version)
    if version.clinic:
        changed = replace(library, own_answers={**library.own_answers, (version.clinic, version.key): answer})
        try_answer(version.key, [library.clinics[version.clinic]], changed)
    else:
        changed = replace(library, answers={**library.answers, version.key: answer})
        try_answer(version.key, library.clinics.values(), changed)
    return changed


def checked(clinic: Clinic) -> Clinic:
    """A clinic that was put together, as the file's reader would take it. Raises ContentError."""
    return from_yaml(to_yaml(clinic), Clinic, Path(f"{clinic.clinic}.yml"))


def try_answer(topic: str, clinics: Iterable[Clinic], library: Library) -> None:
    """Render every part of an answer for these clinics on every channel. Raises what rendering raises."""
    renderer = Renderer(replace(library, signed=None))
    for clinic in clinics:
        for channel in ("web", "sms"):
            for part in parts_of(library.answer(topic, clinic.clinic)):
                renderer.answer(topic, Place(clinic, channel), part=part)


def _standing() -> Any:
    """The newest version of each text, where it was not withdrawn."""
    key = (
        content_versions.c.kind,
        content_versions.c.key,
        content_versions.c.clinic,
        content_versions.c.language,
    )
    newest = select(*key, func.max(content_versions.c.version).label("version")).group_by(*key).subquery()
    same = and_(
        *(column == newest.c[column.name] for column in key), content_versions.c.version == newest.c.version
    )
    return (
        select(content_versions)
        .join(newest, same)
        .where(content_versions.c.withdrawn_at.is_(None), content_versions.c.language == LANGUAGE)
    )


def version_of(row: Any) -> Version:
    """A row of content_versions."""
    return Version(
        row.id, row.kind, row.key, row.clinic, row.language, row.version, row.body, row.by, row.at, row.note,
        row.withdrawn_at,
    )  # fmt: skip
