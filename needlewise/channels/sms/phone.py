"""A patient's phone in the terminal: texts go through the real webhook, signed, and come back out of the real outbox.

Nothing leaves the machine: the provider is the console, and what `needlewise sms` stores is gone with it. There is no network between the
phone and the webhook either: the requests are the application's own, in one process.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.text import Text
from sqlalchemy import func, select
from starlette.applications import Starlette

from needlewise.channels.service import ChatService
from needlewise.channels.sms.channel import SmsChannel
from needlewise.channels.sms.console import ConsoleProvider
from needlewise.channels.sms.protocol import TextOut, is_number
from needlewise.channels.sms.routes import WEBHOOK
from needlewise.channels.sms.signature import signature
from needlewise.db.tables import inbox, outbox
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.text.segments import Segments, segments
from needlewise.wiring import Services

NUMBER = "+12025550123"
"""The patient's number unless told: one of those that belong to nobody."""

CENTS_PER_PART = 1.2
"""An estimate of what a part costs to send to a US phone: 0.83 cents to Twilio (July 2026) and about 0.35 to the phone company."""

PICTURE = "[picture]"
"""A line that sends a picture without words."""

_ADDRESS = "http://phone.invalid"
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0
_WIDTH = 46


@dataclass(frozen=True)
class Bubble:
    """One text on the screen."""

    body: str
    mine: bool
    """Whether the patient sent it."""

    @property
    def parts(self) -> Segments:
        return segments(self.body)


def texting_settings(settings: Settings) -> Settings:
    """The settings with the console for a provider, and a token that is as long as this phone lives."""
    return replace(
        settings,
        sms_provider="console",
        twilio_token=secrets.token_hex(16),
        public_address=_ADDRESS,
        sms_segments_per_second=1000,
        worker=False,
    )


class Phone:
    """One patient's phone and the clinic's number that it texts with."""

    def __init__(self, services: Services, client: httpx.AsyncClient, *, number: str, to: str) -> None:
        self._services = services
        self._client = client
        self._number = number
        self._to = to
        self._came: list[Bubble] = []

    def show(self, text: TextOut) -> None:
        """Take a text that the service sent."""
        self._came.append(Bubble(text.body, mine=False))

    async def send(self, body: str) -> Sequence[Bubble]:
        """Send a text and give the replies, none where there are none. Raises NeedlewiseError when the service does not take or finish it."""
        fields = {
            "MessageSid": f"SM{uuid.uuid4().hex}",
            "From": self._number,
            "To": self._to,
            "Body": "" if body == PICTURE else body,
            "NumMedia": "1" if body == PICTURE else "0",
        }
        token = self._services.settings.twilio_token or ""
        signed = signature(token, _ADDRESS + WEBHOOK, list(fields.items()))
        answer = await self._client.post(WEBHOOK, data=fields, headers={"X-Twilio-Signature": signed})
        if answer.status_code != 200:
            raise NeedlewiseError(f"the webhook answered {answer.status_code}")
        await self._settle()
        came, self._came = self._came, []
        return came

    async def _settle(self) -> None:
        """Wait until no text waits for its turn and none for being sent."""
        waiting = select(func.count()).where(inbox.c.ready_at.is_not(None)).scalar_subquery()
        leaving = (
            select(func.count())
            .where(outbox.c.kind == "sms", outbox.c.next_try_at.is_not(None))
            .scalar_subquery()
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    async with self._services.engine.connect() as connection:
                        if not await connection.scalar(select(waiting + leaving)):
                            return
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise NeedlewiseError("the text was not answered in a minute") from None


@asynccontextmanager
async def switched_on(
    services: Services, turns: Turns, *, clinic: str, number: str = NUMBER
) -> AsyncIterator[Phone]:
    """A phone while the block runs, with webhook, turns and outbox behind it. `services` have `texting_settings`.

    Raises NeedlewiseError for a clinic that has no number to text, and for a number that is none.
    """
    numbers = services.library.clinic(clinic).texting.numbers
    if not numbers:
        raise NeedlewiseError(f"content/clinics/{clinic}.yml names no number under texting")
    if not is_number(number):
        raise NeedlewiseError(f"{number} is no phone number: write it as {NUMBER}")
    chat = ChatService(services)
    chat.turns = turns
    shown: list[Phone] = []
    channel = SmsChannel(services, chat, provider=ConsoleProvider(lambda text: shown[0].show(text)))
    transport = httpx.ASGITransport(Starlette(routes=channel.routes()))
    stopping = asyncio.Event()
    working = asyncio.create_task(channel.work(stopping))
    async with httpx.AsyncClient(transport=transport, base_url=_ADDRESS) as client:
        phone = Phone(services, client, number=number, to=numbers[0])
        shown.append(phone)
        try:
            yield phone
        finally:
            stopping.set()
            channel.wake()
            await working
            await services.locks.close()
            await services.engine.dispose()


def script_lines(path: Path) -> list[str]:
    """The texts of a script: a line each; empty lines and those that begin with # are left out. Raises NeedlewiseError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NeedlewiseError(f"{path} cannot be read: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def plain(bubble: Bubble, *, cents: float = CENTS_PER_PART) -> str:
    """A text as lines of a transcript: the patient's behind "> ", the service's behind "< " with its parts and cost."""
    if bubble.mine:
        return f"> {bubble.body}"
    return "\n".join([*(f"< {line}" for line in bubble.body.splitlines()), f"  [{_cost(bubble, cents)}]"])


def drawn(bubble: Bubble, console: Console, *, cents: float = CENTS_PER_PART) -> None:
    """Draw a text as a bubble: the patient's on the right."""
    width = min(_WIDTH, console.width)
    panel = Panel(
        Text(bubble.body),
        width=width,
        border_style="green" if bubble.mine else "cyan",
        subtitle=None if bubble.mine else _cost(bubble, cents),
        subtitle_align="right",
    )
    console.print(panel, justify="right" if bubble.mine else "left")


def total(bubbles: Iterable[Bubble], *, cents: float = CENTS_PER_PART) -> str:
    """What the service's texts come to: "12 texts in 19 parts, about 22.8 cents"."""
    sent = [bubble for bubble in bubbles if not bubble.mine]
    parts = sum(bubble.parts.count for bubble in sent)
    return f"{len(sent)} texts in {parts} parts, about {parts * cents:.1f} cents to send"


def _cost(bubble: Bubble, cents: float) -> str:
    counted = bubble.parts
    parts = "1 part" if counted.count == 1 else f"{counted.count} parts"
    return f"{parts}, {counted.encoding}, about {counted.count * cents:.1f} cents"
