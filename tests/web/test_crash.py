"""The process may die at any moment: the patient goes on where they were, and nothing is lost or said twice."""

import asyncio
import os
import signal
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.request import NAME, healthy_until_name
from tests.support.service import Service, wait_until
from tests.support.stored import database, directions, messages, raw


@pytest.fixture(scope="module")
def service(
    root: Path, base_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The running service; a test that kills it starts it again."""
    var = tmp_path_factory.mktemp("service")
    os.symlink(base_settings.models.resolve(), var / "models")
    service = Service(root, var)
    service.start()
    yield service
    service.stop()


def browser(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.address, timeout=60)


async def test_a_patient_in_the_middle_of_the_form_goes_on_after_a_crash(service: Service) -> None:
    async with browser(service) as client:
        patient = await Patient.arrives(client)
        await healthy_until_name(patient)
        await patient.says(NAME)
        service.kill()
        service.start()
        await patient.says("410-555-0123")
        await patient.says("mornings")
        await patient.taps("Yes")
        assert f"Name: {NAME}" in patient.text
        assert "Reach you at: (410) 555-0123" in patient.text
        await patient.taps("Yes, send it")
        assert patient.last[0]["kind"] == "outcome"


async def test_a_message_that_was_being_answered_in_a_crash_is_answered_once(service: Service) -> None:
    async with browser(service) as client:
        patient = await Patient.arrives(client)
        client_id = uuid.uuid4().hex
        _stall_replies(service.settings)
        request = asyncio.create_task(patient.sends(id=client_id, text="does it hurt"))
        await asyncio.to_thread(
            wait_until,
            lambda: directions(service.settings, patient.conversation) == ["out", "in"],
            seconds=60,
            otherwise="the message was never claimed",
        )
        service.kill()
        with pytest.raises(httpx.TransportError):
            await request
        _go_on(service.settings)
        assert directions(service.settings, patient.conversation) == ["out", "in"]

        service.start()
        response = await patient.sends(id=client_id, text="does it hurt")
        assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"
        again = await patient.sends(id=client_id, text="does it hurt")
        assert again.json() == response.json()
        log = messages(service.settings, patient.conversation)
        assert [row["direction"] for row in log] == ["out", "in", "out"]
        assert log[1]["client_id"] == client_id


def _stall_replies(settings: Settings) -> None:
    """From now on storing a reply takes for ever, so that the process dies between a message and its reply."""
    with closing(sqlite3.connect(database(settings))) as connection:
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        )
        connection.execute(
            "CREATE TRIGGER stall BEFORE UPDATE OF answered ON messages BEGIN SELECT max(i) FROM endless; END"
        )


def _go_on(settings: Settings) -> None:
    with closing(sqlite3.connect(database(settings))) as connection:
        connection.execute("DROP TRIGGER stall")
        connection.execute("DROP VIEW endless")


async def test_a_body_of_100_kb_is_refused_over_a_real_connection(service: Service) -> None:
    async with browser(service) as client:
        patient = await Patient.arrives(client)
        response = await patient.sends(text="heel pain " * 10_000)
        assert (response.status_code, response.json()["error"]) == (413, "too_long")
        await patient.says("does it hurt")
        assert patient.topics == ["does_it_hurt"]


async def test_news_of_a_conversation_come_over_a_real_connection(service: Service) -> None:
    async with browser(service) as client:
        patient = await Patient.arrives(client)
        async with client.stream("GET", "/chat/v1/events", headers=patient.headers) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == ": open"
            await patient.says("does it hurt")
            async with asyncio.timeout(30):
                news = [line async for line in _until_data(lines)]
        assert patient.last[0]["id"] in news[-1]


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("data:"):
            return


async def test_nothing_that_the_patients_wrote_is_in_the_services_own_log(service: Service) -> None:
    """After the others in this file: it reads the log of everything before."""
    log = service.log.read_text()
    assert "POST /chat/v1/messages 200" in log
    for words in (NAME, "Quuxley", "410-555-0123", "4105550123", "does it hurt", "heel pain", "mornings"):
        assert words not in log
    assert b"Quuxley" not in raw(service.settings)


async def test_the_service_ends_when_it_is_asked_to(service: Service) -> None:
    async with browser(service) as client:
        patient = await Patient.arrives(client)
        await patient.says("does it hurt")
    assert service.ends() == -signal.SIGTERM
    assert "Traceback" not in service.log.read_text()
