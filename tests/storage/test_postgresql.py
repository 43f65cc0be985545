"""PostgreSQL does what SQLite does: the same tables, the same log, the same locks; and news between processes."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select

from needlewise import wiring
from needlewise.channels.service import ChatService
from needlewise.conversations.log import Inbound, NotYours, UnknownToken, Verdict
from needlewise.conversations.state import State
from needlewise.db.engine import migrate, open_locks
from needlewise.db.news import News
from needlewise.db.outbox import enqueue
from needlewise.db.rotation import rotate
from needlewise.db.sealing import check_key, kept_secret
from needlewise.db.tables import metadata, outbox
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.postgres import Postgres, postgres
from tests.support.sms import until

__all__ = ["postgres"]


SEARCH = ("vector", "ix_searchable_vector")
"""Of the full-text search; SQLite has another one."""


@pytest.fixture
def settings(base_settings: Settings, postgres: Postgres) -> Settings:
    return replace(base_settings, database_url=postgres.new_database())


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    await asyncio.to_thread(migrate, settings.database_url)
    services = wiring.build(settings)
    yield services
    await services.locks.close()
    await services.reading.dispose()
    await services.engine.dispose()


def test_migrating_from_nothing_gives_the_tables_of_the_code(settings: Settings) -> None:
    migrate(settings.database_url)
    with create_engine(settings.database_url).connect() as connection:
        opts = {"compare_type": True, "include_object": lambda _, name, *rest: name not in SEARCH}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def test_processes_that_start_at_once_migrate_once(settings: Settings, root: Path) -> None:
    code = f"from needlewise.db.engine import migrate; migrate({settings.database_url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0, 0]


async def test_processes_that_start_at_once_agree_on_key_and_secret(services: Services) -> None:
    await asyncio.gather(*(check_key(services.engine, services.seal) for _ in range(5)))
    secrets = await asyncio.gather(*(kept_secret(services.engine, services.seal, "x") for _ in range(5)))
    assert len(set(secrets)) == 1


async def test_a_conversation_is_kept_read_rated_and_forgotten(services: Services) -> None:
    log = services.log
    conversation, token = await log.open("demo", "web", "en", state=State())
    claim = await log.claim(conversation, "1", Inbound("does it hurt"))
    await log.commit(
        conversation,
        claim,
        state=State(form="booking_form"),
        outgoing=[],
        heard=None,
        verdict=Verdict(),
        latency_ms=1.0,
    )
    assert (await log.claim(conversation, "1", Inbound("again"))).replies == ()
    assert (await log.claim(conversation, "2", Inbound("x"))).state == State(form="booking_form")
    assert (await log.find(token)).id == conversation.id
    with pytest.raises(NotYours):
        await log.rate(conversation, claim.message, "up", None)
    await log.forget(conversation)
    with pytest.raises(UnknownToken):
        await log.find(token)


async def test_a_message_that_two_processes_answer_is_answered_once(services: Services) -> None:
    conversation, _ = await services.log.open("demo", "web", "en", state=State())
    claim = await services.log.claim(conversation, "1", Inbound("hi"))

    async def commit() -> None:
        await services.log.commit(
            conversation,
            claim,
            state=State(),
            outgoing=[],
            heard=None,
            verdict=Verdict(),
            latency_ms=1.0,
        )

    done = await asyncio.gather(*(commit() for _ in range(5)), return_exceptions=True)
    assert [result for result in done if result is None] == [None]
    assert len([result for result in done if isinstance(result, NeedlewiseError)]) == 4


async def test_messages_claimed_at_once_have_places_of_their_own(services: Services) -> None:
    conversation, _ = await services.log.open("demo", "web", "en", state=State())
    other = wiring.build(services.settings)

    async def claim(services: Services, number: int) -> None:
        async with services.locks.held(f"conversation/{conversation.id}"):
            await services.log.claim(conversation, str(number), Inbound("hi"))

    await asyncio.gather(*(claim(each, number) for number in range(10) for each in (services, other)))
    await other.locks.close()
    await other.engine.dispose()
    said = await services.log.history(conversation, after=None)
    assert len(said) == 10


async def test_a_lock_is_held_by_one_and_given_back(settings: Settings) -> None:
    one, other = open_locks(settings.database_url), open_locks(settings.database_url)
    async with one.tried("x") as mine, other.tried("x") as theirs, other.tried("y") as another:
        assert (mine, theirs, another) == (True, False, True)
    async with other.tried("x") as theirs:
        assert theirs
    await one.close()
    await other.close()


async def test_who_waits_for_a_lock_gets_it_after_the_other(settings: Settings) -> None:
    one, other = open_locks(settings.database_url), open_locks(settings.database_url)
    order = []

    async def second() -> None:
        async with other.held("x"):
            order.append("second")

    async with one.held("x"):
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("first")
    await task
    await one.close()
    await other.close()
    assert order == ["first", "second"]


async def test_rotation_reseals_every_row(services: Services) -> None:
    await services.log.open("demo", "web", "en", state=State())
    await kept_secret(services.engine, services.seal, "x")
    async with services.engine.begin() as connection:
        await enqueue(connection, services.seal, clinic="demo", kind="email", once="1", payload={"to": "x"})
    assert await rotate(services.engine, services.seal) == 3
    async with services.engine.connect() as connection:
        assert len((await connection.execute(select(outbox))).all()) == 1


async def test_news_reach_other_processes_and_not_the_one_that_tells(settings: Settings) -> None:
    stopping = asyncio.Event()
    here, there = News(settings.database_url), News(settings.database_url)
    heard_here: list[str] = []
    heard_there: list[str] = []
    here.hear("inbox", heard_here.append)
    there.hear("inbox", heard_there.append)
    tasks = [asyncio.create_task(each.listen(stopping)) for each in (here, there)]
    # Each looks once when it begins to listen: what was told before is not known.
    await until(lambda: (heard_here, heard_there) == ([""], [""]), "nobody listens")
    await here.tell("inbox", "a b")
    await here.tell("outbox", "not asked for")
    await here.tell("inbox")
    await until(lambda: heard_there == ["", "a b", ""], "the news did not come")
    assert heard_here == [""]
    stopping.set()
    await asyncio.gather(*tasks)
    await here.tell("inbox", "nobody listens any more")


async def test_replies_of_one_process_reach_who_listens_at_another(
    services: Services, settings: Settings, turns: Turns
) -> None:
    wiring.use(services)
    other = wiring.build(settings)
    here, there = ChatService(services), ChatService(other)
    here.turns = there.turns = turns
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(each.news.listen(stopping)) for each in (services, other)]
    await until(lambda: services.news.listens and other.news.listens, "nobody listens")
    conversation, _, _ = await here.open("demo", "web", "en")
    with there.listen(conversation.id) as news:
        replies = await here.take(conversation, "1" * 32, Inbound("does it hurt"))
        assert (await asyncio.wait_for(news.get(), 10))["id"] == replies[0]["id"]
    stopping.set()
    await asyncio.gather(*tasks)
    await other.locks.close()
    await other.engine.dispose()
