"""Messages that come faster than they can be answered: in order, once each, and with a wait for who overdoes it."""

import asyncio
import uuid
from collections.abc import Sequence

import httpx

from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.stored import messages

QUESTIONS = {"does it hurt": "does_it_hurt", "is it the same as acupuncture": "is_it_acupuncture"}


def assert_each_answered_once(
    settings: Settings, patient: Patient, asked: dict[str, str], responses: Sequence[httpx.Response]
) -> None:
    """The log holds each message directly before its own reply, and each client got the reply to its own message."""
    log = messages(settings, patient.conversation)[1:]
    assert [row["position"] for row in log] == list(range(2, len(log) + 2))
    assert [row["direction"] for row in log] == ["in", "out"] * len(asked)
    replies = {}
    for message, reply in zip(log[::2], log[1::2], strict=True):
        assert reply["reply_to"] == message["id"]
        assert [note["topic"] for note in reply["answers"]] == [asked[message["client_id"]]]
        replies[message["client_id"]] = [reply["id"]]
    received = [[shown["id"] for shown in response.json()["messages"]] for response in responses]
    assert received == [replies[client_id] for client_id in asked]


async def test_ten_at_once_are_answered_one_after_another(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    asked = {uuid.uuid4().hex: question for question in [*QUESTIONS] * 5}
    responses = await asyncio.gather(*(patient.sends(id=id, text=text) for id, text in asked.items()))
    assert [response.status_code for response in responses] == [200] * 10
    topics = {client_id: QUESTIONS[question] for client_id, question in asked.items()}
    assert_each_answered_once(settings, patient, topics, responses)


async def test_fifty_in_a_second_are_answered_up_to_the_limit(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    asked = {uuid.uuid4().hex: question for question in [*QUESTIONS] * 25}
    responses = await asyncio.gather(*(patient.sends(id=id, text=text) for id, text in asked.items()))
    taken = {id: response for id, response in zip(asked, responses, strict=True) if response.is_success}
    refused = [response for response in responses if not response.is_success]
    assert len(taken) == settings.messages_per_minute
    assert {refusal(response) for response in refused} == {(429, "too_many")}
    assert {int(response.headers["retry-after"]) for response in refused} <= {1, 2, 3}
    topics = {client_id: QUESTIONS[asked[client_id]] for client_id in taken}
    assert_each_answered_once(settings, patient, topics, [*taken.values()])

    async with asyncio.timeout(10):
        # Each try is a request of its own, so this waits no longer than the server asks for.
        while (response := await patient.sends(text="does it hurt")).status_code == 429:
            pass
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"


async def test_one_patients_haste_does_not_slow_another(client: httpx.AsyncClient) -> None:
    hasty, other = await Patient.arrives(client), await Patient.arrives(client)
    responses = await asyncio.gather(*(hasty.sends(text="") for _ in range(40)))
    assert refusal(responses[-1]) == (429, "too_many")
    await other.says("does it hurt")
    assert other.topics == ["does_it_hurt"]


async def test_one_address_may_open_so_many_chats_a_minute(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    for _ in range(settings.sessions_per_minute):
        await client.post("/chat/v1/sessions", json={"clinic": "nowhere"})
    response = await client.post("/chat/v1/sessions", json={"clinic": "demo"})
    assert refusal(response) == (429, "too_many")
    assert response.headers["retry-after"] in ("1", "2")
