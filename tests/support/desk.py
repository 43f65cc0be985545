"""A member of staff at the desk who helps live, without the console around it."""

import uuid
from dataclasses import dataclass

from needlewise import wiring
from needlewise.db.audit import Entry

MARIA, JOHN = "1" * 32, "2" * 32
"""Ids of two accounts."""


@dataclass
class Desk:
    """One of them, in front of one conversation."""

    conversation: str
    who: str = MARIA
    clinic: str = "demo"

    async def steps_in(self, *, over: str = "") -> None:
        await wiring.services().live_help.step_in(
            self.conversation, self.who, self._entry("conversation/step-in"), over=over
        )

    async def says(self, words: str, *, once: str = "") -> None:
        await wiring.services().live_help.speak(
            self.conversation,
            self.who,
            words,
            self._entry("conversation/write"),
            once=once or uuid.uuid4().hex,
        )

    async def steps_out(self) -> None:
        await wiring.services().live_help.step_out(
            self.conversation, self.who, self._entry("conversation/step-out")
        )

    async def sees(self) -> str:
        """Who is in the conversation."""
        scene = await wiring.services().live_help.look(self.conversation)
        assert scene is not None
        return scene.by

    def _entry(self, action: str) -> Entry:
        return Entry(self.who, action, clinic=self.clinic, subject=self.conversation)
