"""A process keeps to the model that is live; whatever goes wrong with a new one, the one before goes on answering."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from needlewise.teaching import live as module
from needlewise.teaching.candidates import file_name
from needlewise.teaching.live import LiveModel
from needlewise.wiring import Services
from tests.teaching.deployment import BY, candidates, ready, services, settings

__all__ = ["candidates", "services", "settings"]

FILES = "the model of the files"


@dataclass
class Process:
    """One process over the database: what it answers with, and what it has loaded."""

    services: Services
    broken: set[str] = field(default_factory=set)
    """Names of models that cannot be loaded."""
    mute: set[str] = field(default_factory=set)
    """Names of models that do not answer the test question."""
    loaded: list[str] = field(default_factory=list)
    answers_with: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.services.candidates._fingerprint = lambda: "of these files"
        self.model: LiveModel[str] = LiveModel(self.services.candidates, self._load)

    def _load(self, path: Path | None) -> str:
        name = path.name if path else FILES
        self.loaded.append(name)
        if name in self.broken:
            raise ValueError("what a patient said")
        return name

    async def passes(self, name: str) -> bool:
        return name not in self.mute

    def _swap(self, name: str) -> None:
        self.answers_with = name
        self.changed.set()

    async def starts(self) -> str:
        self.answers_with = await self.model.first(self.passes)
        return self.answers_with

    @asynccontextmanager
    async def follows(self) -> AsyncIterator[None]:
        await self.starts()
        task = asyncio.create_task(self.model.follow(self._swap, self.passes, stopping=self.stopping))
        try:
            yield
        finally:
            self.stopping.set()
            self.services.candidates.changed.set()
            await task

    async def answers(self, name: str) -> None:
        """Return when it answers with this model."""
        async with asyncio.timeout(30):
            while self.answers_with != name:
                await self.changed.wait()
                self.changed.clear()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


async def note_on(process: Process, candidate: str) -> str | None:
    found = await process.services.candidates.get(candidate)
    assert found is not None
    return found.error


async def test_a_process_begins_with_the_model_of_the_files(services: Services) -> None:
    assert await Process(services).starts() == FILES


async def test_a_process_begins_with_the_live_candidate_and_loads_no_other(services: Services) -> None:
    process = Process(services)
    candidate = await ready(services, "one")
    await services.candidates.publish(candidate, BY)
    assert await process.starts() == file_name(candidate)
    assert process.loaded == [file_name(candidate)]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("gone", "its model file is not on this machine"),
        ("older", "trained from older files"),
        ("broken", "could not be loaded (ValueError)"),
        ("mute", "did not answer a test question"),
    ],
)
async def test_a_live_candidate_that_cannot_be_used_is_told_of_and_the_files_model_answers(
    services: Services, trouble: str, words: str
) -> None:
    process = Process(services)
    candidate = await ready(services, "one")
    await services.candidates.publish(candidate, BY)
    name = file_name(candidate)
    if trouble == "gone":
        (services.settings.models / name).unlink()
    elif trouble == "older":
        services.candidates._fingerprint = lambda: "of newer files"
    else:
        getattr(process, trouble).add(name)
    assert await process.starts() == FILES
    assert words in (await note_on(process, candidate) or "")
    assert "what a patient said" not in (await note_on(process, candidate) or "")


async def test_what_is_put_live_is_taken_up_and_taken_back(services: Services) -> None:
    process = Process(services)
    candidate = await ready(services, "one")
    async with process.follows():
        await services.candidates.publish(candidate, BY)
        await process.answers(file_name(candidate))
        await services.candidates.go_back(BY)
        await process.answers(FILES)
    assert process.loaded == [FILES, file_name(candidate), FILES]


@pytest.mark.parametrize("trouble", ["broken", "mute"])
async def test_a_model_that_cannot_be_used_leaves_the_one_before_in_its_place(
    services: Services, trouble: str
) -> None:
    process = Process(services)
    first = await ready(services, "one")
    async with process.follows():
        await services.candidates.publish(first, BY)
        await process.answers(file_name(first))
        second = await ready(services, "two")
        getattr(process, trouble).add(file_name(second))
        await services.candidates.publish(second, BY)
        async with asyncio.timeout(30):
            while not await note_on(process, second):
                await asyncio.sleep(0.01)
    assert (process.answers_with, process.model.running) == (file_name(first), first)
    assert process.loaded.count(file_name(second)) == 1
    assert (await note_on(process, second) or "").startswith("It is not in use:")


async def test_another_process_over_the_same_database_takes_it_up_too(services: Services) -> None:
    here, there = Process(services), Process(Services(services.settings))
    candidate = await ready(services, "one")
    async with here.follows(), there.follows():
        await services.candidates.publish(candidate, BY)
        await asyncio.gather(here.answers(file_name(candidate)), there.answers(file_name(candidate)))
    await there.services.engine.dispose()
