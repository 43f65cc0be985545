"""The application with its text channel, and a carrier that is a double (tests/support/carrier.py)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from needlewise.dialogue.turn import Turns
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.carrier import Carrier
from tests.support.postgres import postgres
from tests.support.sms import Phone, settings_of

__all__ = ["postgres"]


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as carrier:
        yield carrier


@pytest.fixture
def settings(settings: Settings, carrier: Carrier) -> Settings:
    return replace(settings, **settings_of(carrier))


@pytest_asyncio.fixture
async def app(settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starlette]:
    """The running application, which answers and sends texts itself."""
    from needlewise.app import create_app

    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        async with asyncio.timeout(30):
            while app.state.chat.turns is None:
                await asyncio.sleep(0.01)
        yield app


@pytest.fixture
def phone(client: httpx.AsyncClient, carrier: Carrier) -> Phone:
    return Phone(client, carrier)
