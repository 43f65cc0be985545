"""Named locks: one holder at a time, in this process and in every other one over the same database.

PostgreSQL gives them as advisory locks, which end with the connection that holds them. Beside a SQLite file they are ranges of a lock
file, which the system gives back when a process dies. Either way nothing is left behind by a crash, and nothing has to expire.
"""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

LOCK_CONNECTIONS = 16
"""Connections that hold locks, apart from those that do the work: a turn that holds one never waits for another."""

_POLL_SECONDS = 0.01


class Locks(Protocol):
    """What both kinds do. A lock is not re-entrant."""

    def held(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait for the lock, and hold it while the block runs."""

    def tried(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the lock while the block runs if nobody has it; gives whether it is ours."""

    async def close(self) -> None:
        """Give back what is held for locking."""


class PostgresLocks:
    """Advisory locks. `engine` is one of its own, with at most LOCK_CONNECTIONS connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        async with self._engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_key(name))))
            yield

    @asynccontextmanager
    async def tried(self, name: str) -> AsyncIterator[bool]:
        async with self._engine.begin() as connection:
            yield bool(await connection.scalar(select(func.pg_try_advisory_xact_lock(_key(name)))))

    async def close(self) -> None:
        await self._engine.dispose()


class FileLocks:
    """Byte ranges of one file, for processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        # The system's locks belong to the process as a whole: those of our own are told apart here.
        self._held: set[int] = set()

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        number = abs(_number(name))
        while not self._take(number):  # noqa: ASYNC110  (another process tells nobody that it is done)
            await asyncio.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            self._give(number)

    @asynccontextmanager
    async def tried(self, name: str) -> AsyncIterator[bool]:
        number = abs(_number(name))
        mine = self._take(number)
        try:
            yield mine
        finally:
            if mine:
                self._give(number)

    async def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, number: int) -> bool:
        if number in self._held:
            return False
        if self._file is None:
            # Opened once: closing any descriptor of the file would give back every lock of the process.
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return False
        self._held.add(number)
        return True

    def _give(self, number: int) -> None:
        self._held.discard(number)
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)


def file_of_locks(database_url: str) -> Path:
    """Where the locks of a SQLite database are: beside its file."""
    return Path(f"{make_url(database_url).database or ':memory:'}-locks")


def _key(name: str) -> Any:
    return literal(_number(name), BigInteger)


def _number(name: str) -> int:
    """The name as PostgreSQL wants it, 64 bits with a sign. Two names that fall together only wait for each other."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True) >> 1
