"""Who takes the file, the logs or the figures learns nothing that a patient wrote."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from needlewise.logs import configure_logs
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.redacted import redacted_rows
from tests.support.request import NAME, PHONE, TIMES, books
from tests.support.stored import raw

SECRET = (NAME, "Quuxley", PHONE, "4105550123", "(410) 555-0123", TIMES, "Brackenridge", "zelda@")


async def _writes_all_of_it(client: httpx.AsyncClient) -> Patient:
    """A patient who asks, books, rates and says too much."""
    patient = await Patient.arrives(client)
    await books(patient)
    await patient.says(f"im {NAME}, call {PHONE} or write to zelda@quuxley.example.org")
    rating = {"message": patient.last[0]["id"], "verdict": "down", "reason": f"rude to {NAME}"}
    response = await client.post("/chat/v1/feedback", json=rating, headers=patient.headers)
    assert response.status_code == 204
    return patient


async def test_the_database_file_holds_no_name_number_or_time(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    await _writes_all_of_it(client)
    rows = await redacted_rows(settings)
    stored = raw(settings).decode("latin-1").casefold()
    assert [secret for secret in SECRET if secret.casefold() in stored] == []
    read = [row["redacted"] for row in rows if row["direction"] == "in"]
    assert read[6:9] == ["[name]", "[contact]", "[times]"]
    assert read[-1] == "im [name], call [phone] or write to [email]"


@pytest.mark.parametrize(
    "answer", ["zq", "Quuxley 77 xx", "it is quuxley ok"], ids=["short", "not a name", "a sentence"]
)
async def test_what_is_typed_at_a_question_for_a_name_is_not_read_by_staff(
    client: httpx.AsyncClient, settings: Settings, answer: str
) -> None:
    patient = await Patient.arrives(client)
    await patient.taps("Ask for a visit")
    for _ in range(3):
        await patient.taps("None of these")
    await patient.taps("Mill Street")
    await patient.taps("Later visit")
    await patient.says(answer)
    rows = await redacted_rows(settings)
    assert [row["redacted"] for row in rows if row["direction"] == "in"][-1] == "[name]"


async def test_a_question_in_the_middle_of_the_form_is_read_by_staff(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.taps("Ask for a visit")
    for _ in range(3):
        await patient.taps("None of these")
    await patient.taps("Mill Street")
    await patient.taps("Later visit")
    await patient.says("does it hurt?")
    rows = await redacted_rows(settings)
    assert [row["redacted"] for row in rows if row["direction"] == "in"][-1] == "does it hurt?"


@pytest.fixture
def _logs_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("_logs_restored")
@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG], ids=["info", "debug"])
async def test_the_logs_hold_nothing_that_a_patient_wrote(
    client: httpx.AsyncClient, settings: Settings, capfd: pytest.CaptureFixture[str], level: int
) -> None:
    configure_logs(level=level)
    logging.getLogger("httpx").setLevel(logging.ERROR)  # the browser's own log
    patient = await _writes_all_of_it(client)
    await patient.sends(text="<b>Quuxley</b>" * 1000)
    await client.get("/Quuxley")
    await redacted_rows(settings)
    written = "".join(capfd.readouterr())
    assert "POST /chat/v1/messages 200" in written
    assert [secret for secret in (*SECRET, "rude", patient.token) if secret in written] == []


async def test_the_figures_hold_nothing_that_a_patient_wrote(client: httpx.AsyncClient) -> None:
    patient = await _writes_all_of_it(client)
    await client.get("/Quuxley")
    await client.request("QUUXLEY", "/chat/v1/messages")
    figures = (await client.get("/metrics")).text
    assert 'path="/chat/v1/messages"' in figures
    secrets = (*SECRET, "QUUXLEY", "rude", patient.token, patient.conversation)
    assert [secret for secret in secrets if secret in figures] == []
