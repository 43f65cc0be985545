"""Texts that go nowhere: shown where the service runs, for trying it out."""

import sys
import uuid
from collections.abc import Callable, Collection
from datetime import datetime

from needlewise.channels.sms.protocol import Accepted, TextOut, masked

Show = Callable[[TextOut], None]


class ConsoleProvider:
    """Shows each text with `show`, and keeps what it showed, so that nothing is shown twice around an error."""

    def __init__(self, show: Show | None = None) -> None:
        self._show = show or _print
        self._shown: dict[str, str] = {}

    async def send(self, text: TextOut) -> Accepted:
        self._show(text)
        self._shown[text.parcel] = uuid.uuid4().hex
        return Accepted(self._shown[text.parcel], "delivered")

    async def find(self, text: TextOut, *, since: datetime, but: Collection[str]) -> Accepted | None:
        shown = self._shown.get(text.parcel)
        return None if shown is None else Accepted(shown, "delivered")

    async def close(self) -> None:
        pass


def _print(text: TextOut) -> None:
    print(f"text to {masked(text.number)}: {text.body}", file=sys.stdout, flush=True)
