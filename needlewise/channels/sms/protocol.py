"""A text message as it comes in and goes out, whoever the provider is, and what a provider does."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from needlewise.errors import NeedlewiseError

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

OPTED_OUT = "21610"
"""The code with which a provider refuses texts to a number that said stop to it: Twilio's, https://www.twilio.com/docs/api/errors/21610."""


class TextIn(Struct, frozen=True):
    """A text from a patient. `number` is where it came from by the carrier's word; nothing in `body` is ever an address."""

    provider_id: str
    clinic_number: str
    number: str
    body: str = ""
    media: int = 0
    """How many pictures, sounds or cards came with it."""
    handled: str = ""
    """STOP, START or HELP when the provider has answered the keyword itself (Twilio's OptOutType)."""


@dataclass(frozen=True)
class TextOut:
    """A text to a patient."""

    parcel: str
    """Our own name for it; the provider gives it back with every status."""
    clinic_number: str
    number: str
    body: str


@dataclass(frozen=True)
class Accepted:
    """The provider has the text. `status` is the first one of its own."""

    provider_id: str
    status: str


class NotSent(NeedlewiseError):
    """The text was certainly not sent. `again` says whether another try may work."""

    def __init__(self, code: str, *, again: bool) -> None:
        super().__init__(f"the provider refused a text: {code}")
        self.code = code
        self.again = again


class OutcomeUnknown(NeedlewiseError):
    """The text may have been sent: the answer was lost, late, or an error that says nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(f"it is not known whether a text was sent: {code}")
        self.code = code


class Provider(Protocol):
    """Who carries texts."""

    async def send(self, text: TextOut) -> Accepted:
        """Hand a text over. Raises NotSent or OutcomeUnknown."""

    async def find(self, text: TextOut, *, since: datetime, but: Collection[str]) -> Accepted | None:
        """A text of these words to this number that was made since then, apart from the ids in `but`; None where there is none.

        Raises OutcomeUnknown when the provider cannot say.
        """

    async def close(self) -> None:
        """Give back connections."""


def is_number(number: str) -> bool:
    """Whether it is a phone number in E.164, as carriers write them."""
    return _E164.fullmatch(number) is not None


def masked(number: str) -> str:
    """A number as staff may see it: its last two digits."""
    return f"…{number[-2:]}"
