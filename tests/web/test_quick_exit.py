"""A page offers to be left at once where someone near the patient may be a danger, and nowhere else."""

import httpx
import pytest

from tests.support.patient import Patient


async def test_an_answer_to_violence_offers_to_leave_the_page(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("my husband hits me")
    assert patient.last[0]["quick_exit"] is True


async def test_the_offer_is_still_there_after_a_reload(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("my husband hits me")
    history = (await client.get("/chat/v1/messages", headers=patient.headers)).json()["messages"]
    assert [one["id"] for one in history if one.get("quick_exit")] == [patient.last[0]["id"]]


@pytest.mark.parametrize("text", ["does it hurt", "i have crushing chest pain", "i want to kill myself"])
async def test_no_other_answer_offers_it(client: httpx.AsyncClient, text: str) -> None:
    patient = await Patient.arrives(client)
    await patient.says(text)
    assert [message for message in patient.last if "quick_exit" in message] == []
