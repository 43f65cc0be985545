"""The console's routes alone over a database of its own: no model is loaded. Time stands still until a test moves it."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from starlette.applications import Starlette

from needlewise import clock, wiring
from needlewise.console.passwords import Passwords
from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.content.library import Library
from needlewise.db.engine import migrate
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.console.person import AddPerson, Browser, OpenBrowser, Person, add_person


@dataclass
class Time:
    """What the clock says."""

    at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def pass_(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.at)
    return time


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, up to date: a copy takes no time."""
    path = tmp_path_factory.mktemp("migrated") / "test.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def library(base_settings: Settings) -> Library:
    return wiring.build(base_settings).library


@pytest.fixture
def services(settings: Settings, migrated: Path, library: Library) -> Services:
    """Services over an empty, migrated database. The content, which the console only reads, is loaded once."""
    shutil.copy(migrated, settings.database_url.removeprefix("sqlite:///"))
    services = Services(settings)
    # A copy of its own: what one test saves, no other reads.
    services.__dict__["library"] = replace(library)
    wiring.use(services)
    return services


@pytest_asyncio.fixture
async def site(services: Services) -> AsyncIterator[Site]:
    # Weak on purpose: what a hash costs is not what these tests are about.
    yield Site(services, passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    await services.engine.dispose()


@pytest.fixture
def console(site: Site) -> Starlette:
    return Starlette(routes=site.routes())


@pytest_asyncio.fixture
async def browser(console: Starlette) -> AsyncIterator[OpenBrowser]:
    """Opens browsers, each with its own cookies."""
    opened: list[Browser] = []

    def open_browser(address: str = "198.51.100.7", base: str = "https://staff.test") -> Browser:
        opened.append(Browser(console, address=address, base=base))
        return opened[-1]

    yield open_browser
    for one in opened:
        await one.client.aclose()


@pytest_asyncio.fixture
async def person(site: Site, browser: OpenBrowser) -> AddPerson:
    """Adds somebody who has chosen a password and a second factor, signed in on a browser of their own unless told."""

    async def add(name: str = "maria", *roles: Role, clinic: str = "demo", signed_in: bool = True) -> Person:
        person = await add_person(site, browser(), name, {clinic: roles or (Role.READER,)})
        if not signed_in:
            await person.browser.post("/staff/sign-out")
        return person

    return add
