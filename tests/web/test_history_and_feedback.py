"""Reading a talk again, and a thumb up or down for a message of it."""

from typing import Any

import httpx
import pytest

from needlewise.db.sealing import load_seal
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.stored import rows


async def history(patient: Patient, **query: str) -> list[dict[str, Any]]:
    response = await patient.client.get("/chat/v1/messages", params=query, headers=patient.headers)
    return list(response.json()["messages"])


async def rates(patient: Patient, **body: Any) -> httpx.Response:
    return await patient.client.post("/chat/v1/feedback", json=body, headers=patient.headers)


async def test_a_talk_is_read_in_order_with_who_said_what(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    opening = patient.last
    await patient.says("Does it HURT?\nI worry.")
    said = await history(patient)
    assert [message["from"] for message in said] == ["assistant", "patient", "assistant"]
    assert said[0] == {"from": "assistant", **opening[0]}
    assert said[1]["text"] == "Does it HURT?\nI worry."
    assert said[2] == {"from": "assistant", **patient.last[0]}


async def test_a_tapped_button_is_read_as_its_label(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.taps("Does it hurt?")
    assert (await history(patient))[1]["text"] == "Does it hurt?"


async def test_only_what_came_after_a_message_is_read_when_it_is_named(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    known = patient.last[-1]["id"]
    assert await history(patient, after=known) == []
    await patient.says("what does it cost")
    assert [message["from"] for message in await history(patient, after=known)] == ["patient", "assistant"]


async def test_a_thumb_is_kept_and_a_second_one_replaces_it(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    message = patient.last[0]["id"]
    assert (await rates(patient, message=message, verdict="up")).status_code == 204
    response = await rates(patient, message=message, verdict="down", reason="that  did not help")
    assert response.status_code == 204
    (kept,) = rows(settings, "feedback")
    assert (kept["message"], kept["verdict"], kept["clinic"]) == (message, "down", "demo")
    seal = load_seal(settings.key, settings.old_keys, settings.var)
    assert seal.open(kept["reason_sealed"]) == b"that did not help"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": "0" * 32, "verdict": "up"}, 404),
        ({"message": "%s", "verdict": "maybe"}, 422),
        ({"message": "%s", "verdict": "up", "reason": "x" * 1001}, 422),
        ({"message": "%s", "verdict": "up", "staff": True}, 422),
        ({"verdict": "up"}, 422),
    ],
    ids=["no such message", "no such verdict", "too long", "extra key", "no message"],
)
async def test_a_thumb_for_nothing_is_refused(
    client: httpx.AsyncClient, settings: Settings, body: dict[str, Any], status: int
) -> None:
    patient = await Patient.arrives(client)
    if body.get("message") == "%s":
        body = {**body, "message": patient.last[0]["id"]}
    assert refusal(await rates(patient, **body)) == (status, "bad_request")
    assert rows(settings, "feedback") == []


async def test_a_patients_own_message_cannot_be_rated(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    own = (await history(patient))[1]["id"]
    assert refusal(await rates(patient, message=own, verdict="up")) == (404, "bad_request")
