"""How often one key may ask, and how the turns of one conversation wait for each other."""

import asyncio

import httpx
import pytest

from needlewise import wiring
from needlewise.channels import limits
from needlewise.channels.limits import RateLimit
from needlewise.conversations.log import TurnQueue
from tests.support.patient import Patient
from tests.support.refusals import refusal


class Seconds:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_the_whole_allowance_may_be_used_at_once(seconds: Seconds) -> None:
    limit = RateLimit(6, seconds=seconds)
    assert [limit.wait("a") for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]


def test_waiting_as_long_as_told_is_enough_and_less_is_not(seconds: Seconds) -> None:
    limit = RateLimit(6, seconds=seconds)
    for _ in range(6):
        limit.wait("a")
    seconds.now += 4
    assert limit.wait("a") == pytest.approx(6)
    seconds.now += 6
    assert limit.wait("a") == 0
    assert limit.wait("a") == pytest.approx(10)


def test_a_refused_request_costs_nothing(seconds: Seconds) -> None:
    limit = RateLimit(6, seconds=seconds)
    waits = [limit.wait("a") for _ in range(100)]
    assert waits[6:] == [10] * 94


def test_a_long_silence_saves_up_no_more_than_the_allowance(seconds: Seconds) -> None:
    limit = RateLimit(2, seconds=seconds)
    limit.wait("a")
    seconds.now += 3600
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 30]


def test_keys_do_not_share(seconds: Seconds) -> None:
    limit = RateLimit(1, seconds=seconds)
    assert [limit.wait(key) for key in ("a", "a", "b")] == [0, 60, 0]


def test_the_key_that_was_quiet_the_longest_is_forgotten_first(
    seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 2)
    limit = RateLimit(1, seconds=seconds)
    for key in ("a", "b", "a", "c"):
        limit.wait(key)
    assert (limit.wait("a"), limit.wait("b")) == (60, 0)


async def test_turns_of_one_conversation_run_in_the_order_they_came() -> None:
    queue = TurnQueue()
    order: list[str] = []

    async def turn(number: int) -> None:
        await queue.acquire("a")
        order.append(f"{number} begins")
        await asyncio.sleep(0)
        order.append(f"{number} ends")
        queue.release("a")

    await asyncio.gather(*(turn(number) for number in range(3)))
    assert order == [f"{number} {what}" for number in range(3) for what in ("begins", "ends")]
    assert queue.waiting("a") == 0


async def test_another_conversation_does_not_wait() -> None:
    queue = TurnQueue()
    await queue.acquire("a")
    async with asyncio.timeout(1):
        await queue.acquire("b")
    assert (queue.waiting("a"), queue.waiting("b")) == (1, 1)


async def test_a_turn_that_gives_up_waiting_holds_nobody_back() -> None:
    queue = TurnQueue()
    await queue.acquire("a")
    waiting = asyncio.create_task(queue.acquire("a"))
    await asyncio.sleep(0)
    assert queue.waiting("a") == 2
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert queue.waiting("a") == 1
    queue.release("a")
    assert queue.waiting("a") == 0
    async with asyncio.timeout(1):
        await queue.acquire("a")


async def test_a_conversation_with_too_many_waiting_turns_takes_no_more(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("needlewise.channels.service.MOST_WAITING", 1)
    patient = await Patient.arrives(client)
    queue = wiring.services().queue
    await queue.acquire(patient.conversation)
    assert refusal(await patient.sends(text="does it hurt")) == (503, "busy")
    queue.release(patient.conversation)
    await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]
