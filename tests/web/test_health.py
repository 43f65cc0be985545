"""Health tells the truth: alive while the process answers, ready only while a message would be answered and kept."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from needlewise.app import create_app
from needlewise.dialogue.turn import Turns
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.patient import Patient
from tests.support.stored import database


@asynccontextmanager
async def starting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, load: Callable[[Services], object]
) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose model is loaded by `load`."""
    monkeypatch.setattr(Services, "load_turns", load)
    app = create_app(settings)
    async with app.router.lifespan_context(app), browser(app) as client:
        yield client


def browser(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def readiness(client: httpx.AsyncClient) -> tuple[int, str]:
    response = await client.get("/readyz")
    return response.status_code, response.json().get("why", "")


async def changes_from(client: httpx.AsyncClient, first: tuple[int, str]) -> tuple[int, str]:
    """The next thing that readiness says."""
    async with asyncio.timeout(60):
        while True:
            now = await readiness(client)
            if now != first:
                return now
            await asyncio.sleep(0.01)


LOADING = (503, "the model is being loaded")


async def test_alive_at_once_and_ready_when_the_model_is_loaded(
    settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = threading.Event()

    def load(_: Services) -> Turns:
        loaded.wait(timeout=60)
        return turns

    async with starting(settings, monkeypatch, load) as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        assert await readiness(client) == LOADING
        assert (await figure(client, "needlewise_ready")) == 0
        loaded.set()
        assert await changes_from(client, LOADING) == (200, "")
        assert (await figure(client, "needlewise_ready")) == 1


async def test_a_model_that_cannot_be_loaded_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: Services) -> Turns:
        raise OSError("no such model")

    async with starting(settings, monkeypatch, load) as client:
        assert await changes_from(client, LOADING) == (503, "the model could not be loaded")
        assert (await client.get("/healthz")).status_code == 200


async def test_a_model_that_answers_nothing_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def take(self, *_: object, **__: object) -> None:
            raise KeyError("does_it_hurt")

    async with starting(settings, monkeypatch, lambda _: Broken()) as client:
        assert await changes_from(client, LOADING) == (503, "a test question was not answered")


async def test_a_locked_database_is_not_ready_until_it_is_free(
    settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("needlewise.db.engine.BUSY_SECONDS", 0.5)
    async with starting(settings, monkeypatch, lambda _: turns) as client:
        assert await changes_from(client, LOADING) == (200, "")
        with closing(sqlite3.connect(database(settings), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await readiness(client) == (503, "the database cannot be written")
            assert (await client.get("/healthz")).status_code == 200
        assert await readiness(client) == (200, "")


async def test_a_look_at_readiness_leaves_no_trace_in_the_log(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    await readiness(client)
    with closing(sqlite3.connect(database(settings))) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (0,)


async def test_figures_count_turns_by_what_they_came_to(client: httpx.AsyncClient) -> None:
    labels = {"channel": "web", "outcome": "answered"}
    before = await figure(client, "needlewise_turns_total", **labels)
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    assert await figure(client, "needlewise_turns_total", **labels) == before + 1


async def test_figures_are_in_the_prometheus_text_format(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {
        "needlewise_conversations",
        "needlewise_turns",
        "needlewise_turn_seconds",
        "needlewise_http_seconds",
        "needlewise_ready",
    } <= names


async def figure(client: httpx.AsyncClient, name: str, **labels: str) -> float:
    """A figure's value; 0 when it was never counted."""
    text = (await client.get("/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
