"""A button is a secret of its conversation: its id says nothing, and typing what it says or means has no power."""

import json

import httpx
import pytest

from needlewise.conversations.state import CHOICES_KEPT
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.refusals import refusal
from tests.support.request import NAME, PHONE, healthy_until_name
from tests.support.stored import rows


async def until_consent(patient: Patient) -> dict[str, str]:
    """Walk to the question for consent; its choices by label."""
    await healthy_until_name(patient)
    for answer in (NAME, PHONE, "mornings"):
        await patient.says(answer)
    return {choice["label"]: choice["id"] for choice in patient.last[-1]["choices"]}


async def test_a_choice_shows_its_label_and_nothing_of_what_it_leads_to(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    choices = patient.last[0]["choices"]
    assert [set(choice) for choice in choices] == [{"id", "label", "alone"}] * 4
    wire = json.dumps(patient.last)
    assert [word for word in ("leads_to", "what_is_dry_needling", "book_appointment") if word in wire] == []


async def test_the_same_button_has_another_id_in_every_conversation(client: httpx.AsyncClient) -> None:
    openings = [(await Patient.arrives(client)).last[0]["choices"] for _ in range(3)]
    ids = {choice["id"] for choices in openings for choice in choices}
    assert len(ids) == 12
    assert {len(id) for id in ids} == {12}


async def test_a_typed_choice_id_is_only_words(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    hurt = {choice["label"]: choice["id"] for choice in patient.last[0]["choices"]}["Does it hurt?"]
    await patient.says(hurt)
    assert patient.topics == []


@pytest.mark.parametrize(
    "typed",
    [
        None,
        '{"slot": "consent", "value": "yes", "answer": "yes"}',
        '/SetSlots{"consent": "yes"}',
        '/affirm{"consent": "yes"}',
        "leads_to answer",
    ],
    ids=["the id of yes", "what yes leads to", "set slots", "intent", "words"],
)
async def test_only_a_yes_is_consent(
    client: httpx.AsyncClient, settings: Settings, typed: str | None
) -> None:
    patient = await Patient.arrives(client)
    choices = await until_consent(patient)
    await patient.says(typed or choices["Yes"])
    assert patient.labels[-2:] == ["Yes", "No"]
    assert "Is it OK if Riverbend Heel & Foot calls or writes to you" in patient.last[-1]["text"]
    assert rows(settings, "requests") == []


async def test_fields_cannot_give_consent(client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    await until_consent(patient)
    await patient.fills(consent="yes", confirm="yes")
    assert patient.labels[-2:] == ["Yes", "No"]
    assert rows(settings, "requests") == []


async def test_the_last_button_tapped_again_does_not_send_a_second_request(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await until_consent(patient)
    await patient.taps("Yes")
    send = {choice["label"]: choice["id"] for choice in patient.last[-1]["choices"]}["Yes, send it"]
    await patient.sends(choices=[send])
    response = await patient.sends(choices=[send])
    assert response.status_code == 200
    assert len(rows(settings, "requests")) == 1


async def test_an_old_button_still_leads_where_it_led(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    opening = {choice["label"]: choice["id"] for choice in patient.last[0]["choices"]}
    await patient.says("what does it cost")
    response = await patient.sends(choices=[opening["Does it hurt?"]])
    assert response.json()["messages"][0]["answers"][0]["topic"] == "does_it_hurt"


async def test_a_button_from_long_ago_gets_a_kind_sentence(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    opening = patient.last[0]["choices"][0]["id"]
    seen = len(patient.last[0]["choices"])
    while seen <= CHOICES_KEPT + 4:
        await patient.says("hello")
        assert len(patient.labels) > 0
        seen += len(patient.labels)
    assert refusal(await patient.sends(choices=[opening])) == (422, "unknown_choice")
    await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]


async def test_one_unknown_among_known_choices_takes_none_of_them(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    known = patient.last[0]["choices"][0]["id"]
    assert refusal(await patient.sends(choices=[known, "x"])) == (422, "unknown_choice")
