"""A client that got no reply sends its message again under the same id; the patient is answered once."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from needlewise.conversations.log import ConversationLog
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.request import healthy_until_name
from tests.support.stored import directions, messages, rows

ID = "6F1C1B52-7F0E-4C39-9A75-5B0E0D6F3F11"


@contextmanager
def commit_fails_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The first reply is not stored, as in a crash between a message and its answer. Gives the messages it happened to."""
    commit = ConversationLog.commit
    failed: list[str] = []

    async def failing(log: ConversationLog, conversation: Any, claim: Any, **values: Any) -> None:
        if not failed:
            failed.append(claim.message)
            raise OperationalError("INSERT", {}, Exception("disk I/O error"))
        await commit(log, conversation, claim, **values)

    with monkeypatch.context() as patch:
        patch.setattr(ConversationLog, "commit", failing)
        yield failed


async def test_a_repeat_gets_the_first_reply(client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    first = await patient.sends(id=ID, text="does it hurt")
    again = await patient.sends(id=ID, text="does it hurt")
    assert again.json() == first.json()
    assert directions(settings, patient.conversation) == ["out", "in", "out"]


async def test_the_first_delivery_decides_what_was_said(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    first = await patient.sends(id=ID, text="does it hurt")
    assert (await patient.sends(id=ID, text="what does it cost")).json() == first.json()


async def test_an_id_may_be_written_in_any_form_of_a_uuid(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    first = await patient.sends(id=ID, text="does it hurt")
    again = await patient.sends(id=ID.lower().replace("-", ""), text="does it hurt")
    assert again.json() == first.json()


async def test_two_conversations_may_use_the_same_id(client: httpx.AsyncClient) -> None:
    one, other = await Patient.arrives(client), await Patient.arrives(client)
    first = (await one.sends(id=ID, text="does it hurt")).json()["messages"]
    second = (await other.sends(id=ID, text="does it hurt")).json()["messages"]
    assert first[0]["id"] != second[0]["id"]


async def test_repeats_at_the_same_time_are_one_turn(client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    responses = await asyncio.gather(*(patient.sends(id=ID, text="does it hurt") for _ in range(5)))
    replies = [response.json() for response in responses]
    assert replies == [replies[0]] * 5
    assert replies[0]["messages"][0]["answers"][0]["topic"] == "does_it_hurt"
    assert directions(settings, patient.conversation) == ["out", "in", "out"]


async def test_a_message_whose_reply_was_lost_is_answered_when_it_comes_again(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await Patient.arrives(client)
    with commit_fails_once(monkeypatch) as failed:
        assert refusal(await patient.sends(id=ID, text="does it hurt")) == (503, "busy")
        assert directions(settings, patient.conversation) == ["out", "in"]
        response = await patient.sends(id=ID, text="does it hurt")
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"
    log = messages(settings, patient.conversation)
    assert [row["direction"] for row in log] == ["out", "in", "out"]
    assert [log[1]["id"]] == failed
    assert (await patient.sends(id=ID, text="does it hurt")).json() == response.json()


async def test_a_request_whose_reply_was_lost_is_sent_once(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await Patient.arrives(client)
    await healthy_until_name(patient)
    for answer in ("Zelda", "410-555-0123", "mornings", "yes"):
        await patient.says(answer)
    send = {choice["label"]: choice["id"] for choice in patient.last[-1]["choices"]}["Yes, send it"]
    with commit_fails_once(monkeypatch):
        assert refusal(await patient.sends(id=ID, choices=[send])) == (503, "busy")
        response = await patient.sends(id=ID, choices=[send])
    (request,) = rows(settings, "requests")
    assert f"**{request['reference']}**" in response.json()["messages"][0]["text"]


async def test_a_lost_message_that_is_never_repeated_does_not_stop_the_next(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await Patient.arrives(client)
    with commit_fails_once(monkeypatch):
        await patient.sends(id=uuid.uuid4().hex, text="what does it cost")
        await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]
    log = messages(settings, patient.conversation)
    assert [(row["direction"], row["answered"]) for row in log] == [
        ("out", None),
        ("in", 0),
        ("in", 1),
        ("out", None),
    ]
