"""When a message cannot be stored it is not answered, the patient is told so, and the same message works later."""

import asyncio
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from needlewise import wiring
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.stored import database, messages


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements give up on a lock at once. Named before `client` in a test, because engines read it when they are made."""
    monkeypatch.setattr("needlewise.db.engine.BUSY_SECONDS", 0.05)


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
def full(pages: int) -> Iterator[None]:
    """The database may not grow beyond so many pages."""

    def limit(connection: Any, _: Any) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {pages}")

    engine = wiring.services().engine.sync_engine
    event.listen(engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)


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
    with full(pages=1):
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


def _chat_of(client: httpx.AsyncClient) -> Any:
    transport: Any = client._transport
    return transport.app.state.chat
