"""Filters that a member of staff keeps under a name."""

from dataclasses import dataclass, replace
from uuid import uuid4

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.conversations.filters import LONGEST_QUERY, parse_query
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.tables import saved_views
from needlewise.errors import NeedlewiseError

LONGEST_NAME = 60
MOST_VIEWS = 40


@dataclass(frozen=True)
class SavedView:
    """One of somebody's views; `query` is as in the URL of the list."""

    id: str
    name: str
    query: str


class SavedViews:
    """Everybody's own. Each change writes its audit row in its transaction."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, audit: AuditLog) -> None:
        self._engine = engine
        self._reading = reading
        self._audit = audit

    async def of(self, staff: str) -> tuple[SavedView, ...]:
        """Somebody's views, by name."""
        query = select(saved_views).where(saved_views.c.staff == staff).order_by(saved_views.c.name)
        async with self._reading.connect() as connection:
            return tuple(SavedView(row.id, row.name, row.query) for row in await connection.execute(query))

    async def save(self, staff: str, name: str, query: str, entry: Entry) -> SavedView:
        """Keep filters under a name; what had that name is replaced. Words that were searched for are not kept.

        Raises NeedlewiseError for a name that is none, and one view too many.
        """
        plain = " ".join(name.replace("\x00", " ").split())
        if not plain or len(plain) > LONGEST_NAME:
            raise NeedlewiseError(f"the name of a view has 1 to {LONGEST_NAME} characters")
        kept = replace(parse_query(query), words="").query()[:LONGEST_QUERY]
        view = SavedView(uuid4().hex, plain, kept)
        mine = saved_views.c.staff == staff
        async with self._engine.begin() as connection:
            await connection.execute(delete(saved_views).where(mine, saved_views.c.name == plain))
            if await connection.scalar(select(func.count()).where(mine)) >= MOST_VIEWS:
                raise NeedlewiseError(f"you have {MOST_VIEWS} views, which is the most: delete one first")
            await connection.execute(
                insert(saved_views).values(
                    id=view.id, staff=staff, name=plain, query=kept, created_at=clock.now()
                )
            )
            await self._audit.record(replace(entry, subject=view.id), connection)
        return view

    async def delete(self, staff: str, view: str, entry: Entry) -> None:
        """Delete one of somebody's own views, if it is there."""
        async with self._engine.begin() as connection:
            await connection.execute(
                delete(saved_views).where(saved_views.c.id == view, saved_views.c.staff == staff)
            )
            await self._audit.record(replace(entry, subject=view), connection)
