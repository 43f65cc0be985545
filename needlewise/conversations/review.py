"""What staff do with a conversation. Each deed and its audit row are one transaction."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.conversations.listing import load_people
from needlewise.conversations.transcripts import NotThere
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.sealing import Seal
from needlewise.db.tables import conversation_tags, conversations, notes
from needlewise.errors import NeedlewiseError

LONGEST_NOTE = 4000
LONGEST_TAG = 40
MOST_TAGS = 20
"""Of one conversation."""

_NOT_IN_A_TAG = re.compile(r"[^\w &+.-]|_")


def plain_tag(typed: str) -> str:
    """A tag as it is kept: small letters, digits, spaces and - & + . between them. Raises NeedlewiseError when nothing is left."""
    tag = " ".join(_NOT_IN_A_TAG.sub(" ", typed).casefold().split()).strip("-&+. ")
    if not tag:
        raise NeedlewiseError("a tag is a word or two, such as: insurance, call again")
    if len(tag) > LONGEST_TAG:
        raise NeedlewiseError(f"a tag has at most {LONGEST_TAG} characters")
    return tag


class Review:
    """Notes, tags, assignment, flags and the review itself.

    Every method raises NotThere for a conversation that is not at one of `clinics`, and completes the audit row with the conversation
    and its clinic.
    """

    def __init__(self, engine: AsyncEngine, seal: Seal, audit: AuditLog) -> None:
        self._engine = engine
        self._seal = seal
        self._audit = audit

    async def note(
        self, conversation: str, clinics: Collection[str], entry: Entry, *, author: str, body: str
    ) -> str:
        """Keep a note, whose id is returned. Raises NeedlewiseError when it is empty or longer than LONGEST_NOTE."""
        text = body.strip().replace("\x00", "")
        if not text or len(text) > LONGEST_NOTE:
            raise NeedlewiseError(f"a note has 1 to {LONGEST_NOTE} characters")
        identity = uuid4().hex
        async with self._deed(conversation, clinics, entry, {"note": identity}) as (connection, clinic):
            await connection.execute(
                insert(notes).values(
                    id=identity,
                    conversation=conversation,
                    clinic=clinic,
                    author=author,
                    at=clock.now(),
                    body_sealed=self._seal.seal(text.encode("utf-8", "replace")),
                )
            )
        return identity

    async def tag(self, conversation: str, clinics: Collection[str], entry: Entry, *, tag: str) -> str:
        """Add a tag, once, in the form that is returned. Raises NeedlewiseError when it is none, or one too many."""
        plain = plain_tag(tag)
        async with self._deed(conversation, clinics, entry, {"tag": plain}) as (connection, clinic):
            others = await connection.scalar(
                select(func.count()).where(
                    conversation_tags.c.conversation == conversation, conversation_tags.c.tag != plain
                )
            )
            if others >= MOST_TAGS:
                raise NeedlewiseError(f"a conversation has at most {MOST_TAGS} tags: take one away first")
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            await connection.execute(
                dialect.insert(conversation_tags)
                .values(conversation=conversation, tag=plain, clinic=clinic)
                .on_conflict_do_nothing()
            )
        return plain

    async def untag(self, conversation: str, clinics: Collection[str], entry: Entry, *, tag: str) -> None:
        """Take a tag away, if it is there."""
        async with self._deed(conversation, clinics, entry, {"tag": tag}) as (connection, _):
            await connection.execute(
                delete(conversation_tags).where(
                    conversation_tags.c.conversation == conversation, conversation_tags.c.tag == tag
                )
            )

    async def assign(
        self, conversation: str, clinics: Collection[str], entry: Entry, *, to: str | None
    ) -> None:
        """Give it to a member of staff, by id, or to nobody. Raises NeedlewiseError for whoever cannot read it."""
        async with self._deed(conversation, clinics, entry, {"to": to}) as (connection, clinic):
            if to is not None and to not in {one.id for one in await load_people(connection, [clinic])}:
                raise NeedlewiseError("this person does not read conversations of this clinic")
            await self._set(connection, conversation, assigned_to=to)

    async def flag(self, conversation: str, clinics: Collection[str], entry: Entry, *, on: bool) -> None:
        """Set a flag for the others to see, or take it away."""
        async with self._deed(conversation, clinics, entry, {"flag": on}) as (connection, _):
            await self._set(connection, conversation, flagged_at=clock.now() if on else None)

    async def mark_reviewed(
        self, conversation: str, clinics: Collection[str], entry: Entry, *, by: str, heard: int | None = None
    ) -> bool:
        """Say that somebody has read it. False, and nothing is done, when the patient has written since.

        `heard` is how many messages of the patient the reviewer saw (Listed.heard); None takes it as it is.
        """
        details: dict[str, object] = {} if heard is None else {"heard": heard}
        async with self._deed(conversation, clinics, entry, details) as (connection, _):
            seen = [conversations.c.heard == heard] if heard is not None else []
            done = await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation, *seen)
                .values(reviewed_at=clock.now(), reviewed_by=by)
            )
            if not done.rowcount:
                details["done"] = False
        return bool(done.rowcount)

    async def mark_unreviewed(self, conversation: str, clinics: Collection[str], entry: Entry) -> None:
        """Take the review back."""
        async with self._deed(conversation, clinics, entry, {"reviewed": False}) as (connection, _):
            await self._set(connection, conversation, reviewed_at=None, reviewed_by=None)

    @asynccontextmanager
    async def _deed(
        self, conversation: str, clinics: Collection[str], entry: Entry, details: Mapping[str, object]
    ) -> AsyncIterator[tuple[AsyncConnection, str]]:
        """A transaction in which something is done with a conversation; its clinic. The audit row comes last."""
        async with self._engine.begin() as connection:
            clinic = await connection.scalar(
                select(conversations.c.clinic).where(conversations.c.id == conversation)
            )
            if clinic is None or clinic not in clinics:
                raise NotThere("there is no such conversation")
            yield connection, clinic
            row = replace(entry, clinic=clinic, subject=conversation, details={**entry.details, **details})
            await self._audit.record(row, connection)

    async def _set(self, connection: AsyncConnection, conversation: str, **values: object) -> None:
        await connection.execute(
            update(conversations).where(conversations.c.id == conversation).values(**values)
        )


async def count_unreviewed(reading: AsyncEngine, clinics: Collection[str]) -> int:
    """How many conversations of these clinics, in which a patient said something, nobody has reviewed."""
    its = conversations.c
    query = select(func.count()).where(its.clinic.in_(clinics), its.heard > 0, its.reviewed_at.is_(None))
    async with reading.connect() as connection:
        return int(await connection.scalar(query))
