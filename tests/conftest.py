"""One trained model and one set of services for the whole run; every test that stores something has a database of its own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from needlewise.logs import quiet_libraries

quiet_libraries()

from needlewise import wiring  # noqa: E402  (after the libraries were told to be quiet)
from needlewise.dialogue.turn import Turns  # noqa: E402
from needlewise.settings import Settings, read_settings  # noqa: E402
from needlewise.wiring import Services  # noqa: E402

ROOT = Path(__file__).parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Parts of Rasa set uvloop's policy when they are imported; under it the tests' own loops cannot start a browser."""
    if not isinstance(asyncio.get_event_loop_policy(), asyncio.DefaultEventLoopPolicy):
        asyncio.set_event_loop_policy(None)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the network fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a test reached for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def base_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a deployment of its own, with the model that `needlewise train` made."""
    var = tmp_path_factory.mktemp("var")
    os.symlink(read_settings({}).models, var / "models")
    return read_settings({"NEEDLEWISE_VAR": str(var)})


@pytest.fixture(scope="session")
def turns(base_settings: Settings) -> Turns:
    """The loaded assistant. Loading takes seconds, so it is shared; it holds no conversation."""
    services = wiring.build(base_settings)
    wiring.use(services)
    return services.load_turns()


@pytest.fixture
def settings(base_settings: Settings, tmp_path: Path) -> Settings:
    return replace(base_settings, database_url=f"sqlite:///{tmp_path / 'test.db'}")


@pytest.fixture
def services(settings: Settings) -> Services:
    """Services over an empty, migrated database."""
    from needlewise.db.engine import migrate

    services = wiring.build(settings)
    migrate(settings.database_url)
    wiring.use(services)
    return services


@pytest_asyncio.fixture
async def app(settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starlette]:
    """The running application with the shared model."""
    from needlewise.app import create_app

    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            async with asyncio.timeout(30):
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.01)
        yield app


@pytest_asyncio.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a page: it speaks to the application in this process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client
