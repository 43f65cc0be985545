"""A database and a folder of models of their own, for tests of candidates; their models are never loaded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import insert

from needlewise import clock
from needlewise.db.audit import Entry
from needlewise.db.engine import migrate
from needlewise.db.tables import examples
from needlewise.settings import Settings
from needlewise.teaching.candidates import Candidates, file_name
from needlewise.teaching.replay import Decision, Line, Report, Right
from needlewise.wiring import Services

BY = Entry("edith", "candidate/test", clinic="")
REPORT = Report(
    None,
    (
        Line(
            "corrected",
            "",
            Decision(("cost",)),
            Decision(("insurance",)),
            Right(("insurance",)),
        ),
    ),
    (),
    safety_checked=1,
)


@dataclass
class Time:
    at: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def pass_(self, by: timedelta) -> None:
        self.at += by


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.at)
    return time


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """An empty database, and a folder of models of our own."""
    settings = replace(settings, var=tmp_path / "var")
    settings.models.mkdir(parents=True)
    migrate(settings.database_url)
    return settings


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = Services(settings)
    yield services
    await services.engine.dispose()


@pytest.fixture
def candidates(services: Services) -> Candidates:
    candidates = services.candidates
    candidates._fingerprint = lambda: "of these files"
    return candidates


async def accept(services: Services, *ids: str) -> None:
    async with services.engine.begin() as connection:
        for identity in ids:
            await connection.execute(
                insert(examples).values(
                    id=identity,
                    clinic="demo",
                    intent="does_it_hurt",
                    text=f"is it like {identity}",
                    state="accepted",
                    created_at=clock.now(),
                )
            )


async def ready(services: Services, *ids: str) -> str:
    """A candidate whose replay has run, with these new examples."""
    await accept(services, *ids)
    candidate = (await services.candidates.begin(BY)).id
    (services.settings.models / file_name(candidate)).write_bytes(b"a model")
    await services.candidates.trained(candidate, file_name(candidate), "of these files")
    assert await services.candidates.ready(candidate, REPORT)
    return candidate
