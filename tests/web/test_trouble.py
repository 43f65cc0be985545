"""When a message cannot be stored it is not answered, the patient is told so, and the same message works later."""

import asyncio
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from aiosqlite import Connection
from sqlalchemy import event

from needlewise import wiring
from needlewise.app import create_app
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.service import wait_until
from tests.support.stored import database, messages


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements give up on a lock soon. Named before `client` in a test, because engines read it when they are made."""
    monkeypatch.setattr("needlewise.db.engine.BUSY_SECONDS", 0.5)


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another process writes for longer than anybody waits."""
    connection = sqlite3.connect(database(settings), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def full() -> Iterator[None]:
    """The database may not grow."""
    most = {"pages": 1}

    def limit(connection: Any, *_: Any) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {most['pages']}")

    event.listen(wiring.services().engine.sync_engine, "checkout", limit)
    yield
    most["pages"] = 1_000_000


async def answered_once(patient: Patient, settings: Settings, client_id: str) -> None:
    """The message that was refused is answered now, and stands in the log one time."""
    response = await patient.sends(id=client_id, text="does it hurt")
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"
    log = messages(settings, patient.conversation)
    assert [row["direction"] for row in log] == ["out", "in", "out"]


async def test_a_locked_database(impatient: None, client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    client_id = uuid.uuid4().hex
    with locked(settings):
        assert refusal(await patient.sends(id=client_id, text="does it hurt")) == (503, "busy")
        assert refusal(await client.delete("/chat/v1/session", headers=patient.headers)) == (503, "busy")
        opening = await client.post("/chat/v1/sessions", json={"clinic": "demo"})
        assert refusal(opening) == (503, "busy")
    await answered_once(patient, settings, client_id)


async def test_what_was_said_can_be_read_while_another_process_writes(
    impatient: None, client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    with locked(settings):
        history = await client.get("/chat/v1/messages", headers=patient.headers)
    assert [message["id"] for message in history.json()["messages"]] == [patient.last[0]["id"]]


async def test_a_full_disk(client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    client_id = uuid.uuid4().hex
    with full():
        response = await patient.sends(id=client_id, text="does it hurt")
        async with asyncio.timeout(10):
            # The last page may hold a message or two more.
            while response.is_success:
                client_id = uuid.uuid4().hex
                response = await patient.sends(id=client_id, text="does it hurt")
        assert refusal(response) == (503, "busy")
    before = len(messages(settings, patient.conversation))
    response = await patient.sends(id=client_id, text="does it hurt")
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"
    log = messages(settings, patient.conversation)
    assert [row["client_id"] for row in log].count(client_id) == 1
    assert len(log) - before in (1, 2)  # the claim may have been stored before the disk was full


async def test_before_the_model_is_loaded_a_message_is_refused_and_the_page_is_there(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await Patient.arrives(client)
    chat = _chat_of(client)
    with monkeypatch.context() as early:
        early.setattr(chat, "turns", None)
        assert refusal(await patient.sends(text="does it hurt")) == (503, "busy")
        assert (await client.get("/")).status_code == 200
    await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]


async def test_a_service_that_ends_in_the_middle_of_its_work_leaves_no_connection_open(
    settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open connection is a thread, and a thread would keep the process from ending."""
    monkeypatch.setattr(Services, "load_turns", lambda _: turns)
    before = set(threading.enumerate())
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)
        patient = await Patient.arrives(client)
        for _ in range(3):
            await patient.says("does it hurt")
    await asyncio.to_thread(
        wait_until,
        lambda: [t for t in threading.enumerate() if isinstance(t, Connection) and t not in before] == [],
        seconds=30,
        otherwise="a connection is open",
    )


async def test_an_address_that_is_no_mail_server_is_said_at_the_start(settings: Settings) -> None:
    with pytest.raises(NeedlewiseError, match="NEEDLEWISE_SMTP_URL must look like smtp://"):
        create_app(replace(settings, smtp_url="mail.example.org"))


def _chat_of(client: httpx.AsyncClient) -> Any:
    transport: Any = client._transport
    return transport.app.state.chat
