"""The visit that README shows, played as it ran. `python -m tests.support.visit` prints it for pasting."""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from needlewise.dialogue.turn import Turns
from needlewise.wiring import Services

# A Monday morning at the made-up clinic.
AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
REFERENCE = "RQ7BK4"

PATIENT = (
    "so does it hurt when the needle goes in the heel",
    "and how many times would i have to come in",
    "ok can you book me in",
    "none of those",
    "wait does my insurance pay for this?",
    "nope",
    "i had a cortisone shot in the heel last month",
    "Oak Park",
    "First visit with an exam",
    "Dana",
    "202-555-0187",
    "tuesday or thursday mornings",
    "yes",
    "Yes, send it",
)

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_REFERENCE = re.compile(r"\*\*[BCDFGHJKMPQRTVWXY34679]{6}\*\*")


async def play(turns: Turns, services: Services, messages: Sequence[str] = PATIENT) -> str:
    """The transcript of a visit to the demo clinic as Markdown; the reference number is always the same."""
    from needlewise.content.render import Place
    from needlewise.conversations.log import Conversation, Inbound
    from needlewise.conversations.state import State

    place = Place(services.library.clinic("demo"))
    conversation = Conversation("readme", "demo", "web", "en")
    _, state = turns.open(place, State())
    lines = []
    for text in messages:
        lines.append(f"> **Patient:** {text}")
        turn = await turns.take(conversation, place.clinic, Inbound(text), state, at=AT)
        state = turn.state
        for message in turn.outgoing:
            words = _LINK.sub(r"\1", " ".join(message.wire["text"].split()))
            ticks = [choice["label"] for choice in message.wire["choices"] if not choice["alone"]]
            shown = f" *({len(ticks)} lines to tick, the first: {ticks[0].lower()})*" if ticks else ""
            lines.append(f"> **Needlewise:** {_REFERENCE.sub(f'**{REFERENCE}**', words)}{shown}")
    return "\n>\n".join(lines) + "\n"


def main() -> None:
    from needlewise import clock, wiring
    from needlewise.db.engine import migrate
    from needlewise.logs import configure_logs, quiet_libraries
    from needlewise.settings import read_settings

    quiet_libraries()
    configure_logs(level=50, as_json=False)
    clock.now = lambda: AT
    with tempfile.TemporaryDirectory() as folder:
        services = wiring.build(replace(read_settings(), database_url=f"sqlite:///{folder}/visit.db"))
        wiring.use(services)
        migrate(services.settings.database_url)
        print(asyncio.run(play(services.load_turns(), services)))


if __name__ == "__main__":
    main()
