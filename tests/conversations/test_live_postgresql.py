"""Live help between two processes over one PostgreSQL: what is said in one is heard in the other, and one truth holds."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest_asyncio

from needlewise import wiring
from needlewise.channels.service import ChatService
from needlewise.conversations.live import LiveHelp, SomebodyElse
from needlewise.conversations.log import Conversation, Inbound, Verdict
from needlewise.conversations.state import State
from needlewise.db.audit import Entry
from needlewise.db.engine import migrate
from needlewise.db.sealing import check_key
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.desk import JOHN, MARIA
from tests.support.postgres import Postgres, postgres
from tests.support.sms import until

__all__ = ["postgres"]


@dataclass
class Process:
    """What one process has of its own."""

    services: Services
    chat: ChatService

    @property
    def live(self) -> LiveHelp:
        return self.services.live_help


@pytest_asyncio.fixture
async def processes(base_settings: Settings, postgres: Postgres) -> AsyncIterator[list[Process]]:
    """Two of them, each with connections of its own, which hear each other."""
    settings = replace(base_settings, database_url=postgres.new_database())
    await asyncio.to_thread(migrate, settings.database_url)
    made = [wiring.build(settings) for _ in range(2)]
    await check_key(made[0].engine, made[0].seal)
    stopping = asyncio.Event()
    chats = [ChatService(services) for services in made]
    listening = [asyncio.create_task(services.news.listen(stopping)) for services in made]
    await until(lambda: all(services.news.listens for services in made), "they do not hear each other")
    yield [Process(services, chat) for services, chat in zip(made, chats, strict=True)]
    stopping.set()
    await asyncio.wait(listening)
    for services in made:
        await services.locks.close()
        await services.engine.dispose()


async def a_chat(process: Process) -> Conversation:
    conversation, _ = await process.services.log.open("demo", "web", "en", state=State())
    return conversation


def entry(conversation: Conversation, who: str = MARIA) -> Entry:
    return Entry(who, "conversation/step-in", clinic="demo", subject=conversation.id)


async def test_a_chat_that_is_open_at_one_hears_what_staff_say_at_the_other(processes: list[Process]) -> None:
    here, there = processes
    chat = await a_chat(here)
    with here.chat.listen(chat.id) as news:
        await there.live.step_in(chat.id, MARIA, entry(chat))
        await there.live.speak(chat.id, MARIA, "Good morning.", entry(chat), once="1")
        await there.live.step_out(chat.id, MARIA, entry(chat))
        async with asyncio.timeout(30):
            heard = [await news.get() for _ in range(3)]
    assert [one.get("by") for one in heard] == [None, "staff", None]
    assert heard[1]["text"] == "Good morning."


async def test_of_many_who_step_in_at_both_one_is_in(processes: list[Process]) -> None:
    chat = await a_chat(processes[0])
    outcomes = await asyncio.gather(
        *(
            processes[number % 2].live.step_in(chat.id, who, entry(chat, who))
            for number, who in enumerate([MARIA, JOHN] * 4)
        ),
        return_exceptions=True,
    )
    scene = await processes[0].live.look(chat.id)
    assert scene is not None
    assert {type(one) for one in outcomes} == {type(None), SomebodyElse}
    assert {one.by for one in outcomes if isinstance(one, SomebodyElse)} == {scene.by}
    history = await processes[0].services.log.history(chat, after=None)
    assert len(history) == 1


async def test_staff_and_patient_who_write_at_once_lose_nothing(processes: list[Process]) -> None:
    here, there = processes
    chat = await a_chat(here)
    await there.live.step_in(chat.id, MARIA, entry(chat))

    async def patient() -> None:
        for number in range(15):
            claim = await here.services.log.claim(chat, f"p{number}", Inbound(f"patient {number}"))
            await here.services.log.commit(
                chat, claim, state=claim.state, outgoing=(), heard=None, verdict=Verdict(), latency_ms=1.0
            )

    async def staff() -> None:
        for number in range(15):
            await there.live.speak(chat.id, MARIA, f"staff {number}", entry(chat), once=str(number))

    await asyncio.gather(patient(), staff())
    said = [one["text"] for one in await here.services.log.history(chat, after=None)]
    for who in ("patient", "staff"):
        assert [one for one in said if one.startswith(who)] == [f"{who} {number}" for number in range(15)]
