"""The one place that knows the time, so that a test may set it, and that waits for it."""

import asyncio
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


async def is_set(event: asyncio.Event, *, within: float) -> bool:
    """Wait until the event is set, for `within` seconds at most; whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False
    return True
