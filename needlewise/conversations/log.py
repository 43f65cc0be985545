"""The conversation log: every message in and out exactly once, in one transaction with the conversation's state.

A message is claimed when it arrives (its client id is unique in its conversation) and answered in a second transaction that
holds the reply, the log entries and the new state. A crash between the two leaves a claimed message without a reply, and a repeat
of it is run again.
"""

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.conversations.forgetting import erase_words
from needlewise.conversations.heard import Heard
from needlewise.conversations.presence import Present, left, present, still
from needlewise.conversations.search import make_searchable
from needlewise.conversations.state import State, decode_state
from needlewise.conversations.summary import after_turn
from needlewise.conversations.understood import as_understood
from needlewise.db.engine import reading, scrub
from needlewise.db.sealing import Seal
from needlewise.db.tables import answers_shown, conversation_topics, conversations, feedback, messages
from needlewise.errors import NeedlewiseError

ABANDONED = timedelta(minutes=1)
"""After so long without a reply, a message's turn does not run any more."""


Also = Callable[[AsyncConnection, str], Awaitable[None]]
"""What a channel does in the log's own transaction; it gets the connection and the inbound message's id."""


class UnknownToken(NeedlewiseError):
    """No open conversation has this token: it is forged, expired, or its conversation was forgotten."""


class UnknownChoice(NeedlewiseError):
    """A choice id that this conversation never offered, or offered too long ago."""


class Meanwhile(NeedlewiseError):
    """Staff stepped in or out while a turn ran: it is to be taken once more."""


class NotYours(NeedlewiseError):
    """The message belongs to another conversation, or does not exist."""


@dataclass(frozen=True)
class Conversation:
    id: str
    clinic: str
    channel: str
    language: str


class Inbound(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a patient sent: words, tapped choice ids, or form fields."""

    text: str = ""
    choices: tuple[str, ...] = ()
    fields: dict[str, str] = {}


@dataclass(frozen=True)
class Claim:
    """An inbound message that is ours to answer, or has been answered already."""

    message: str
    inbound: Inbound
    state: State
    replies: tuple[dict[str, Any], ...] | None
    """The committed replies of an earlier delivery; None when the turn is still to run."""
    live: Present | None = None
    """The member of staff who is in the conversation."""

    @property
    def is_silent(self) -> bool:
        """Whether the assistant says nothing to it but what safety must."""
        return self.live is not None and not self.live.is_over


@dataclass(frozen=True)
class Outgoing:
    """One message to the patient as the log keeps it: its wire form and what it shows of our content."""

    wire: dict[str, Any]
    text: str
    kind: str
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Verdict:
    """What safety triage decided of an inbound message."""

    level: str | None = None
    rule: str | None = None


class ConversationLog:
    """All reading and writing of conversations. Times are aware and in UTC."""

    def __init__(self, engine: AsyncEngine, seal: Seal, *, session_hours: int) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal
        self._session = timedelta(hours=session_hours)

    async def open(
        self, clinic: str, channel: str, language: str, *, opening: Sequence[Outgoing] = (), state: State
    ) -> tuple[Conversation, str]:
        """A new conversation with its first messages, and the secret token that speaks for it (kept only as a hash)."""
        token = secrets.token_urlsafe(32)
        conversation = Conversation(uuid.uuid4().hex, clinic, channel, language)
        at = clock.now()
        async with self._engine.begin() as connection:
            await connection.execute(
                insert(conversations).values(
                    id=conversation.id,
                    clinic=clinic,
                    channel=channel,
                    language=language,
                    token_hash=_hashed(token),
                    started_at=at,
                    last_at=at,
                    state_sealed=self._seal.seal(state.encode()),
                )
            )
            await self._insert_outgoing(connection, conversation, opening, reply_to=None, at=at)
        return conversation, token

    async def begin(
        self, conversation: Conversation, state: State, *, opening: Sequence[Outgoing] = ()
    ) -> bool:
        """Store a conversation whose id, and who may speak in it, its channel decides; there is no token. False when it was there."""
        at = clock.now()
        try:
            async with self._engine.begin() as connection:
                await connection.execute(
                    insert(conversations).values(
                        id=conversation.id,
                        clinic=conversation.clinic,
                        channel=conversation.channel,
                        language=conversation.language,
                        started_at=at,
                        last_at=at,
                        state_sealed=self._seal.seal(state.encode()),
                    )
                )
                await self._insert_outgoing(connection, conversation, opening, reply_to=None, at=at)
        except IntegrityError:
            return False
        return True

    async def find(self, token: str) -> Conversation:
        """The conversation a token speaks for. Raises UnknownToken."""
        query = select(conversations).where(conversations.c.token_hash == _hashed(token))
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.forgotten_at is not None or row.last_at + self._session < clock.now():
            raise UnknownToken("the token is unknown or expired")
        return Conversation(row.id, row.clinic, row.channel, row.language)

    async def claim(
        self, conversation: Conversation, client_id: str, inbound: Inbound, *, also: Also | None = None
    ) -> Claim:
        """Store an inbound message once. A repeat gets the first delivery's content, and its replies when it has any.

        `also` is done in the same transaction as the first storing, with the message's id.
        """
        message = uuid.uuid4().hex
        async with self._engine.begin() as connection:
            columns = (conversations.c.state_sealed, conversations.c.live_by, conversations.c.live_at)
            query = select(*columns).where(conversations.c.id == conversation.id)
            # The conversation first, so that no two messages, of a patient and of staff, take the same place in it.
            found = (await connection.execute(query.with_for_update())).one_or_none()
            row = await self._inbound_row(connection, conversation, client_id)
            if found is None or found.state_sealed is None:
                raise UnknownToken("the conversation was forgotten")
            state = decode_state(self._seal.open(found.state_sealed))
            live = present(found.live_by, found.live_at)
            if inbound.choices and not inbound.text:
                labels = [
                    str(state.choices[choice]["label"])
                    for choice in inbound.choices
                    if choice in state.choices
                ]
                inbound = msgspec.structs.replace(inbound, text=", ".join(labels))
            if row is not None:
                inbound = msgspec.json.decode(self._seal.open(row.body_sealed), type=Inbound)
                if row.answered:
                    return Claim(row.id, inbound, state, await self._replies(connection, row.id))
            if any(choice not in state.choices for choice in inbound.choices):
                raise UnknownChoice("no such choice in this conversation")
            if row is not None:
                return Claim(row.id, inbound, state, None, live)
            try:
                await connection.execute(
                    insert(messages).values(
                        id=message,
                        clinic=conversation.clinic,
                        conversation=conversation.id,
                        position=_next_position(conversation),
                        direction="in",
                        channel=conversation.channel,
                        client_id=client_id,
                        at=clock.now(),
                        answered=False,
                        body_sealed=self._seal.seal(msgspec.json.encode(inbound)),
                    )
                )
                if also is not None:
                    await also(connection, message)
            except IntegrityError as error:
                raise NeedlewiseError("the message is being claimed elsewhere") from error
        return Claim(message, inbound, state, None, live)

    async def commit(
        self,
        conversation: Conversation,
        claim: Claim,
        *,
        state: State,
        outgoing: Sequence[Outgoing],
        heard: Heard | None,
        verdict: Verdict,
        latency_ms: float,
        redacted: str | None = None,
        opted_out: bool | None = None,
        also: Also | None = None,
    ) -> None:
        """Store a turn's replies, what was understood, and the new state, all or nothing, with whatever `also` does.

        `redacted` is what staff may read of the inbound message when that is known already; `opted_out` is whether the patient said
        stop, or start again, if either. Raises UnknownToken when the conversation was forgotten meanwhile, Meanwhile when staff
        stepped in or out since the claim, and NeedlewiseError when another process answered the message first.
        """
        at = clock.now()
        async with self._engine.begin() as connection:
            # The conversation first, here and in forget, so that one of the two waits for the other.
            kept = await connection.execute(
                update(conversations)
                .where(
                    conversations.c.id == conversation.id,
                    conversations.c.forgotten_at.is_(None),
                    still(claim.live),
                )
                .values(
                    state_sealed=self._seal.seal(state.encode()),
                    last_at=at,
                    **after_turn(heard, state, safety=verdict.level, opted_out=opted_out),
                    **left(claim.live),
                )
            )
            if kept.rowcount == 0:
                raise await self._why_not(connection, conversation)
            answered = await connection.execute(
                update(messages)
                .where(messages.c.id == claim.message, messages.c.answered.is_(False))
                .values(
                    answered=True,
                    redacted=redacted,
                    topics=list(heard.topics) if heard else [],
                    act=heard.act if heard else None,
                    confidence=heard.confidence if heard else None,
                    safety_level=verdict.level,
                    safety_rule=verdict.rule,
                    latency_ms=latency_ms,
                    understood=as_understood(heard, claim.state) if heard else None,
                )
            )
            if answered.rowcount == 0:
                raise NeedlewiseError("the message was answered elsewhere meanwhile")
            if heard and heard.topics:
                await self._note_topics(connection, conversation, heard.topics)
            if redacted:
                await make_searchable(connection, conversation.id, conversation.clinic, redacted)
            await self._insert_outgoing(connection, conversation, outgoing, reply_to=claim.message, at=at)
            if also is not None:
                await also(connection, claim.message)

    async def history(self, conversation: Conversation, *, after: str | None) -> list[dict[str, Any]]:
        """The messages of a conversation in order, each with `from`; those after the message id `after` when given."""
        async with self._reading.connect() as connection:
            query = (
                select(messages)
                .where(messages.c.conversation == conversation.id)
                .order_by(messages.c.position)
            )
            if after is not None:
                position = await connection.scalar(
                    select(messages.c.position).where(
                        messages.c.id == after, messages.c.conversation == conversation.id
                    )
                )
                if position is None:
                    raise NotYours("no such message in this conversation")
                query = query.where(messages.c.position > position)
            rows = (await connection.execute(query)).all()
        return [self._shown(row) for row in rows]

    async def replies(self, message: str) -> tuple[dict[str, Any], ...]:
        """The committed replies to an inbound message, in order; none where there is no such message."""
        async with self._reading.connect() as connection:
            return await self._replies(connection, message)

    async def rate(self, conversation: Conversation, message: str, verdict: str, reason: str | None) -> None:
        """Keep a patient's thumb on one of the assistant's messages; a second one replaces the first. Raises NotYours."""
        async with self._engine.begin() as connection:
            found = await connection.scalar(
                select(messages.c.id).where(
                    messages.c.id == message,
                    messages.c.conversation == conversation.id,
                    messages.c.direction == "out",
                )
            )
            if found is None:
                raise NotYours("no such message in this conversation")
            await connection.execute(delete(feedback).where(feedback.c.message == message))
            await connection.execute(
                insert(feedback).values(
                    message=message,
                    clinic=conversation.clinic,
                    verdict=verdict,
                    reason_sealed=self._seal.seal(reason.encode()) if reason else None,
                    at=clock.now(),
                )
            )
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation.id)
                .values(thumbs_up=_thumbs(conversation, "up"), thumbs_down=_thumbs(conversation, "down"))
            )

    async def forget(self, conversation: Conversation) -> None:
        """Erase a conversation's words and state for good; that it happened, and what it was about in numbers, stays."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation.id)
                .values(token_hash=None, forgotten_at=clock.now())
            )
            await erase_words(connection, [conversation.id])
            mine = select(messages.c.id).where(messages.c.conversation == conversation.id)
            await connection.execute(delete(feedback).where(feedback.c.message.in_(mine)))
        await scrub(self._engine)

    async def unredacted(self, limit: int = 200) -> list[tuple[str, str]]:
        """Messages of patients and of staff still without a redacted text: (id, everything that was written in it).

        A message whose turn runs is left alone: its turn may know best what may be read of it.
        """
        query = (
            select(messages.c.id, messages.c.body_sealed)
            .where(
                messages.c.redacted.is_(None),
                messages.c.body_sealed.is_not(None),
                (messages.c.kind == "staff")
                | (messages.c.direction == "in")
                & (messages.c.answered.is_(True) | (messages.c.at < clock.now() - ABANDONED)),
            )
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            (row.id, written(msgspec.json.decode(self._seal.open(row.body_sealed), type=Inbound)))
            for row in rows
        ]

    async def keep_redacted(self, texts: Sequence[tuple[str, str]]) -> None:
        """Store redacted texts by message id, and let them be searched.

        A message forgotten meanwhile stays empty, and a text that is there stays.
        """
        async with self._engine.begin() as connection:
            homes = await self._homes(connection, [message for message, _ in texts])
            for message, text in texts:
                kept = await connection.execute(
                    update(messages)
                    .where(
                        messages.c.id == message,
                        messages.c.body_sealed.is_not(None),
                        messages.c.redacted.is_(None),
                    )
                    .values(redacted=text)
                )
                if kept.rowcount and homes[message].direction == "in":
                    home = homes[message]
                    await make_searchable(connection, home.conversation, home.clinic, text)

    async def _homes(self, connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Row]:
        """Where each message belongs. The conversations are held until the transaction ends.

        In order, and before their messages: commit and forget hold them first as well, so that no two wait for each other.
        """
        columns = (messages.c.id, messages.c.conversation, messages.c.clinic, messages.c.direction)
        found = await connection.execute(select(*columns).where(messages.c.id.in_(ids)))
        homes = {row.id: row for row in found}
        await connection.execute(
            select(conversations.c.id)
            .where(conversations.c.id.in_({home.conversation for home in homes.values()}))
            .order_by(conversations.c.id)
            .with_for_update()
        )
        return homes

    async def _inbound_row(
        self, connection: AsyncConnection, conversation: Conversation, client_id: str
    ) -> Row | None:
        query = select(messages).where(
            messages.c.conversation == conversation.id,
            messages.c.client_id == client_id,
            messages.c.direction == "in",
        )
        return (await connection.execute(query)).one_or_none()

    async def _why_not(self, connection: AsyncConnection, conversation: Conversation) -> NeedlewiseError:
        query = select(conversations.c.id).where(
            conversations.c.id == conversation.id, conversations.c.forgotten_at.is_(None)
        )
        if await connection.scalar(query) is None:
            return UnknownToken("the conversation was forgotten")
        return Meanwhile("staff stepped in or out meanwhile")

    async def _replies(self, connection: AsyncConnection, inbound: str) -> tuple[dict[str, Any], ...]:
        home = select(messages.c.conversation).where(messages.c.id == inbound).scalar_subquery()
        query = (
            select(messages)
            .where(messages.c.conversation == home, messages.c.reply_to == inbound)
            .order_by(messages.c.position)
        )
        return tuple(
            msgspec.json.decode(self._seal.open(row.body_sealed)) for row in await connection.execute(query)
        )

    async def _insert_outgoing(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        outgoing: Sequence[Outgoing],
        *,
        reply_to: str | None,
        at: datetime,
    ) -> None:
        for message in outgoing:
            await connection.execute(
                insert(messages).values(
                    id=message.wire["id"],
                    clinic=conversation.clinic,
                    conversation=conversation.id,
                    position=_next_position(conversation),
                    direction="out",
                    channel=conversation.channel,
                    reply_to=reply_to,
                    at=at,
                    body_sealed=self._seal.seal(msgspec.json.encode(message.wire)),
                    redacted=message.text,
                    kind=message.kind,
                    answers=[{"topic": topic, "version": version} for topic, version in message.answers],
                )
            )

        shown = [
            {
                "message": message.wire["id"],
                "topic": topic,
                "clinic": conversation.clinic,
                "channel": conversation.channel,
                "version": version,
                "at": at,
            }
            for message in outgoing
            for topic, version in dict(message.answers).items()
        ]
        if shown:
            await connection.execute(insert(answers_shown), shown)

    async def _note_topics(
        self, connection: AsyncConnection, conversation: Conversation, topics: Sequence[str]
    ) -> None:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        rows = [
            {"conversation": conversation.id, "topic": topic, "clinic": conversation.clinic}
            for topic in dict.fromkeys(topics)
        ]
        await connection.execute(dialect.insert(conversation_topics).on_conflict_do_nothing(), rows)

    def _shown(self, row: Row) -> dict[str, Any]:
        if row.direction == "out":
            return {"from": "assistant", **msgspec.json.decode(self._seal.open(row.body_sealed))}
        inbound = msgspec.json.decode(self._seal.open(row.body_sealed), type=Inbound)
        return {"from": "patient", "id": row.id, "text": written(inbound)}


class TurnQueue:
    """Lets the turns of one conversation run one after another, in the order they came, and others beside them."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def waiting(self, conversation: str) -> int:
        """How many turns of this conversation run or wait."""
        return self._locks.get(conversation, (None, 0))[1]

    async def acquire(self, conversation: str) -> None:
        lock, holders = self._locks.get(conversation) or (asyncio.Lock(), 0)
        self._locks[conversation] = (lock, holders + 1)
        try:
            # asyncio.Lock wakes its waiters first come, first served.
            await lock.acquire()
        except asyncio.CancelledError:
            self._leave(conversation)
            raise

    def release(self, conversation: str) -> None:
        self._locks[conversation][0].release()
        self._leave(conversation)

    def _leave(self, conversation: str) -> None:
        lock, holders = self._locks[conversation]
        if holders == 1:
            del self._locks[conversation]
        else:
            self._locks[conversation] = (lock, holders - 1)


def _next_position(conversation: Conversation) -> Any:
    """The place after a conversation's last message, found by the database in the insert itself."""
    last = select(func.coalesce(func.max(messages.c.position), 0) + 1)
    return last.where(messages.c.conversation == conversation.id).scalar_subquery()


def _thumbs(conversation: Conversation, verdict: str) -> Any:
    """How many of a conversation's messages have this thumb."""
    theirs = select(func.count()).select_from(feedback).join(messages, messages.c.id == feedback.c.message)
    return theirs.where(
        messages.c.conversation == conversation.id, feedback.c.verdict == verdict
    ).scalar_subquery()


def written(inbound: Inbound) -> str:
    """Everything that the patient wrote in a message."""
    return inbound.text or ", ".join(inbound.fields.values())


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "ignore")).hexdigest()
