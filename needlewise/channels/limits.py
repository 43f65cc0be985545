"""How often one conversation, or one address, may ask something of us; and how fast we may send."""

import time
from collections import OrderedDict
from collections.abc import Callable

REMEMBERED = 20_000


class RateLimit:
    """Allows `per_minute` requests a key, all at once or spread out. Forgets the keys that were quiet the longest."""

    def __init__(self, per_minute: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._seconds = seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Take one request for this key: 0 when it may go on, else the seconds after which it may."""
        now = self._seconds()
        left, seen = self._left.pop(key, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - seen) * self._per_minute / 60)
        waits = 0.0 if left >= 1 else (1 - left) * 60 / self._per_minute
        self._left[key] = (left if waits else left - 1, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return waits


class Pace:
    """So many units a second, spread out: what goes now is paid for by waiting before what comes next."""

    def __init__(self, per_second: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._seconds = seconds
        self._free_at = 0.0

    def take(self, units: int) -> float:
        """Take so many units: after how many seconds they may go. What was not used in the last second may go at once."""
        now = self._seconds()
        begins = max(self._free_at, now - 1)
        self._free_at = begins + units / self._per_second
        return max(0.0, begins - now)
