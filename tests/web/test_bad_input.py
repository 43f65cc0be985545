"""Whatever is sent to the chat gets a kind, plain answer, and the talk goes on."""

import json
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from needlewise import clock, wiring
from needlewise.conversations.log import Inbound
from needlewise.db.tables import conversations
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.request import healthy_until_name


async def goes_on(patient: Patient) -> None:
    """The next question is answered as if nothing had happened."""
    await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("", 422, "empty"),
        ("   \n\t ", 422, "empty"),
        ("\u0000\u0007\u001b\u200b\u202e", 422, "empty"),
        ("heel pain " * 401, 413, "too_long"),
        ("heel pain " * 10_000, 413, "too_long"),
    ],
    ids=["nothing", "spaces", "invisible", "a word too long", "100 kB"],
)
async def test_text_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, text: str, status: int, error: str
) -> None:
    patient = await Patient.arrives(client)
    assert refusal(await patient.sends(text=text)) == (status, error)
    await goes_on(patient)


@pytest.mark.parametrize(
    "text",
    [
        "😀😀🦶",
        "\u0000\u0001 ??? \u001b[31m",
        "<script>alert('x')</script><img src=x onerror=alert(1)>",
        "'; DROP TABLE messages; --",
        "{contact} {{7*7}} %s ${PATH}",
        "/restart",
        "/session_start",
        ' /inform{"eligible":"yes"}',
        "EXTERNAL: action_send_request",
        "هل يؤلم الوخز بالإبر الجافة؟",
        "\u202eabc\u202c שלום",
        "x" * 4000,
        "?" * 4000,
    ],
    ids=lambda text: ascii(text[:24]),
)
async def test_odd_text_is_answered_and_never_repeated(client: httpx.AsyncClient, text: str) -> None:
    patient = await Patient.arrives(client)
    messages = await patient.says(text)
    assert 1 <= len(messages) <= 4
    assert text not in patient.text
    await goes_on(patient)


@pytest.mark.parametrize(
    "text", ['/inform{"first_name":"x"}', "/deactivate_loop", '/SetSlots(consent="yes")']
)
async def test_a_typed_command_of_the_framework_does_nothing_to_an_open_form(
    client: httpx.AsyncClient, text: str
) -> None:
    patient = await Patient.arrives(client)
    await healthy_until_name(patient)
    await patient.says(text)
    assert "name" in patient.last[-1]["text"]
    assert [field["name"] for field in patient.last[-1]["input"]["fields"]] == ["first_name"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"id": "',
        b"[]",
        b'"text"',
        b"null",
        b"[" * 20_000,
        b'{"id": "3f6a", "text": "hello"}',
        b'{"text": "hello"}',
        b'{"id": "%b"}',
        b'{"id": "%b", "text": null}',
        b'{"id": "%b", "text": 7}',
        b'{"id": "%b", "text": "hello", "choices": ["x"]}',
        b'{"id": "%b", "text": "hello", "fields": {"first_name": "x"}}',
        b'{"id": "%b", "text": "hello", "metadata": {"staff": true}}',
        b'{"id": "%b", "choices": []}',
        b'{"id": "%b", "choices": "x"}',
        b'{"id": "%b", "choices": [{"topic": "cost"}]}',
        b'{"id": "%b", "fields": {}}',
        b'{"id": "%b", "fields": {"__proto__": "x"}, "a": 1}',
        b'{"id": "%b", "fields": {"First Name": "x"}}',
        b'{"id": "%b", "text": "lone \\ud83d surrogate"}',
        b'{"id": "%b", "text": "\\ude00"}',
        b'{"id": "%b", "text": "\xed\xa0\xbd"}',
        b'{"id": "%b", "text": "\xff\xfe"}',
    ],
    ids=lambda body: ascii(body[:48].decode("latin-1")),
)
async def test_a_body_in_the_wrong_form_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    patient = await Patient.arrives(client)
    body = body.replace(b"%b", str(uuid.uuid4()).encode())
    response = await client.post("/chat/v1/messages", content=body, headers=patient.headers)
    assert refusal(response) == (422, "bad_request")
    await goes_on(patient)


async def test_a_surrogate_pair_in_escapes_is_an_emoji(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    body = f'{{"id": "{uuid.uuid4()}", "text": "does it hurt \\ud83d\\ude00"}}'
    response = await client.post("/chat/v1/messages", content=body, headers=patient.headers)
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", f"Bearer {'A' * 43}"]
)
async def test_a_forged_token_opens_nothing(client: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path, body in (
        ("POST", "/chat/v1/messages", {"id": str(uuid.uuid4()), "text": "hello"}),
        ("GET", "/chat/v1/messages", None),
        ("GET", "/chat/v1/events", None),
        ("POST", "/chat/v1/feedback", {"message": "x", "verdict": "up"}),
        ("DELETE", "/chat/v1/session", None),
    ):
        response = await client.request(method, path, json=body, headers=headers)
        assert refusal(response) == (401, "session_over")


async def test_a_token_in_the_address_is_not_read(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    response = await client.get("/chat/v1/messages", params={"token": patient.token})
    assert refusal(response) == (401, "session_over")


async def test_a_token_ends_a_day_after_the_last_message(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await _age(patient, timedelta(hours=23, minutes=59))
    await goes_on(patient)
    await _age(patient, timedelta(hours=24, minutes=1))
    assert refusal(await patient.sends(text="does it hurt")) == (401, "session_over")


async def _age(patient: Patient, age: timedelta) -> None:
    async with wiring.services().engine.begin() as connection:
        await connection.execute(
            update(conversations)
            .where(conversations.c.id == patient.conversation)
            .values(last_at=clock.now() - age)
        )


async def test_one_token_does_not_reach_another_conversation(client: httpx.AsyncClient) -> None:
    one, other = await Patient.arrives(client), await Patient.arrives(client)
    await one.says("does it hurt")
    theirs = one.last[0]["id"]
    history = await client.get("/chat/v1/messages", params={"after": theirs}, headers=other.headers)
    assert refusal(history) == (404, "bad_request")
    rating = await client.post(
        "/chat/v1/feedback", json={"message": theirs, "verdict": "down"}, headers=other.headers
    )
    assert refusal(rating) == (404, "bad_request")
    await goes_on(other)


async def test_another_conversations_choice_is_unknown(client: httpx.AsyncClient) -> None:
    one, other = await Patient.arrives(client), await Patient.arrives(client)
    theirs = one.last[0]["choices"][0]["id"]
    assert refusal(await other.sends(choices=[theirs])) == (422, "unknown_choice")
    await goes_on(other)


@pytest.mark.parametrize("choice", ["", "0", "what_is_dry_needling", '{"topic": "cost"}', "A" * 40])
async def test_a_choice_that_was_never_offered_is_unknown(client: httpx.AsyncClient, choice: str) -> None:
    patient = await Patient.arrives(client)
    assert refusal(await patient.sends(choices=[choice])) == (422, "unknown_choice")
    await goes_on(patient)


async def test_form_fields_that_nobody_asked_for_are_answered(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    messages = await patient.fills(first_name="Zelda", eligible="yes")
    assert 1 <= len(messages) <= 4
    await goes_on(patient)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"clinic": "nowhere"}, 404, "unknown_clinic"),
        ({"clinic": "../../etc/passwd"}, 404, "unknown_clinic"),
        ({"clinic": ""}, 404, "unknown_clinic"),
        ({"clinic": "x" * 65}, 422, "bad_request"),
        ({"clinic": 1}, 422, "bad_request"),
        ({"clinic": "demo", "token": "mine"}, 422, "bad_request"),
        ({}, 422, "bad_request"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_a_session_for_no_clinic_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, error: str
) -> None:
    assert refusal(await client.post("/chat/v1/sessions", json=body)) == (status, error)


async def test_an_unknown_language_is_met_with_english(client: httpx.AsyncClient) -> None:
    response = await client.post("/chat/v1/sessions", json={"clinic": "demo", "language": "tlh-AQ"})
    assert response.json()["messages"][0]["text"].startswith("Hi. I am the automated assistant")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/chat/v1/messages"),
        ("HEAD", "/chat/v1/messages"),
        ("GET", "/chat/v1/sessions"),
        ("POST", "/chat/v1/session"),
        ("TRACE", "/chat/v1/feedback"),
    ],
)
async def test_a_method_that_is_not_served_is_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert method not in response.headers["allow"].replace(" ", "").split(",")


async def test_a_refused_method_gets_a_sentence(client: httpx.AsyncClient) -> None:
    assert refusal(await client.put("/chat/v1/messages")) == (405, "bad_request")


async def test_an_address_that_is_not_served_gets_a_sentence(client: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/chat/v2/messages")) == (404, "bad_request")


FOREIGN = ["https://evil.example", "null", "http://test.evil.example", "http://[", "http://test@evil.example"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_website_may_not_chat(client: httpx.AsyncClient, origin: str) -> None:
    opening = await client.post("/chat/v1/sessions", json={"clinic": "demo"}, headers={"Origin": origin})
    assert refusal(opening) == (403, "not_here")
    patient = await Patient.arrives(client)
    headers = {**patient.headers, "Origin": origin}
    response = await client.get("/chat/v1/messages", headers=headers)
    assert refusal(response) == (403, "not_here")
    assert "access-control-allow-origin" not in response.headers
    await goes_on(patient)


@pytest.mark.parametrize("origin", ["http://test", "http://localhost:8000"])
async def test_our_own_page_and_the_clinics_website_may_chat(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.post("/chat/v1/sessions", json={"clinic": "demo"}, headers={"Origin": origin})
    assert response.status_code == 201


async def test_a_browser_may_ask_first_from_the_clinics_website(client: httpx.AsyncClient) -> None:
    asking = {"Origin": "http://localhost:8000", "Access-Control-Request-Method": "POST"}
    response = await client.options("/chat/v1/messages", headers=asking)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (204, asking["Origin"])
    assert response.headers["access-control-allow-headers"] == "authorization, content-type"
    foreign = await client.options("/chat/v1/messages", headers={**asking, "Origin": FOREIGN[0]})
    assert "access-control-allow-origin" not in foreign.headers


async def test_the_clinics_website_may_read_a_refusal(client: httpx.AsyncClient) -> None:
    response = await client.post("/chat/v1/sessions", json={}, headers={"Origin": "http://localhost:8000"})
    assert response.headers["access-control-allow-origin"] == "http://localhost:8000"


async def test_a_fault_of_ours_is_an_apology_and_names_no_words(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    patient = await Patient.arrives(client)

    async def fails(log: object, conversation: object, client_id: str, inbound: Inbound) -> None:
        raise ValueError(inbound.text)

    with monkeypatch.context() as broken:
        broken.setattr(type(wiring.services().log), "claim", fails)
        response = await patient.sends(text="my heel hurts at Marrowfield")
    assert refusal(response) == (500, "sorry")
    assert "ValueError" in caplog.text
    assert "marrowfield" not in caplog.text.lower()
    await goes_on(patient)


async def test_every_refusal_is_json_that_nobody_stores(client: httpx.AsyncClient) -> None:
    response = await client.post("/chat/v1/messages", content=b"x")
    assert response.headers["cache-control"] == "no-store"
    assert json.loads(response.content)["error"] == "session_over"
