"""What came in is taken once, in order, and in one piece; who it came from is a keyed hash."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.fernet import Fernet

from needlewise.channels.sms.inbox import A_PART_MAY_FOLLOW, Inbox, Waiting, first_turn, joined, looks_cut
from needlewise.channels.sms.protocol import TextIn, masked
from needlewise.channels.sms.threads import CHANGED_HANDS, ConsentChange, Threads
from needlewise.db.sealing import Seal
from needlewise.wiring import Services

AT = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)
SOON = AT + timedelta(seconds=1)
LATER = AT + 2 * A_PART_MAY_FOLLOW


def text(body: str, *, id: str = "SM1", **more: object) -> TextIn:
    return msgspec.structs.replace(TextIn(id, "+12025550145", "+14105550123", body), **more)


def waiting(*bodies: str, message: str | None = None) -> list[Waiting]:
    return [
        Waiting(seq, "demo", text(body), AT, AT + A_PART_MAY_FOLLOW if looks_cut(body) else AT, 0, message)
        for seq, body in enumerate(bodies)
    ]


@pytest.mark.parametrize("length", [153, 160])
def test_a_text_that_fills_a_part_may_go_on_in_the_next(length: int) -> None:
    group = first_turn(waiting("a" * length, "and the rest"), LATER)
    assert joined(group).body == "a" * length + "and the rest"


@pytest.mark.parametrize("length", [67, 70])
def test_so_may_one_in_another_alphabet(length: int) -> None:
    assert joined(first_turn(waiting("é" * (length - 1) + "—", "x"), LATER)).body.endswith("—x")


def test_three_parts_are_one_text() -> None:
    assert len(first_turn(waiting("a" * 153, "b" * 153, "c", "another text"), LATER)) == 3


@pytest.mark.parametrize("first", ["yes", "2", "a" * 100, "a" * 161])
def test_texts_that_are_whole_are_turns_of_their_own(first: str) -> None:
    assert [each.text.body for each in first_turn(waiting(first, "no"), LATER)] == [first]


def test_a_full_part_waits_a_moment_for_the_rest_and_then_stands_alone() -> None:
    assert first_turn(waiting("a" * 160), SOON) == []
    assert len(first_turn(waiting("a" * 160), LATER)) == 1


def test_after_a_crash_a_turn_has_the_texts_that_it_began_with() -> None:
    begun = waiting("a" * 160, message="m1")
    came_later = waiting("the rest")
    assert first_turn([*begun, *came_later], LATER) == begun


async def test_a_text_is_claimed_once(services: Services) -> None:
    inbox = Inbox(services.engine, services.seal)
    claims = [await inbox.claim(text("hi"), clinic="demo", thread="t", at=AT) for _ in range(3)]
    assert claims == [True, False, False]
    assert [each.text.body for each in await inbox.waiting("t")] == ["hi"]


async def test_threads_wait_in_the_order_of_their_first_text(services: Services) -> None:
    inbox = Inbox(services.engine, services.seal)
    for number, thread in enumerate(["b", "a", "b", "c"]):
        await inbox.claim(text("hi", id=f"SM{number}"), clinic="demo", thread=thread, at=AT)
    assert await inbox.ready(AT, but=[], limit=10) == ["b", "a", "c"]
    assert await inbox.ready(AT, but=["a"], limit=1) == ["b"]
    assert await inbox.ready(AT - timedelta(seconds=1), but=[], limit=10) == []


async def test_a_turn_that_failed_holds_its_thread_until_it_is_tried_again(services: Services) -> None:
    inbox = Inbox(services.engine, services.seal)
    for number in range(2):
        await inbox.claim(text("hi", id=f"SM{number}"), clinic="demo", thread="t", at=AT)
    await inbox.failed((await inbox.waiting("t"))[:1], again_at=LATER)
    assert await inbox.ready(SOON, but=[], limit=10) == []
    assert await inbox.ready(LATER, but=[], limit=10) == ["t"]


# -- who it is ---------------------------------------------------------------------------------------


async def kept(
    services: Services, threads: Threads, at: datetime, change: ConsentChange | None = None
) -> str:
    """Answer a text at this moment; the conversation it belongs to."""
    thread = await threads.of(text("hi"), "demo", at)
    async with services.engine.begin() as connection:
        await threads.keep(connection, thread, at, change)
    return thread.conversation


async def test_a_number_has_one_conversation(services: Services) -> None:
    threads = Threads(services.engine, services.seal)
    first = await kept(services, threads, AT)
    assert await kept(services, threads, AT + CHANGED_HANDS) == first


async def test_after_a_long_silence_the_number_may_be_somebody_elses(services: Services) -> None:
    threads = Threads(services.engine, services.seal)
    first = await kept(services, threads, AT)
    later = AT + CHANGED_HANDS + timedelta(seconds=1)
    second = await kept(services, threads, later)
    assert second != first
    assert await kept(services, threads, later + timedelta(days=1)) == second


async def test_a_stop_outlasts_the_silence(services: Services) -> None:
    threads = Threads(services.engine, services.seal)
    await kept(services, threads, AT, ConsentChange("out", "keyword", "patient"))
    thread = await threads.of(text("hi"), "demo", AT + 10 * CHANGED_HANDS)
    assert thread.opted_out_at == AT


async def test_the_hash_says_nothing_without_the_key_and_outlasts_a_rotation(services: Services) -> None:
    first = await Threads(services.engine, services.seal).id_of("+12025550145", "+14105550123")
    old = services.settings.key or (services.settings.var / "key").read_text()
    both = Seal(Fernet.generate_key().decode(), (old,))
    assert await Threads(services.engine, both).id_of("+12025550145", "+14105550123") == first
    others = {
        await Threads(services.engine, both).id_of(*pair)
        for pair in (("+12025550146", "+14105550123"), ("+12025550145", "+14105550124"))
    }
    assert first not in others
    assert len(first) == 32


def test_a_number_is_shown_by_its_last_digits_only() -> None:
    assert masked("+14105550123") == "…23"
