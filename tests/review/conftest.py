"""The review side of the log over both databases. Time goes on by a minute with each look at the clock."""

import shutil
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, delete, insert, text

from needlewise import clock
from needlewise.conversations.filters import Filters, parse_filters
from needlewise.conversations.listing import Listing
from needlewise.db.engine import migrate
from needlewise.db.tables import metadata, staff, staff_roles
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]

BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""A Monday at 10 in the morning in New York."""
ZONES = {"demo": ZoneInfo("America/New_York"), "west": ZoneInfo("America/Los_Angeles")}


@dataclass
class Time:
    """What the clock says at its next look."""

    at: datetime = BEGAN

    def look(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", time.look)
    return time


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "test.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_server(postgres: Postgres) -> str:
    address = postgres.new_database()
    migrate(address)
    return address


@pytest.fixture
def on_sqlite(base_settings: Settings, empty_file: Path, tmp_path: Path) -> Settings:
    path = tmp_path / "test.db"
    shutil.copy(empty_file, path)
    return replace(base_settings, database_url=f"sqlite:///{path}")


@pytest.fixture
def on_postgresql(base_settings: Settings, empty_server: str) -> Iterator[Settings]:
    yield replace(base_settings, database_url=empty_server)
    engine = create_engine(empty_server)
    with engine.begin() as connection:
        # Without triggers and foreign keys: faster than an empty database for each test.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in metadata.tables.values():
            connection.execute(delete(table))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> Settings:
    settings: Settings = request.getfixturevalue(f"on_{request.param}")
    return settings


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = Services(settings)
    services.__dict__["listing"] = Listing(services.reading, ZONES.__getitem__)
    yield services
    await services.reading.dispose()
    await services.engine.dispose()


@pytest.fixture
def looking(services: Services) -> "Looking":
    return Looking(services)


@dataclass
class Looking:
    """Somebody with a role at the made-up clinic, in front of the list."""

    services: Services

    async def sees(
        self, filters: Filters | None = None, *, clinics: Collection[str] = ("demo",), **given: str
    ) -> list[str]:
        """Ids of what passes the filters, newest first; they may be given as in the URL."""
        chosen = filters or read(**given)
        page = await self.services.listing.rows(chosen, clinics, me="me1")
        return [row.id for row in page.rows]


def read(**given: str) -> Filters:
    """Filters as in the URL; `from` is written from_."""
    parsed = parse_filters({name.rstrip("_"): value for name, value in given.items()})
    assert parsed.errors == ()
    return parsed.filters


async def add_staff(services: Services, identity: str, *roles: str, clinic: str = "demo") -> None:
    """A member of staff, named after the id."""
    async with services.engine.begin() as connection:
        await connection.execute(insert(staff).values(id=identity, name=identity, created_at=BEGAN))
        for role in roles:
            await connection.execute(insert(staff_roles).values(staff=identity, clinic=clinic, role=role))
