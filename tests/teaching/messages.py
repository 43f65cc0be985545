"""Puts messages into the log as turns and redaction leave them, without the assistant."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from needlewise.db.tables import conversations, feedback, messages
from needlewise.teaching.corrections import Said
from needlewise.wiring import Services

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


async def wrote(
    services: Services,
    redacted: str | None,
    *,
    clinic: str = "demo",
    at: datetime = AT,
    thumb: str | None = None,
    answers: Sequence[str] = (),
    conversation: str | None = None,
    **columns: Any,
) -> str:
    """A patient's message and our reply to it, in a conversation of their own unless one is given; the id of the patient's message."""
    mine, reply = uuid.uuid4().hex, uuid.uuid4().hex
    offered = bool((columns.get("understood") or {}).get("offered"))
    async with services.engine.begin() as connection:
        if conversation is None:
            conversation = uuid.uuid4().hex
            await connection.execute(
                insert(conversations).values(
                    id=conversation, clinic=clinic, channel="web", language="en", started_at=at, last_at=at, heard=1
                )
            )  # fmt: skip
        if offered:
            await connection.execute(
                update(conversations).where(conversations.c.id == conversation).values(unsure=1)
            )
        place = len((await connection.execute(select(messages.c.id).where(messages.c.conversation == conversation))).all())  # fmt: skip
        common = {"clinic": clinic, "conversation": conversation, "channel": "web", "at": at}
        await connection.execute(
            insert(messages).values(
                id=mine, direction="in", position=place + 1, answered=True, redacted=redacted,
                **{"topics": list(answers), **columns}, **common,
            )
        )  # fmt: skip
        shown = [{"topic": topic, "version": 1} for topic in answers]
        await connection.execute(
            insert(messages).values(
                id=reply, direction="out", position=place + 2, reply_to=mine, redacted="Our words.",
                answers=shown, **common,
            )
        )  # fmt: skip
        if thumb is not None:
            await connection.execute(
                insert(feedback).values(message=reply, clinic=clinic, verdict=thumb, at=at)
            )
    return mine


async def said(services: Services, redacted: str | None, **more: Any) -> Said:
    """The same, as the form to correct it knows it."""
    found = await services.corrections.message(await wrote(services, redacted, **more))
    assert found is not None
    return found


async def reply_to(services: Services, message: str) -> str:
    async with services.engine.connect() as connection:
        return str(await connection.scalar(select(messages.c.id).where(messages.c.reply_to == message)))
