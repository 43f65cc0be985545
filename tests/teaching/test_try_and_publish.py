"""From a correction to a live model and back, with a model that is really trained, while patients go on writing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from sqlalchemy import insert

from needlewise import clock, wiring
from needlewise.app import create_app
from needlewise.db.audit import Entry
from needlewise.db.tables import corrections, examples
from needlewise.dialogue.turn import Turns
from needlewise.settings import Settings
from needlewise.teaching import live
from needlewise.wiring import Services
from tests.support import stored
from tests.support.patient import Patient
from tests.support.project import small_project

BY = Entry("edith", "candidate/test")
ASKED = "do you zorble with my uncle"
TAUGHT = (
    ASKED,
    "can you zorble with my uncle",
    "zorbling with my uncle",
    "my uncle wants to zorble with you",
)
TOPIC = "telehealth"
KNOWN = ("how much does it cost", "do you take my insurance", "does dry needling hurt")


@pytest.fixture
def settings(root: Path, tmp_path: Path) -> Settings:
    """A small project with one test sentence."""
    settings = small_project(root, tmp_path / "project")
    tests = settings.root / "tests" / "nlu"
    tests.mkdir(parents=True)
    sentences = [{"intent": "cost", "examples": "- what is the price of a session\n"}]
    (tests / "test_topics.yml").write_text(yaml.safe_dump({"nlu": sentences}))
    return settings


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    async with app.router.lifespan_context(app), browser as client:
        async with asyncio.timeout(60):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)
        yield client


async def teach(services: Services, settings: Settings, patient: Patient) -> None:
    """What staff make of a message that was not understood."""
    async with asyncio.timeout(60):
        while not (said := stored.messages(settings, patient.conversation)[1])["redacted"]:
            await asyncio.sleep(0.05)
    async with services.engine.begin() as connection:
        about = {"id": "c", "clinic": "demo", "conversation": patient.conversation, "message": said["id"]}
        verdict = {"by": "edith", "at": clock.now(), "verdict": "topics", "topics": [TOPIC]}
        await connection.execute(insert(corrections).values(**about, **verdict))
        for number, text in enumerate(TAUGHT):
            of = {"id": f"e{number}", "clinic": "demo", "correction": "c", "intent": TOPIC}
            await connection.execute(
                insert(examples).values(**of, text=text, state="accepted", created_at=clock.now())
            )


class Talkers:
    """Patients who write one message after the other until they are told to stop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._done = asyncio.Event()
        self.topics: dict[str, list[list[str]]] = {}

    async def talk(self) -> None:
        patient = await Patient.arrives(self._client)
        answered = self.topics[patient.conversation] = []
        while not self._done.is_set():
            for text in (*KNOWN, ASKED):
                await patient.says(text)
                assert patient.last, f"no reply to {text}"
                answered.append(patient.topics)

    @asynccontextmanager
    async def talking(self, how_many: int = 3) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.talk()) for _ in range(how_many)]
        try:
            yield
        finally:
            self._done.set()
            await asyncio.gather(*tasks)


async def answered_with(patient: Patient, topics: list[str]) -> None:
    """Ask until the answer is this one."""
    async with asyncio.timeout(60):
        while True:
            await patient.says(ASKED)
            if patient.topics == topics:
                return


async def test_what_was_taught_is_tried_put_live_and_taken_back_while_patients_write(
    settings: Settings, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Services.load_turns
    # The model of the files is the whole project's, which is loaded already; a candidate is loaded as it is.
    monkeypatch.setattr(
        Services, "load_turns", lambda self, model=None: load(self, model) if model else turns
    )
    monkeypatch.setattr(live, "POLL_SECONDS", 0.1)
    async with running(settings) as client:
        services = wiring.services()
        patient = await Patient.arrives(client)
        await patient.says(ASKED)
        assert TOPIC not in patient.topics
        before = patient.topics
        await teach(services, settings, patient)

        begun = await services.candidates.begin(BY)
        await services.trier.start(begun)
        await services.trier.ended()
        candidate = await services.candidates.get(begun.id)
        assert candidate is not None
        assert (candidate.state, candidate.error) == ("ready", None)
        report = await services.candidates.report(begun.id)
        assert report is not None
        (line,) = (line for line in report.lines if line.source == "corrected")
        assert (line.words, line.verdict) == ("", "better")
        assert await services.candidates.words([line]) == {line.message: ASKED}
        assert [(one.source, one.count) for one in report.figures] == [
            ("corrected", 1),
            ("topics and acts", 1),
        ]
        assert not (settings.var / "candidates" / begun.id).exists()

        talkers = Talkers(client)
        async with talkers.talking():
            await services.candidates.publish(begun.id, BY)
            await answered_with(patient, [TOPIC])
            assert services.live_model.running == begun.id
            await services.candidates.go_back(BY)
            await answered_with(patient, before)
            assert services.live_model.running is None
        for conversation, answered in talkers.topics.items():
            told = [row for row in stored.messages(settings, conversation) if row["direction"] == "in"]
            assert len(told) == len(answered)
            assert all(row["answered"] for row in told)
