"""Conversations as the log keeps them, put straight into the tables: no model is needed to have something to look at."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import insert

from needlewise import clock
from needlewise.conversations.log import Inbound
from needlewise.conversations.search import make_searchable
from needlewise.db.tables import (
    conversation_tags,
    conversation_topics,
    conversations,
    feedback,
    messages,
)
from needlewise.wiring import Services


@dataclass
class Talk:
    """One conversation in the making, with the ids of its messages in order."""

    id: str
    clinic: str
    said: list[str] = field(default_factory=list)


class Log:
    """Adds conversations. Each is a minute older than the one before, unless told when."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._count = 0

    async def talk(
        self,
        words: str = "how much does it cost",
        *,
        masked: str | None = None,
        reply: str = "It depends.",
        clinic: str = "demo",
        channel: str = "web",
        at: datetime | None = None,
        topics: tuple[str, ...] = ("cost",),
        tags: tuple[str, ...] = (),
        confidence: float | None = 0.9,
        understood: dict[str, Any] | None = None,
        answers: tuple[tuple[str, int], ...] = (("cost", 1),),
        safety: tuple[str, str] | None = None,
        thumb: str | None = None,
        thumb_reason: str | None = None,
        **columns: Any,
    ) -> Talk:
        """A conversation of one question and its answer. `words` are sealed; `masked` is what may be read of them."""
        self._count += 1
        at = at or clock.now() - timedelta(minutes=self._count)
        talk = Talk(uuid4().hex, clinic)
        shown = words if masked is None else masked
        values = {
            "id": talk.id,
            "clinic": clinic,
            "channel": channel,
            "language": "en",
            "started_at": at,
            "last_at": at,
            "state_sealed": b"",
            "heard": 1,
            "confidence": confidence,
            "safety": safety[0] if safety else None,
            "thumbs_up": int(thumb == "up"),
            "thumbs_down": int(thumb == "down"),
            **columns,
        }
        async with self._services.engine.begin() as connection:
            await connection.execute(insert(conversations).values(**values))
            await make_searchable(connection, talk.id, clinic, shown)
            for table, name, found in (
                (conversation_topics, "topic", topics),
                (conversation_tags, "tag", tags),
            ):
                for one in found:
                    await connection.execute(
                        insert(table).values(conversation=talk.id, clinic=clinic, **{name: one})
                    )
        await self.hears(
            talk,
            words,
            masked=masked,
            at=at,
            topics=topics,
            confidence=confidence,
            understood=understood,
            safety=safety,
        )
        ours = await self.says(talk, reply, at=at, answers=answers)
        if thumb:
            async with self._services.engine.begin() as connection:
                await connection.execute(
                    insert(feedback).values(
                        message=ours,
                        clinic=clinic,
                        verdict=thumb,
                        reason_sealed=self._services.seal.seal(thumb_reason.encode())
                        if thumb_reason
                        else None,
                        at=at,
                    )
                )
        return talk

    async def hears(
        self,
        talk: Talk,
        words: str,
        *,
        masked: str | None = None,
        is_redacted: bool = True,
        is_answered: bool = True,
        act: str | None = None,
        at: datetime | None = None,
        topics: tuple[str, ...] = (),
        confidence: float | None = 0.9,
        understood: dict[str, Any] | None = None,
        safety: tuple[str, str] | None = None,
    ) -> str:
        """The patient writes; the message's id."""
        body = msgspec.json.encode(Inbound(words))
        level, rule = safety or (None, None)
        return await self._message(
            talk,
            "in",
            body,
            at,
            redacted=(words if masked is None else masked) if is_redacted else None,
            answered=is_answered,
            act=act,
            topics=list(topics),
            confidence=confidence,
            understood=understood,
            safety_level=level,
            safety_rule=rule,
            latency_ms=12.5,
        )

    async def says(
        self,
        talk: Talk,
        text: str,
        *,
        at: datetime | None = None,
        kind: str = "answer",
        answers: tuple[tuple[str, int], ...] = (),
        author: str | None = None,
    ) -> str:
        """The assistant, or a member of staff, writes; the message's id."""
        given = [{"topic": topic, "version": version} for topic, version in answers]
        wire = {"id": "", "text": text, "kind": kind}
        return await self._message(
            talk,
            "out",
            msgspec.json.encode(wire),
            at,
            redacted=text,
            kind=kind,
            answers=given,
            author=author,
        )

    async def _message(
        self, talk: Talk, direction: str, body: bytes, at: datetime | None, **columns: Any
    ) -> str:
        identity = uuid4().hex
        async with self._services.engine.begin() as connection:
            await connection.execute(
                insert(messages).values(
                    id=identity,
                    clinic=talk.clinic,
                    conversation=talk.id,
                    position=len(talk.said) + 1,
                    direction=direction,
                    channel="web",
                    at=at or clock.now(),
                    body_sealed=self._services.seal.seal(body),
                    **columns,
                )
            )
        talk.said.append(identity)
        return identity
