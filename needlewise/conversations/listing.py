"""The staff's list of conversations: filtered, newest first, a page at a time.

Everything that is filtered by stands in one index (ix_conversations_listed), in the order of the list. A page is found by going down
that index; what a filter must look up elsewhere (topics, tags, words) is found first and asked for by id. So a list costs the same in SQLite
whatever is filtered by, and PostgreSQL, which knows how often each value occurs, has the choice.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, literal_column, or_, select, tuple_
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from needlewise.conversations.filters import ME, NOBODY, SAFETY, Filters
from needlewise.conversations.search import found_by, parse_search
from needlewise.db.tables import (
    conversation_tags,
    conversation_topics,
    conversations,
    messages,
    staff,
    staff_roles,
)

MOST_COUNTED = 1000
LONGEST_FIRST_WORDS = 160
_MOST_TAGS = 200
_READ = ("reader", "reviewer", "clinician")
"""Roles with which conversations are read (console.roles)."""
_STEP = timedelta(days=1)


@dataclass(frozen=True)
class Person:
    """A member of staff."""

    id: str
    name: str


@dataclass(frozen=True)
class Listed:
    """One conversation, as the list shows it."""

    id: str
    clinic: str
    channel: str
    language: str
    started_at: datetime
    last_at: datetime
    first_words: str | None
    """What the patient wrote first, redacted and cut; None while that is being prepared, or once it was erased."""
    is_erased: bool
    """Its words are gone: the patient asked for it, or retention took them."""
    heard: int
    """Messages of the patient."""
    topics: tuple[str, ...]
    tags: tuple[str, ...]
    outcome: str | None
    request: str | None
    """The newest request that was sent: visit, exam or callback."""
    safety: str | None
    """The gravest level that triage found."""
    declined: int
    unsure: int
    confidence: float | None
    """Of the message that was understood least surely, from 0 to 1."""
    thumbs_up: int
    thumbs_down: int
    asked_person: bool
    opted_out: bool
    reviewed_at: datetime | None
    reviewed_by: Person | None
    assigned_to: Person | None
    flagged_at: datetime | None
    held_at: datetime | None
    """A legal hold: nothing of it is purged."""
    live_by: Person | None
    """Who of the staff speaks in it now."""

    @property
    def cursor(self) -> str:
        """Its place in the list: `after` or `than` of a later question."""
        return f"{self.last_at.isoformat()}~{self.id}"


@dataclass(frozen=True)
class Count:
    """How many there are, counted up to MOST_COUNTED."""

    number: int
    is_more: bool

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_more else ''}"


@dataclass(frozen=True)
class Page:
    """Some rows, newest first."""

    rows: tuple[Listed, ...]
    older: str | None
    """The cursor after which the list goes on; None at its end."""
    count: Count | None = None
    """How many there are in all; said with the first page."""


class Listing:
    """Reads the list. Only of the clinics it is asked for, and only conversations in which a patient said something."""

    def __init__(self, reading: AsyncEngine, zone: Callable[[str], ZoneInfo]) -> None:
        """`zone` gives a clinic's time zone, in which the days of a filter begin and end."""
        self._reading = reading
        self._zone = zone

    async def rows(
        self,
        filters: Filters,
        clinics: Collection[str],
        *,
        me: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> Page:
        """The newest conversations that pass the filters, after a cursor when one is given; `me` is who asks.

        A cursor that is none begins at the top; there the page says how many there are in all.
        """
        where, place = self._where(filters, clinics, me), _place(after)
        if where is None:
            return Page((), None, None if place else _counted(0))
        if place is not None:
            where.append(tuple_(conversations.c.last_at, conversations.c.id) < place)
        async with self._reading.connect() as connection:
            # Counted on the same way down the index: a filter that few pass goes down all of it.
            ids = await self._ids(connection, where, limit + 1 if place else max(limit, MOST_COUNTED) + 1)
            rows = await load_listed(connection, ids[:limit])
        older = rows[-1].cursor if len(ids) > limit and rows else None
        return Page(rows, older, None if place else _counted(len(ids)))

    async def newer(
        self, filters: Filters, clinics: Collection[str], *, than: str, me: str = "", limit: int = 50
    ) -> tuple[Listed, ...]:
        """What came on top of a row of the list since, newest first; the newest `limit` of it."""
        where, place = self._where(filters, clinics, me), _place(than)
        if where is None or place is None:
            return ()
        where.append(tuple_(conversations.c.last_at, conversations.c.id) > place)
        async with self._reading.connect() as connection:
            return await load_listed(connection, await self._ids(connection, where, limit))

    async def some(self, ids: Sequence[str], clinics: Collection[str]) -> tuple[Listed, ...]:
        """These conversations, in this order, as far as they exist at the clinics."""
        async with self._reading.connect() as connection:
            return tuple(row for row in await load_listed(connection, ids) if row.clinic in clinics)

    async def count(self, filters: Filters, clinics: Collection[str], *, me: str = "") -> Count:
        """How many conversations pass the filters, as far as it is worth counting."""
        where = self._where(filters, clinics, me)
        if where is None:
            return _counted(0)
        some = select(conversations.c.last_at).where(*where).order_by(*_NEWEST_FIRST).limit(MOST_COUNTED + 1)
        async with self._reading.connect() as connection:
            number = int(await connection.scalar(select(func.count()).select_from(some.subquery())))
        return _counted(number)

    async def tags(self, clinics: Collection[str]) -> tuple[str, ...]:
        """The tags in use, by name."""
        query = (
            select(conversation_tags.c.tag)
            .where(conversation_tags.c.clinic.in_(clinics))
            .distinct()
            .order_by(conversation_tags.c.tag)
            .limit(_MOST_TAGS)
        )
        async with self._reading.connect() as connection:
            return tuple((await connection.execute(query)).scalars())

    async def people(self, clinics: Collection[str]) -> tuple[Person, ...]:
        """Who may be given a conversation at one of these clinics: everybody who reads them there, by name."""
        async with self._reading.connect() as connection:
            return await load_people(connection, clinics)

    async def _ids(
        self, connection: AsyncConnection, where: Sequence[ColumnElement[bool]], limit: int
    ) -> list[str]:
        query = select(conversations.c.id).where(*where).order_by(*_NEWEST_FIRST).limit(limit)
        return [row.id for row in await connection.execute(query)]

    def _where(self, filters: Filters, clinics: Collection[str], me: str) -> list[ColumnElement[bool]] | None:
        """The conditions, all of which hold; None where nothing can pass."""
        asked = [clinic for clinic in sorted(clinics) if filters.clinic in ("", clinic)]
        search = parse_search(filters.words)
        if not asked or (filters.words and not search.terms):
            return None
        dialect = self._reading.dialect.name
        where = [conversations.c.clinic.in_(asked), conversations.c.heard > 0, *_of_columns(filters, me)]
        if filters.since or filters.until:
            where.append(self._days(filters, asked))
        if filters.topic:
            where.append(_has(conversation_topics, "topic", filters.topic, asked, dialect))
        if filters.tag:
            where.append(_has(conversation_tags, "tag", filters.tag, asked, dialect))
        if search.terms:
            where.append(found_by(search, dialect))
        return where

    def _days(self, filters: Filters, clinics: Sequence[str]) -> ColumnElement[bool]:
        """From the beginning of the first day to the end of the last, where each clinic is."""
        zones: dict[ZoneInfo, list[str]] = {}
        for clinic in clinics:
            zones.setdefault(self._zone(clinic), []).append(clinic)
        spans: list[ColumnElement[bool]] = []
        for zone, its_clinics in zones.items():
            span: list[ColumnElement[bool]] = []
            if filters.since:
                span.append(conversations.c.last_at >= datetime.combine(filters.since, time(), zone))
            if filters.until:
                end = datetime.combine(filters.until, time(), zone) + _STEP
                span.append(conversations.c.last_at < end)
            if len(zones) > 1:
                span.append(conversations.c.clinic.in_(its_clinics))
            spans.append(and_(*span))
        return or_(*spans)


def _counted(number: int) -> Count:
    return Count(min(number, MOST_COUNTED), is_more=number > MOST_COUNTED)


_NEWEST_FIRST = (conversations.c.last_at.desc(), conversations.c.id.desc())


def _of_columns(filters: Filters, me: str) -> list[ColumnElement[bool]]:
    """Conditions on the conversation's own row."""
    its = conversations.c
    conditions: Mapping[str, tuple[bool, ColumnElement[bool]]] = {
        "channel": (bool(filters.channel), its.channel == filters.channel),
        "outcome": (bool(filters.outcome), its.outcome == filters.outcome),
        "safety": (bool(filters.safety), its.safety.in_(SAFETY.get(filters.safety, ()))),
        "missed": (filters.missed, or_(its.declined > 0, its.unsure > 0)),
        "below": (filters.below is not None, its.confidence < (filters.below or 0) / 100),
        "thumbs_down": (filters.thumbs_down, its.thumbs_down > 0),
        "person": (filters.person, its.asked_person.is_(True)),
        "requested": (filters.requested, its.request.is_not(None)),
        "stopped": (filters.stopped, its.opted_out.is_(True)),
        "unreviewed": (filters.unreviewed, its.reviewed_at.is_(None)),
        "flagged": (filters.flagged, its.flagged_at.is_not(None)),
        "live": (filters.live, its.live_by.is_not(None)),
        "nobody": (filters.assigned == NOBODY, its.assigned_to.is_(None)),
        "somebody": (
            filters.assigned not in ("", NOBODY),
            its.assigned_to == (me if filters.assigned == ME else filters.assigned),
        ),
    }
    return [condition for is_asked, condition in conditions.values() if is_asked]


def _has(table: Any, column: str, value: str, clinics: Sequence[str], dialect: str) -> ColumnElement[bool]:
    found = select(table.c.conversation).where(table.c.clinic.in_(clinics), table.c[column] == value)
    # SQLite would fetch every one of thousands of rows by its key, and sort them; a plus says not to. PostgreSQL knows better.
    key: Any = literal_column("+conversations.id") if dialect == "sqlite" else conversations.c.id
    condition: ColumnElement[bool] = key.in_(found)
    return condition


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    at, _, identity = (cursor or "").partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, identity[:32]) if moment.tzinfo else None


_COLUMNS = [column for column in conversations.c if column.name not in ("state_sealed", "token_hash")]


async def load_listed(connection: AsyncConnection, ids: Sequence[str]) -> tuple[Listed, ...]:
    """Rows of the list by id, in this order; ids that do not exist are left out."""
    if not ids:
        return ()
    found = await connection.execute(select(*_COLUMNS).where(conversations.c.id.in_(ids)))
    rows = {row.id: row for row in found}
    topics = await _grouped(connection, conversation_topics, conversation_topics.c.topic, ids)
    tags = await _grouped(connection, conversation_tags, conversation_tags.c.tag, ids)
    first = await _first_words(connection, ids)
    people = await load_names(
        connection,
        {value for row in rows.values() for value in (row.reviewed_by, row.assigned_to, row.live_by)},
    )
    return tuple(
        _listed(rows[one], first.get(one), topics.get(one, ()), tags.get(one, ()), people)
        for one in ids
        if one in rows
    )


async def load_names(connection: AsyncConnection, ids: Collection[str | None]) -> Mapping[str, Person]:
    """Members of staff by id."""
    known = {identity for identity in ids if identity is not None}
    if not known:
        return {}
    query = select(staff.c.id, staff.c.name).where(staff.c.id.in_(known))
    return {row.id: Person(row.id, row.name) for row in await connection.execute(query)}


async def load_people(connection: AsyncConnection, clinics: Collection[str]) -> tuple[Person, ...]:
    """Whoever has a role with which conversations are read at one of the clinics, by name."""
    query = (
        select(staff.c.id, staff.c.name)
        .join(staff_roles, staff_roles.c.staff == staff.c.id)
        .where(
            staff_roles.c.clinic.in_(clinics),
            staff_roles.c.role.in_(_READ),
            staff.c.disabled_at.is_(None),
        )
        .distinct()
        .order_by(staff.c.name)
    )
    return tuple(Person(row.id, row.name) for row in await connection.execute(query))


async def _grouped(
    connection: AsyncConnection, table: Any, value: Any, ids: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    query = select(table.c.conversation, value).where(table.c.conversation.in_(ids)).order_by(value)
    found: dict[str, list[str]] = {}
    for conversation, one in await connection.execute(query):
        found.setdefault(conversation, []).append(one)
    return {conversation: tuple(values) for conversation, values in found.items()}


async def _first_words(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, str]:
    first = (
        select(messages.c.conversation, func.min(messages.c.position).label("position"))
        .where(messages.c.conversation.in_(ids), messages.c.direction == "in")
        .group_by(messages.c.conversation)
        .subquery()
    )
    query = select(messages.c.conversation, messages.c.redacted).join(
        first,
        and_(messages.c.conversation == first.c.conversation, messages.c.position == first.c.position),
    )
    return {
        row.conversation: " ".join(row.redacted.split())[:LONGEST_FIRST_WORDS]
        for row in await connection.execute(query)
        if row.redacted is not None
    }


def _listed(
    row: Row,
    first: str | None,
    topics: tuple[str, ...],
    tags: tuple[str, ...],
    people: Mapping[str, Person],
) -> Listed:
    return Listed(
        id=row.id,
        clinic=row.clinic,
        channel=row.channel,
        language=row.language,
        started_at=row.started_at,
        last_at=row.last_at,
        first_words=first,
        is_erased=row.forgotten_at is not None or row.erased_at is not None,
        heard=row.heard,
        topics=topics,
        tags=tags,
        outcome=row.outcome,
        request=row.request,
        safety=row.safety,
        declined=row.declined,
        unsure=row.unsure,
        confidence=row.confidence,
        thumbs_up=row.thumbs_up,
        thumbs_down=row.thumbs_down,
        asked_person=row.asked_person,
        opted_out=row.opted_out,
        reviewed_at=row.reviewed_at,
        reviewed_by=people.get(row.reviewed_by or ""),
        assigned_to=people.get(row.assigned_to or ""),
        flagged_at=row.flagged_at,
        held_at=row.held_at,
        live_by=people.get(row.live_by or ""),
    )
