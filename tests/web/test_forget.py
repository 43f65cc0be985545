"""Forget me: the words are gone from the disk, the token is dead, and what was sent to the clinic stays."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from needlewise.conversations.log import ConversationLog
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.redacted import redacted_rows
from tests.support.refusals import refusal
from tests.support.request import books
from tests.support.stored import database, messages, raw, rows

WORDS = "my heel feels like brontosaurus gravel in the morning"


@pytest.fixture
def another_reader(app: Starlette, settings: Settings) -> Iterator[None]:
    """Another program that has the file open, so that SQLite keeps its write-ahead log beside it."""
    with closing(sqlite3.connect(database(settings))) as connection:
        connection.execute("SELECT count(*) FROM messages").fetchall()
        yield


async def forgets(patient: Patient) -> httpx.Response:
    return await patient.client.delete("/chat/v1/session", headers=patient.headers)


async def test_the_words_are_gone_from_the_file(
    client: httpx.AsyncClient, settings: Settings, another_reader: None
) -> None:
    patient = await Patient.arrives(client)
    await patient.says(WORDS)
    rating = {"message": patient.last[0]["id"], "verdict": "up", "reason": "so kind"}
    await client.post("/chat/v1/feedback", json=rating, headers=patient.headers)
    await redacted_rows(settings)
    sealed = [row["body_sealed"] for row in messages(settings, patient.conversation)]
    sealed += [row["state_sealed"] for row in rows(settings, "conversations")]
    sealed += [row["reason_sealed"] for row in rows(settings, "feedback")]
    before = raw(settings)
    assert b"brontosaurus" in before
    assert [value in before for value in sealed] == [True] * len(sealed)

    await forgets(patient)
    after = raw(settings)
    assert b"brontosaurus" not in after
    assert [value in after for value in sealed] == [False] * len(sealed)


async def test_that_a_talk_took_place_stays_without_its_words(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    await forgets(patient)
    log = messages(settings, patient.conversation)
    assert [row["topics"] for row in log] == [None, ["does_it_hurt"], None]
    assert {(row["body_sealed"], row["redacted"], row["client_id"]) for row in log} == {(None, None, None)}
    (conversation,) = rows(settings, "conversations")
    assert (conversation["state_sealed"], conversation["token_hash"]) == (None, None)


async def test_one_talk_is_forgotten_and_not_another(client: httpx.AsyncClient) -> None:
    patient, other = await Patient.arrives(client), await Patient.arrives(client)
    await other.says("does it hurt")
    await forgets(patient)
    history = await client.get("/chat/v1/messages", headers=other.headers)
    assert [message["text"] for message in history.json()["messages"]][1] == "does it hurt"


async def test_the_token_is_dead(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await forgets(patient)
    assert refusal(await patient.sends(text="does it hurt")) == (401, "session_over")
    assert refusal(await forgets(patient)) == (401, "session_over")
    assert refusal(await client.get("/chat/v1/messages", headers=patient.headers)) == (401, "session_over")


async def test_a_sent_request_stays_and_the_patient_is_told(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    reference = await books(patient)
    response = await forgets(patient)
    assert "If you sent a visit request, the clinic still has it." in response.json()["message"]
    assert [request["reference"] for request in rows(settings, "requests")] == [reference]


async def test_a_reply_that_was_under_way_is_not_stored_after_all(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = ConversationLog.commit
    patient = await Patient.arrives(client)

    async def too_late(log: ConversationLog, conversation: Any, claim: Any, **values: Any) -> None:
        await forgets(patient)
        await commit(log, conversation, claim, **values)

    monkeypatch.setattr(ConversationLog, "commit", too_late)
    assert refusal(await patient.sends(text=WORDS)) == (401, "session_over")
    log = messages(settings, patient.conversation)
    assert [(row["direction"], row["body_sealed"], row["redacted"]) for row in log] == [
        ("out", None, None),
        ("in", None, None),
    ]
    assert rows(settings, "conversations")[0]["state_sealed"] is None
