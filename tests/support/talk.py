"""A conversation held in memory, turn by turn, for tests that need many states or a clock of their own."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from needlewise import wiring
from needlewise.content.model import Clinic
from needlewise.conversations.log import Conversation, Inbound
from needlewise.conversations.state import State
from needlewise.dialogue.turn import Turn, Turns

# A Tuesday at 10 in the morning of the demo clinic.
TUESDAY_AT_TEN = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)


@dataclass
class Talk:
    """What a patient says and hears. `state` may be taken out and given to another talk: a turn changes nothing else."""

    turns: Turns
    state: State = field(default_factory=State)
    clinic: str = "demo"
    channel: str = "web"
    at: datetime = TUESDAY_AT_TEN
    conversation: str = "talk"
    turn: Turn | None = None
    heard: list[str] = field(default_factory=list)
    """The patient's own messages so far, for what a failure shows."""

    def branch(self) -> "Talk":
        """Another talk that goes on from here."""
        return replace(self, heard=list(self.heard))

    async def says(self, *texts: str) -> "Talk":
        for text in texts:
            await self._take(Inbound(text))
        return self

    async def taps(self, *labels: str) -> "Talk":
        """Tap the newest choices with these labels."""
        offered = {choice["label"]: identity for identity, choice in self.state.choices.items()}
        return await self._take(Inbound(", ".join(labels), tuple(offered[label] for label in labels)))

    async def fills(self, **fields: str) -> "Talk":
        return await self._take(Inbound(fields=fields))

    def later(self, **by: float) -> "Talk":
        """The same talk after a while: `later(hours=25)`."""
        self.at += timedelta(**by)
        return self

    async def _take(self, inbound: Inbound) -> "Talk":
        place = self._profile()
        conversation = Conversation(self.conversation, self.clinic, self.channel, "en")
        self.heard.append(inbound.text or str(inbound.fields))
        self.turn = await self.turns.take(conversation, place, inbound, self.state, at=self.at)
        self.state = self.turn.state
        return self

    def _profile(self) -> Clinic:
        return wiring.services().library.clinic(self.clinic)

    @property
    def messages(self) -> list[dict[str, Any]]:
        assert self.turn is not None
        return [message.wire for message in self.turn.outgoing]

    @property
    def text(self) -> str:
        """All words of the latest reply."""
        return "\n".join(message["text"] for message in self.messages)

    @property
    def kinds(self) -> list[str]:
        return [message["kind"] for message in self.messages]

    @property
    def topics(self) -> list[str]:
        """Topics that the latest reply answers, in order."""
        return [answer["topic"] for message in self.messages for answer in message["answers"]]

    @property
    def labels(self) -> list[str]:
        return [choice["label"] for message in self.messages for choice in message["choices"]]

    @property
    def asking(self) -> str | None:
        """The question of an open form that waits for an answer."""
        return self.state.slots.get("requested_slot") if self.state.form else None

    @property
    def intent(self) -> str | None:
        assert self.turn is not None
        return self.turn.heard.intent if self.turn.heard else None


def words(key: str, *, clinic: str = "demo", language: str = "en", **values: str) -> str:
    """A phrase as a patient of this clinic reads it on the web."""
    services = wiring.services()
    return services.renderer.words(key, services.place(clinic, "web", language), **values)
