"""Which real messages are replayed, and from where."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import insert, update

from needlewise import clock
from needlewise.conversations.heard import Heard
from needlewise.conversations.log import Conversation, Inbound, Verdict
from needlewise.conversations.state import State
from needlewise.db.tables import corrections, messages
from needlewise.teaching.material import Real, held_out, real_messages
from needlewise.teaching.replay import Right
from needlewise.wiring import Services
from tests.teaching.deployment import Time, settings, time

__all__ = ["settings", "time"]


@pytest_asyncio.fixture
async def services(settings: object, time: Time) -> AsyncIterator[Services]:
    services = Services(settings)  # type: ignore[arg-type]
    yield services
    await services.engine.dispose()


class Talk:
    """A stored conversation."""

    def __init__(self, services: Services, conversation: Conversation, time: Time) -> None:
        self.services, self.conversation, self.time = services, conversation, time

    @classmethod
    async def begins(cls, services: Services, time: Time) -> "Talk":
        conversation, _ = await services.log.open("demo", "web", "en", state=State())
        return cls(services, conversation, time)

    async def says(
        self,
        text: str = "",
        *,
        topics: tuple[str, ...] = (),
        redacted: str | None = "[redacted]",
        **inbound: object,
    ) -> str:
        """One message and its turn; its id."""
        self.time.pass_(timedelta(seconds=1))
        claim = await self.services.log.claim(self.conversation, text or "x", Inbound(text, **inbound))  # type: ignore[arg-type]
        await self.services.log.commit(
            self.conversation,
            claim,
            state=State(),
            outgoing=(),
            heard=Heard("demo", topics=topics),
            verdict=Verdict(None, None),
            latency_ms=1.0,
            redacted=redacted,
        )
        return claim.message


async def found(services: Services, **limits: int) -> Real:
    return await real_messages(services.engine, services.seal, **limits)


async def correct(services: Services, talk: Talk, message: str, verdict: str, *topics: str) -> None:
    async with services.engine.begin() as connection:
        await connection.execute(
            insert(corrections).values(
                id=f"{message[:20]}{verdict}"[:32],
                clinic="demo",
                conversation=talk.conversation.id,
                message=message,
                by="edith",
                at=clock.now(),
                verdict=verdict,
                topics=list(topics),
            )
        )


async def test_the_newest_messages_come_with_full_words_to_play_and_none_to_keep(
    services: Services, time: Time
) -> None:
    talk = await Talk.begins(services, time)
    for number in range(4):
        await talk.says(f"I am Maria {number}", redacted=f"I am [name] {number}")
    real = await found(services, newest=3)
    assert [(one.turns, one.shown) for one in real.played] == [
        ((f"I am Maria {number}",), "") for number in (3, 2, 1)
    ]


async def test_a_message_leans_on_what_its_conversation_answered_last(services: Services, time: Time) -> None:
    talk = await Talk.begins(services, time)
    await talk.says("does it hurt", topics=("does_it_hurt",))
    await talk.says("hm")
    await talk.says("and how long")
    assert [one.answered for one in (await found(services)).played] == [
        ("does_it_hurt",),
        ("does_it_hurt",),
        (),
    ]


async def test_what_means_nothing_alone_is_left_out(services: Services, time: Time) -> None:
    talk = await Talk.begins(services, time)
    await talk.says("", fields={"first_name": "Maria"})
    in_form = await talk.says("tuesday")
    await talk.says("not redacted yet", redacted=None)
    await talk.says("does it hurt")
    async with services.engine.begin() as connection:
        await connection.execute(
            update(messages).where(messages.c.id == in_form).values(understood={"form": "booking_form"})
        )
    real = await found(services)
    assert ([one.turns[0] for one in real.played], real.left_out) == (["does it hurt"], 2)


@pytest.mark.parametrize(
    ("verdict", "topics", "right"),
    [
        ("topics", ("cost", "insurance"), Right(("cost", "insurance"), "all")),
        ("out_of_scope", (), Right(("out_of_scope",), "first")),
        ("urgent", (), None),
        ("wrong_answer", (), None),
    ],
)
async def test_a_correction_says_what_would_be_right_however_old_the_message_is(
    services: Services, time: Time, verdict: str, topics: tuple[str, ...], right: Right | None
) -> None:
    talk = await Talk.begins(services, time)
    message = await talk.says("the old one")
    for number in range(8):
        await talk.says(f"newer {number}")
    await correct(services, talk, message, verdict, *topics)
    real = await found(services, newest=2)
    assert {one.turns[0]: one.right for one in real.played}["the old one"] == right


def test_the_test_sets_say_what_is_right(root: Path) -> None:
    sets = held_out(root)
    assert {one.source: one.right.how for one in sets if one.right} == {
        "topics and acts": "first",
        "out of scope": "first",
        "mistyped": "first",
        "several questions": "all",
        "follow-ups": "any",
    }


def test_a_deployment_without_the_tests_has_no_test_sets(tmp_path: Path) -> None:
    assert held_out(tmp_path) == []
