"""Who did what, when, and whether it worked: an append-only log in which every row vouches for the one before it.

A row's hash is an HMAC-SHA256, under a secret of this deployment, over everything in the row and the hash of the row before. Who can
write to the database but has not the key can remove or change nothing without `verify` seeing it; the head of the chain, kept
apart and authenticated likewise, shows rows that are missing at the end. Who puts back the whole database of an earlier day is found only by a
head that was written down elsewhere (`verify(known=…)`).

What a patient said never belongs into a row: ids, counts and names of fields do.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any, Literal

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.engine import reading, scrub
from needlewise.db.sealing import Seal
from needlewise.db.tables import audit, audit_head, secrets
from needlewise.errors import NeedlewiseError

NOBODY = "nobody"
"""Acts where no account is known: an attempt to sign in with a name that does not exist."""
COMMAND_LINE = "command-line"
SERVICE = "service"
"""Acts where the service does something by itself, such as a purge."""

LONGEST_REASON = 300
GENESIS = "0" * 64

_KEY_NAME = "audit"
_LOCK = 7_237_002
"""Names PostgreSQL's lock of the chain; SQLite's write lock does the same."""
_BATCH = 1000

Outcome = Literal["success", "failure"]


@dataclass(frozen=True)
class Entry:
    """What one row says. `action` reads "what/verb", such as "conversation/reveal"; `subject` is an id."""

    actor: str
    action: str
    clinic: str = ""
    """Empty where it concerns no one clinic."""
    subject: str = ""
    reason: str = ""
    """In the words of the person who acted, cut at LONGEST_REASON characters."""
    outcome: Outcome = "success"
    details: Mapping[str, object] = field(default_factory=dict)
    """Small and plain: ids, counts, names of what changed. Never a patient's words."""


@dataclass(frozen=True)
class Head:
    """The newest row."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True)
class Verified:
    """What `verify` found. `broken` is None when the chain is whole, else a sentence that says where it is not."""

    rows: int
    head: Head
    broken: str | None = None


class AuditLog:
    """The one way into the log."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal
        self._key: bytes | None = None

    async def record(self, entry: Entry, connection: AsyncConnection | None = None) -> None:
        """Write a row: in the transaction of `connection`, so that both happen or neither does, or else in one of its own.

        Inside a transaction record last: the chain waits for whoever has written to it until that transaction ends.
        """
        if connection is not None:
            await self._append(connection, entry)
            return
        async with self._engine.begin() as own:
            await self._append(own, entry)

    async def purge(self, before: datetime, *, actor: str, reason: str = "") -> int:
        """Remove the rows older than `before`, from the beginning up to the first that is not; how many went.

        What was removed stands in a row of its own, which lets the chain begin later.
        """
        async with self._engine.begin() as connection:
            await self._take_turn(connection)
            newest = await connection.scalar(select(func.max(audit.c.seq)).where(audit.c.at < before))
            kept = await connection.scalar(select(func.min(audit.c.seq)).where(audit.c.at >= before))
            through = newest if kept is None else kept - 1
            old = audit.c.seq <= through
            last = (
                await connection.execute(select(audit.c.hash).where(audit.c.seq == through))
            ).scalar_one_or_none()
            if last is None:
                return 0
            count = int(await connection.scalar(select(func.count()).where(old)))
            entry = Entry(actor, "audit/purge", reason=reason, details={"removed": count, "hash": last})
            await self._append(connection, entry, purged_through=through)
            await connection.execute(delete(audit).where(old))
        await scrub(self._engine)
        return count

    async def verify(self, known: Head | None = None) -> Verified:
        """Go through every row. `known` is a head that was noted earlier and must still be in the chain.

        It reads some rows at a time, so that others may use the database meanwhile. A purge meanwhile makes it begin again.
        """
        while True:
            before = await self._purged_through()
            walk = _Walk(known)
            is_done = False
            while not is_done:
                is_done = await self._read_on(walk)
            if await self._purged_through() == before:
                return walk.result()

    async def _purged_through(self) -> int | None:
        async with reading(self._engine).connect() as connection:
            through: int | None = await connection.scalar(select(func.max(audit.c.purged_through)))
            return through

    async def _read_on(self, walk: "_Walk") -> bool:
        """Check the next rows; whether that was all."""
        async with reading(self._engine).connect() as connection:
            if connection.dialect.name == "postgresql":
                # The rows and the head are to be of one moment, as they are in SQLite.
                await connection.execution_options(isolation_level="REPEATABLE READ")
            after = walk.last.seq if walk.last else -1
            query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(_BATCH)
            rows = (await connection.execute(query)).all()
            head = (await connection.execute(select(audit_head).where(audit_head.c.id == 1))).one_or_none()
            key = await self._stored_key(connection)
        for row in rows:
            if not walk.step(key, row):
                return True
        if len(rows) == _BATCH:
            return False
        walk.end(key, head)
        return True

    async def _append(
        self, connection: AsyncConnection, entry: Entry, *, purged_through: int | None = None
    ) -> None:
        await self._take_turn(connection)
        key = await self._key_for(connection)
        head = (await connection.execute(select(audit_head).where(audit_head.c.id == 1))).one_or_none()
        row: dict[str, Any] = {
            "seq": head.seq + 1 if head else 1,
            "at": clock.now(),
            "actor": entry.actor,
            "clinic": entry.clinic,
            "action": entry.action,
            "subject": entry.subject,
            "reason": " ".join(entry.reason.split())[:LONGEST_REASON],
            "outcome": entry.outcome,
            "details": json.dumps(dict(entry.details), sort_keys=True, ensure_ascii=False),
            "purged_through": purged_through,
            "previous": head.hash if head else GENESIS,
        }
        row["hash"] = _row_hash(key, row)
        new = {"seq": row["seq"], "hash": row["hash"], "mac": _head_mac(key, row["seq"], row["hash"])}
        await connection.execute(insert(audit).values(**row))
        if head:
            await connection.execute(update(audit_head).where(audit_head.c.id == 1).values(**new))
        else:
            await connection.execute(insert(audit_head).values(id=1, **new))

    async def _take_turn(self, connection: AsyncConnection) -> None:
        if connection.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    async def _key_for(self, connection: AsyncConnection) -> bytes:
        """The chain's secret, made with the first row. It outlives a rotation of the key, as every row in `secrets` does."""
        if self._key is None:
            stored = await self._stored_key(connection)
            if stored is None:
                # Not remembered yet: this transaction may be rolled back, and the secret with it.
                stored = token_bytes(32)
                sealed = self._seal.seal(stored)
                await connection.execute(insert(secrets).values(name=_KEY_NAME, sealed=sealed))
                return stored
            self._key = stored
        return self._key

    async def _stored_key(self, connection: AsyncConnection) -> bytes | None:
        sealed = await connection.scalar(select(secrets.c.sealed).where(secrets.c.name == _KEY_NAME))
        return None if sealed is None else self._seal.open(sealed)


class _Walk:
    """One way along the chain, up to the first thing that is wrong."""

    def __init__(self, known: Head | None) -> None:
        self._known = known
        self._seen_known = known is None
        self._first: Any = None
        self._purge: Any = None
        self._count = 0
        self._broken: str | None = None
        self.last: Any = None

    def result(self) -> Verified:
        head = Head(self.last.seq, self.last.hash) if self.last else Head(0, GENESIS)
        return Verified(self._count, head, self._broken)

    def step(self, key: bytes | None, row: Any) -> bool:
        """Whether this row is as it was written and follows the one before."""
        self._broken = self._wrong_with(key, row)
        if self._broken is None:
            if row.purged_through is not None:
                self._purge = row
            self._seen_known = self._seen_known or (self._known is not None and row.seq == self._known.seq)
            self._first, self.last, self._count = self._first or row, row, self._count + 1
        return self._broken is None

    def end(self, key: bytes | None, head: Any) -> None:
        """See that the chain begins and ends where it should."""
        self._broken = self._wrong_beginning() or self._wrong_end(key, head) or self._wrong_note()

    def _wrong_with(self, key: bytes | None, row: Any) -> str | None:
        last, known = self.last, self._known
        if key is None:
            return "the secret of the chain is gone from the table secrets"
        if last is not None and row.seq != last.seq + 1:
            return f"{_rows(last.seq + 1, row.seq - 1)} missing"
        if not hmac.compare_digest(_row_hash(key, row._mapping), row.hash):
            return f"row {row.seq} was changed, or was not written by this service"
        if last is not None and row.previous != last.hash:
            return f"row {row.seq} does not follow row {last.seq}"
        if known is not None and row.seq == known.seq and row.hash != known.hash:
            return f"row {row.seq} is not the one that was noted"
        return None

    def _wrong_beginning(self) -> str | None:
        first, purge = self._first, self._purge
        if first is None or first.seq == 1:
            return None if first is None or first.previous == GENESIS else "row 1 is not the first"
        through = purge.purged_through if purge else 0
        if through < first.seq - 1:
            return f"{_rows(through + 1, first.seq - 1)} missing, and no purge says so"
        if through > first.seq - 1:
            return f"{_rows(first.seq, through)} there though purged"
        if json.loads(purge.details).get("hash") != first.previous:
            return f"row {first.seq} does not follow what was purged"
        return None

    def _wrong_end(self, key: bytes | None, head: Any) -> str | None:
        last = self.last
        if head is None or last is None:
            if head is None and last is None:
                return None
            return "the head of the chain is gone" if last else "every row is gone"
        if key is None or not hmac.compare_digest(_head_mac(key, head.seq, head.hash), head.mac):
            return "the head of the chain was changed"
        if head.seq > last.seq:
            return f"{_rows(last.seq + 1, head.seq)} missing"
        if head.hash != last.hash:
            return "the head of the chain is not its last row"
        return None

    def _wrong_note(self) -> str | None:
        if self._seen_known or self._known is None:
            return None
        if self._first is not None and self._known.seq < self._first.seq:
            return f"row {self._known.seq}, which was noted, has been purged"
        return f"row {self._known.seq}, which was noted, is missing"


def _rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"


def _row_hash(key: bytes, row: Mapping[str, Any]) -> str:
    at: datetime = row["at"]
    content = [
        row["seq"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(row[name] for name in ("actor", "clinic", "action", "subject", "reason", "outcome", "details")),
        row["purged_through"],
        row["previous"],
    ]
    return hmac.digest(key, json.dumps(content).encode(), "sha256").hex()


def _head_mac(key: bytes, seq: int, head: str) -> str:
    return hmac.digest(key, f"head {seq} {head}".encode(), "sha256").hex()


def parse_head(text: str) -> Head:
    """Read "SEQ:HASH", as `needlewise audit verify` prints it. Raises NeedlewiseError on anything else."""
    seq, _, digest = text.strip().partition(":")
    if not (seq.isascii() and seq.isdigit() and len(digest) == 64):
        raise NeedlewiseError("a head reads NUMBER:HASH, as `needlewise audit verify` printed it")
    return Head(int(seq), digest)
