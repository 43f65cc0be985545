"""Conversations as the log keeps them after turns that never ran: no model is needed to say what was understood."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from needlewise.conversations.heard import Heard
from needlewise.conversations.log import Conversation, ConversationLog, Inbound, Outgoing, Verdict
from needlewise.conversations.state import State


@dataclass(frozen=True)
class Turned:
    """A message of a patient, and what its turn came to."""

    text: str = "does it hurt"
    redacted: str | None = None
    """What may be read of it at once; None leaves it to redaction."""
    heard: dict[str, Any] | None = field(default_factory=dict)
    """Fields of a Heard; None where nothing was understood, as of a stop."""
    level: str | None = None
    rule: str | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    opted_out: bool | None = None
    reply: str = "It may hurt a little."
    answers: tuple[tuple[str, int], ...] = ()


@dataclass
class Kept:
    """One conversation and the ids of its messages: `asked` are the patient's, `said` ours."""

    conversation: Conversation
    token: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.conversation.id


async def keep(
    log: ConversationLog, *turns: Turned, clinic: str = "demo", channel: str = "web", redacts: bool = True
) -> Kept:
    """A conversation of these turns. Words without a redacted text are kept as they are, unless told to leave them waiting."""
    conversation, token = await log.open(clinic, channel, "en", state=State())
    kept = Kept(conversation, token)
    for turn in turns:
        await go_on(log, kept, turn)
    if redacts:
        await log.keep_redacted(await log.unredacted())
    return kept


async def go_on(log: ConversationLog, kept: Kept, turn: Turned) -> None:
    """One more turn."""
    claim = await log.claim(kept.conversation, uuid.uuid4().hex, Inbound(turn.text))
    answer = uuid.uuid4().hex
    wire = {"id": answer, "text": turn.reply, "kind": "answer"}
    heard = None if turn.heard is None else Heard(kept.conversation.clinic, **turn.heard)
    await log.commit(
        kept.conversation,
        claim,
        state=State(slots=turn.slots),
        outgoing=[Outgoing(wire, turn.reply, "answer", turn.answers)],
        heard=heard,
        verdict=Verdict(turn.level, turn.rule),
        latency_ms=12.0,
        redacted=turn.redacted,
        opted_out=turn.opted_out,
    )
    kept.asked.append(claim.message)
    kept.said.append(answer)
