"""What every channel does with a message: claim it once, run its turn in order, store the reply, tell who listens."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from needlewise import clock, metrics
from needlewise.channels.silence import turn_of, with_return
from needlewise.conversations.live import SAID
from needlewise.conversations.log import Claim, Conversation, Inbound, Meanwhile
from needlewise.conversations.state import State, personal_answer
from needlewise.dialogue.turn import Turn, Turns
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

_REPLY = "reply"
"""News between processes: a message of a conversation was answered."""

MOST_WAITING = 40
"""Turns of one conversation that may wait for each other; a client that sends more is refused."""


class NotReady(NeedlewiseError):
    """The model is still being loaded, or the conversation's queue is full."""


class ChatService:
    """Conversations over any channel. `turns` is set once the model is loaded."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._listeners: dict[str, set[asyncio.Queue[dict[str, Any]]]] = {}
        self._fetching: set[asyncio.Task[None]] = set()
        services.news.hear(_REPLY, self._told)
        services.news.hear(SAID, self._said)
        self.turns: Turns | None = None
        self.to_redact = asyncio.Event()
        """Set after each stored turn; whoever redacts waits for it."""

    async def open(
        self, clinic: str, channel: str, language: str
    ) -> tuple[Conversation, str, list[dict[str, Any]]]:
        """A new conversation: it, its secret token, and its first messages. Raises NotReady."""
        turns = self._ready()
        outgoing, state = turns.open(self._services.place(clinic, channel, language), State())
        conversation, token = await self._services.log.open(
            clinic, channel, language, opening=outgoing, state=state
        )
        metrics.conversations.labels(channel).inc()
        return conversation, token, [message.wire for message in outgoing]

    async def take(
        self, conversation: Conversation, client_id: str, inbound: Inbound
    ) -> list[dict[str, Any]]:
        """The replies to a message: of its turn now, or of its earlier delivery. Raises NotReady, UnknownChoice, UnknownToken."""
        turns = self._ready()
        queue = self._services.queue
        if queue.waiting(conversation.id) >= MOST_WAITING:
            raise NotReady("too many turns wait in this conversation")
        await queue.acquire(conversation.id)
        try:
            while True:
                claim = await self._services.log.claim(conversation, client_id, inbound)
                if claim.replies is not None:
                    return list(claim.replies)
                turn = await turn_of(
                    self._services, turns, conversation, claim, claim.inbound, at=clock.now()
                )
                outgoing = with_return(self._services, conversation, claim, turn.outgoing)
                try:
                    await self._services.log.commit(
                        conversation,
                        claim,
                        state=turn.state,
                        outgoing=outgoing,
                        heard=turn.heard,
                        verdict=turn.verdict,
                        latency_ms=turn.latency_ms,
                        redacted=known_redacted(claim, turn),
                        opted_out=True if turn.opt_out else None,
                        also=self._services.live_help.ends(conversation.id, conversation.clinic, claim),
                    )
                    break
                except Meanwhile:
                    # A person came, or went, while the assistant thought: what it would say now may be another thing.
                    continue
        finally:
            queue.release(conversation.id)
        metrics.turns.labels(conversation.channel, turn.outcome).inc()
        metrics.turn_seconds.labels(conversation.channel).observe(turn.latency_ms / 1000)
        self.to_redact.set()
        wires = [message.wire for message in outgoing]
        self._spread(conversation.id, wires)
        await self._services.news.tell(_REPLY, f"{conversation.id} {claim.message}")
        return wires

    def _spread(self, conversation: str, wires: Iterable[dict[str, Any]]) -> None:
        for wire in wires:
            for listener in self._listeners.get(conversation, ()):
                listener.put_nowait(wire)

    def _told(self, news: str) -> None:
        """Another process answered a message: who listens to its conversation here gets the replies."""
        conversation, _, message = news.partition(" ")
        if conversation in self._listeners:
            self._begin_fetch(conversation, self._services.log.replies(message))

    def _said(self, news: str) -> None:
        """Something was said outside a turn, here or in another process; no news of it may have come before."""
        self.to_redact.set()
        live = self._services.live_help
        conversation, _, message = news.partition(" ")
        if conversation in self._listeners:
            self._begin_fetch(conversation, live.said(message))
        elif not conversation:
            for listened in self._listeners:
                self._begin_fetch(listened, live.newest(listened))

    def _begin_fetch(self, conversation: str, found: Awaitable[Iterable[dict[str, Any]]]) -> None:
        task = asyncio.create_task(self._fetch(conversation, found))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _fetch(self, conversation: str, found: Awaitable[Iterable[dict[str, Any]]]) -> None:
        try:
            self._spread(conversation, await found)
        except (SQLAlchemyError, OSError, NeedlewiseError) as error:
            logger.error("what was said was not read: %s", type(error).__name__)

    @contextmanager
    def listen(self, conversation: str) -> Iterator[asyncio.Queue[dict[str, Any]]]:
        """A queue of this conversation's new messages while the block runs."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.setdefault(conversation, set()).add(queue)
        try:
            yield queue
        finally:
            self._listeners[conversation].discard(queue)
            if not self._listeners[conversation]:
                del self._listeners[conversation]

    def _ready(self) -> Turns:
        if self.turns is None:
            raise NotReady("the model is being loaded")
        return self.turns


def known_redacted(claim: Claim, turn: Turn) -> str | None:
    """What may be read of a message whose words need no redactor: a tapped button's label, or a form's personal answer."""
    if claim.inbound.choices:
        return claim.inbound.text
    heard = turn.heard
    elsewhere = heard is not None and bool(heard.topics or heard.act not in (None, "out_of_scope"))
    understood = turn.verdict.level is not None or heard is None or elsewhere
    return personal_answer(claim.inbound.fields, claim.state, turn.state, understood=understood)
