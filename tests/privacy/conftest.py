"""Services over a database of their own, without a model: what is kept is written by hand. Time stands still until a test moves it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from needlewise import clock, wiring
from needlewise.content.library import Library
from needlewise.db.engine import migrate
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]


@dataclass
class Time:
    """What the clock says."""

    at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def pass_(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.at)
    return time


@pytest.fixture(scope="session")
def library(base_settings: Settings) -> Library:
    return wiring.build(base_settings).library


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "test.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest_asyncio.fixture
async def services(
    settings: Settings, migrated: Path, library: Library, time: Time
) -> AsyncIterator[Services]:
    """Over SQLite."""
    shutil.copy(migrated, settings.database_url.removeprefix("sqlite:///"))
    async for services in _opened(settings, library):
        yield services


@pytest_asyncio.fixture
async def on_postgres(
    base_settings: Settings, postgres: Postgres, library: Library, time: Time
) -> AsyncIterator[Services]:
    """Over a real PostgreSQL."""
    settings = replace(base_settings, database_url=postgres.new_database())
    await asyncio.to_thread(migrate, settings.database_url)
    async for services in _opened(settings, library):
        yield services


async def _opened(settings: Settings, library: Library) -> AsyncIterator[Services]:
    services = Services(settings)
    services.__dict__["library"] = library
    wiring.use(services)
    yield services
    await services.locks.close()
    await services.reading.dispose()
    await services.engine.dispose()
