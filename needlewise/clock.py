"""The one place that knows the time, so that a test may set it, and that waits for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_other: Callable[[], datetime] | None = None


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC) if _other is None else _other().astimezone(UTC)


@contextmanager
def told_by(other: Callable[[], datetime]) -> Iterator[None]:
    """While the block runs, the whole process takes another clock for the present: for what is made up, and never while serving."""
    global _other
    before, _other = _other, other
    try:
        yield
    finally:
        _other = before


async def is_set(event: asyncio.Event, *, within: float) -> bool:
    """Wait until the event is set, for `within` seconds at most; whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False
    return True
