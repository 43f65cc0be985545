"""What a turn leaves on the conversation's row, in the lists beside it, and of how the message was read."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from needlewise.conversations.heard import Part
from needlewise.conversations.log import Inbound
from needlewise.conversations.state import State
from needlewise.conversations.understood import AsUnderstood, read_understood
from needlewise.db.tables import answers_shown, conversation_topics, conversations, messages
from needlewise.wiring import Services
from tests.support.kept import Kept, Turned, go_on, keep

FRESH = {
    "outcome": None,
    "safety": None,
    "declined": 0,
    "unsure": 0,
    "asked_person": False,
    "opted_out": False,
    "confidence": 1.0,
}


async def row(services: Services, kept: Kept) -> Any:
    async with services.reading.connect() as connection:
        query = select(conversations).where(conversations.c.id == kept.id)
        return (await connection.execute(query)).one()


@pytest.mark.parametrize(
    ("turns", "changes"),
    [
        ([Turned()], {}),
        ([Turned(heard={"confidence": 0.8}), Turned(heard={"confidence": 0.4})], {"confidence": 0.4}),
        ([Turned(heard={"confidence": 0.4}), Turned(heard={"confidence": 0.8})], {"confidence": 0.4}),
        ([Turned(heard={"act": "out_of_scope"}), Turned(heard={"act": "out_of_scope"})], {"declined": 2}),
        ([Turned(heard={"offered": ("cost", "insurance")})], {"unsure": 1}),
        ([Turned(heard={"act": "talk_to_human"}), Turned()], {"asked_person": True}),
        ([Turned(slots={"outcome": "CALL"})], {"outcome": "CALL"}),
        ([Turned(slots={"outcome": "CALL"}), Turned()], {"outcome": "CALL"}),
        ([Turned(slots={"outcome": "CALL"}), Turned(slots={"outcome": "BOOK"})], {"outcome": "BOOK"}),
        ([Turned(level="doctor"), Turned(level="crisis")], {"safety": "crisis"}),
        ([Turned(level="crisis"), Turned(level="doctor")], {"safety": "crisis"}),
        ([Turned(level="emergency"), Turned(level="crisis"), Turned()], {"safety": "emergency"}),
        ([Turned(opted_out=True)], {"opted_out": True}),
        ([Turned(opted_out=True), Turned(opted_out=False)], {"opted_out": False}),
        ([Turned(opted_out=True), Turned()], {"opted_out": True}),
        ([Turned(heard=None)], {"confidence": None}),
    ],
)
async def test_a_turn_leaves_on_the_row(
    services: Services, turns: list[Turned], changes: dict[str, Any]
) -> None:
    found = await row(services, await keep(services.log, *turns))
    assert {name: getattr(found, name) for name in FRESH} == FRESH | changes
    assert found.heard == len(turns)


async def test_topics_of_a_conversation_stand_once(services: Services) -> None:
    kept = await keep(
        services.log,
        Turned(heard={"topics": ("cost", "insurance")}),
        Turned(heard={"topics": ("cost", "cost")}),
    )
    async with services.reading.connect() as connection:
        found = (await connection.execute(select(conversation_topics))).all()
    assert sorted(found) == [(kept.id, "cost", "demo"), (kept.id, "insurance", "demo")]


async def test_each_answer_that_was_shown_stands_with_its_version(services: Services) -> None:
    kept = await keep(services.log, Turned(answers=(("cost", 3), ("insurance", 1), ("cost", 3))))
    async with services.reading.connect() as connection:
        found = (await connection.execute(select(answers_shown))).all()
    assert sorted((one.message, one.topic, one.version, one.channel) for one in found) == [
        (kept.said[0], "cost", 3, "web"),
        (kept.said[0], "insurance", 1, "web"),
    ]


async def test_a_thumb_is_counted_as_it_stands_now(services: Services) -> None:
    kept = await keep(services.log, Turned(), Turned())
    for message, verdict in ((0, "up"), (1, "down"), (0, "down")):
        await services.log.rate(kept.conversation, kept.said[message], verdict, None)
    found = await row(services, kept)
    assert (found.thumbs_up, found.thumbs_down) == (0, 2)


async def test_how_a_message_was_read_is_kept_without_a_word_of_it(services: Services) -> None:
    parts = (
        Part("cost", (("cost", 0.91), ("insurance", 0.05))),
        Part(None, (("hours_contact", 0.4), ("locations", 0.3))),
    )
    heard = {"intent": "cost", "topics": ("cost",), "parts": parts, "behind": "insurance"}
    kept = await keep(services.log, Turned(), redacts=False)
    claim = await services.log.claim(kept.conversation, "2", Inbound("what does it cost"))
    asking = State(form="booking_form", slots={"requested_slot": "location"})
    turn = Turned(heard=heard)
    await _commit(services, kept, replace(claim, state=asking), turn)
    async with services.reading.connect() as connection:
        stored = await connection.scalar(select(messages.c.understood).where(messages.c.id == claim.message))
    assert read_understood(stored) == AsUnderstood(
        intent="cost", parts=parts, behind="insurance", form="booking_form", asked="location"
    )
    assert "what does it" not in str(stored)


async def _commit(services: Services, kept: Kept, claim: Any, turn: Turned) -> None:
    from needlewise.conversations.heard import Heard
    from needlewise.conversations.log import Verdict

    await services.log.commit(
        kept.conversation,
        claim,
        state=State(),
        outgoing=[],
        heard=Heard("demo", **(turn.heard or {})),
        verdict=Verdict(),
        latency_ms=1.0,
    )


async def test_a_review_is_undone_when_the_patient_writes_on(services: Services) -> None:
    kept = await keep(services.log, Turned())
    async with services.engine.begin() as connection:
        await connection.execute(
            conversations.update().values(reviewed_at=kept_at(), reviewed_by="me1", assigned_to="me1")
        )
    await go_on(services.log, kept, Turned("and my calf"))
    found = await row(services, kept)
    assert (found.reviewed_at, found.reviewed_by, found.assigned_to) == (None, None, "me1")


def kept_at() -> Any:
    from needlewise import clock

    return clock.now()
