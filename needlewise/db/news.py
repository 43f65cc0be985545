"""What one process tells the others over PostgreSQL's LISTEN and NOTIFY: that something waits, never what it says.

News may be lost (a connection breaks, a process starts a moment later), so whoever waits for them also looks now and again.
With SQLite there is nobody to tell, and every call does nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.engine import URL, make_url

from needlewise import clock

logger = logging.getLogger(__name__)

_CHANNEL = "needlewise"
_AGAIN_SECONDS = 2
_CHECK_SECONDS = 15
"""How often an idle connection is looked at, so that a broken one is noticed."""
_TIMEOUT_SECONDS = 5

Hear = Callable[[str], None]


class News:
    """Tells other processes, and hears them while `listen` runs."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._url: URL | None = url if url.drivername.startswith("postgres") else None
        self._hearers: dict[str, list[Hear]] = {}
        self._connection: Any = None
        self._speaking = asyncio.Lock()

    @property
    def listens(self) -> bool:
        """Whether there is a connection over which news come and go."""
        return self._connection is not None

    def hear(self, topic: str, hear: Hear) -> None:
        """From now on call `hear` with what other processes tell about a topic."""
        self._hearers.setdefault(topic, []).append(hear)

    async def tell(self, topic: str, what: str = "") -> None:
        """Tell the other processes. Without a connection nothing is told."""
        if self._connection is None:
            return
        try:
            async with self._speaking:
                await self._connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, f"{topic} {what}")
        except Exception as error:
            logger.warning("news of %s were not told: %s", topic, type(error).__name__)

    async def announce(self, topic: str, what: str = "") -> None:
        """Tell this process and the others."""
        for hear in self._hearers.get(topic, ()):
            hear(what)
        await self.tell(topic, what)

    async def listen(self, stopping: asyncio.Event) -> None:
        """Hear the other processes until the service stops; a lost connection is opened again."""
        while self._url is not None and not stopping.is_set():
            try:
                await self._listen(self._url, stopping)
            except Exception as error:
                logger.warning("no news from other processes: %s", type(error).__name__)
                await clock.is_set(stopping, within=_AGAIN_SECONDS)

    async def _listen(self, url: URL, stopping: asyncio.Event) -> None:
        import asyncpg  # type: ignore[import-untyped]

        connection = await asyncpg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            timeout=_TIMEOUT_SECONDS,
            command_timeout=_TIMEOUT_SECONDS,
        )
        try:
            await connection.add_listener(_CHANNEL, self._heard)
            self._connection = connection
            # What was told before we listened is not known: everybody looks once.
            for hearers in self._hearers.values():
                for hear in hearers:
                    hear("")
            while not stopping.is_set():
                await clock.is_set(stopping, within=_CHECK_SECONDS)
                async with self._speaking:
                    await connection.execute("SELECT 1")
        finally:
            self._connection = None
            with suppress(Exception):
                await connection.close(timeout=_TIMEOUT_SECONDS)

    def _heard(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        if connection.get_server_pid() == pid:
            return
        topic, _, what = payload.partition(" ")
        for hear in self._hearers.get(topic, ()):
            hear(what)
