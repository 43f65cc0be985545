"""How fast somebody may guess. It slows guessing down and never locks an account.

Who tries from a browser in which this account has signed in before is counted by that browser alone: whatever others do, they cannot
keep its owner out. Everybody else is counted three times: by account and address, by account, and by address. Only the first of these
waits long, for the others would let a stranger lock people out.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.sealing import Seal, kept_secret
from needlewise.db.tables import staff_throttle

FORGOTTEN = timedelta(hours=24)
"""After so long without a failure one begins anew."""


@dataclass(frozen=True)
class Limit:
    """So many failures are free; each further one doubles the wait, from a second up to `longest` seconds."""

    free: int
    longest: int

    def wait(self, failures: int) -> timedelta:
        over = failures - self.free
        return timedelta(seconds=min(self.longest, 2 ** min(over, 30)) if over >= 0 else 0)


DEVICE = Limit(10, 15 * 60)
PAIR = Limit(5, 15 * 60)
ACCOUNT = Limit(20, 60)
ADDRESS = Limit(50, 60)


@dataclass(frozen=True)
class Counter:
    """What is counted under one key."""

    key: str
    limit: Limit
    is_own: bool
    """Whether it counts this account from this place alone, so that getting in clears it."""


def counters(what: str, *, name: str, address: str, device: str | None) -> Sequence[Counter]:
    """Where an attempt at `what` ("password", "code"…) counts. `device` is a browser that this account has used, if it is one."""
    if device is not None:
        return (Counter(f"{what} device {device} {name}", DEVICE, True),)
    network = _network(address)
    return (
        Counter(f"{what} pair {name} {network}", PAIR, True),
        Counter(f"{what} account {name}", ACCOUNT, False),
        Counter(f"{what} address {network}", ADDRESS, False),
    )


class Throttle:
    """Counts attempts in the database, so that every process and every start knows them."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal
        self._key: bytes | None = None

    async def take(self, counted: Sequence[Counter]) -> timedelta:
        """Begin an attempt, counted as a failure until `succeeded`: zero when it may go on, else how long to wait.

        It is counted before it is looked at, so that a hundred at once are a hundred.
        """
        now = clock.now()
        keys = {await self._hashed(one.key): one for one in counted}
        async with self._engine.begin() as connection:
            await connection.execute(delete(staff_throttle).where(staff_throttle.c.last_at < now - FORGOTTEN))
            rows = [await self._row(connection, key, now) for key in sorted(keys)]
            longest = max(row.next_at for row in rows)
            if longest > now:
                return timedelta(seconds=(longest - now).total_seconds())
            for row in rows:
                failures = row.failures + 1
                wait = keys[row.key].limit.wait(failures)
                await connection.execute(
                    update(staff_throttle)
                    .where(staff_throttle.c.key == row.key)
                    .values(failures=failures, last_at=now, next_at=now + wait)
                )
        return timedelta(0)

    async def succeeded(self, counted: Sequence[Counter]) -> None:
        """Take an attempt back. One's own counter is cleared; the others keep what was counted of others."""
        keys = {await self._hashed(one.key): one for one in counted}
        async with self._engine.begin() as connection:
            for key, one in sorted(keys.items(), key=lambda pair: pair[0]):
                mine = staff_throttle.c.key == key
                if one.is_own:
                    await connection.execute(delete(staff_throttle).where(mine))
                else:
                    fewer = staff_throttle.c.failures - 1
                    await connection.execute(
                        update(staff_throttle)
                        .where(mine, staff_throttle.c.failures > 0)
                        .values(failures=fewer, next_at=clock.now())
                    )

    async def _row(self, connection: AsyncConnection, key: str, now: datetime) -> Any:
        """The row of a key, made when there is none, and held until the transaction ends."""
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        await connection.execute(
            dialect.insert(staff_throttle)
            .values(key=key, failures=0, last_at=now, next_at=now)
            .on_conflict_do_nothing()
        )
        query = select(staff_throttle).where(staff_throttle.c.key == key).with_for_update()
        return (await connection.execute(query)).one()

    async def _hashed(self, key: str) -> str:
        """Keyed, for an address could be found from a plain hash by trying all there are."""
        if self._key is None:
            self._key = await kept_secret(self._engine, self._seal, "throttle")
        return hmac.digest(self._key, key.encode(), "sha256").hex()


def _network(address: str) -> str:
    """An IPv4 address, or the /64 that one household or office has of IPv6."""
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return known.exploded[:19]
    return str(known)
