"""Brings the outbox's texts to the provider: in order within a thread, at the pace of the sending number, each once.

One process at a time sends for a number (db.locks), so that the pace and the order hold across processes. A send is marked before it begins.
Where the mark is found without an outcome, after a crash or a lost answer, the provider is asked for the text before it is sent again. Twilio
takes no idempotency key, so this is the closest to "once" that can be had: docs/adr/0010-texts-exactly-once.md.
"""

import asyncio
import logging
import time
import traceback
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from needlewise import clock, metrics
from needlewise.channels.limits import Pace
from needlewise.channels.sms.answering import SWEEP_SECONDS
from needlewise.channels.sms.protocol import OPTED_OUT, NotSent, OutcomeUnknown, Provider, TextOut
from needlewise.channels.sms.threads import Threads, said_stop
from needlewise.db.outbox import WAITS, Parcel, drop_waiting
from needlewise.errors import NeedlewiseError
from needlewise.text.segments import segments
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

TOGETHER = 8
"""Texts to different patients that are on their way to the provider at the same time."""

LOOK_SECONDS = 0.1
"""How often the outbox is looked at while texts are under way."""

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 300, 900, 3600))
"""Waits between tries of a text that was certainly not sent. A reply that is hours late helps nobody: then it is given up."""

_QUEUED = timedelta(hours=4)
"""How long a text may be of unknown outcome before it is given up; it is not sent again without an answer."""


class Sending:
    """Sends what waits in the outbox. Several processes may run it over one database."""

    def __init__(
        self, services: Services, threads: Threads, provider: Provider, woken: asyncio.Event
    ) -> None:
        self._services = services
        self._outbox = services.outbox
        self._threads = threads
        self._provider = provider
        self._unknown = timedelta(seconds=services.settings.sms_unknown_seconds)
        self._paces: dict[str, Pace] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}
        self.woken = woken
        """Set when something was put into the outbox."""
        services.news.hear(WAITS, lambda _: self.woken.set())

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until the service stops; then let the sends that are under way come to their end."""
        while not stopping.is_set():
            self.woken.clear()
            try:
                await self._begin_due(stopping)
            except Exception as error:
                # Whatever it is, such as a database that starts again, the next look may find it gone.
                logger.error("the outbox cannot be read: %s", type(error).__name__)
            await clock.is_set(self.woken, within=SWEEP_SECONDS)
        if self._running:
            await asyncio.wait(self._running.values())
        await self._provider.close()

    async def _begin_due(self, stopping: asyncio.Event) -> None:
        now, monotonic = clock.now(), time.monotonic()
        for sender, due_at in (await self._outbox.senders("sms")).items():
            if due_at > now or sender in self._running or self._resting.get(sender, 0) > monotonic:
                continue
            task = asyncio.create_task(self._send_all(sender, stopping))
            self._running[sender] = task
            task.add_done_callback(partial(self._ended, sender))

    def _ended(self, sender: str, task: "asyncio.Task[None]") -> None:
        self._running.pop(sender, None)
        self.woken.set()

    async def _send_all(self, sender: str, stopping: asyncio.Event) -> None:
        """Everything that is due from one number, while no other process sends for it."""
        under_way: dict[str, asyncio.Task[None]] = {}
        idle = True
        try:
            async with self._services.locks.tried(f"sender/{sender}") as mine:
                while mine and not stopping.is_set():
                    await self._begin_heads(sender, under_way, stopping)
                    if not under_way:
                        break
                    idle = False
                    # A slow send does not keep what comes meanwhile for others.
                    await asyncio.wait(
                        under_way.values(), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    for thread in [name for name, task in under_way.items() if task.done()]:
                        under_way.pop(thread).result()
                if under_way:
                    await asyncio.wait(under_way.values())
            if not idle:
                return
        except (SQLAlchemyError, OSError, NeedlewiseError) as error:
            logger.error("texts wait: %s", type(getattr(error, "orig", None) or error).__name__)
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("texts wait: %s\n%s", type(error).__name__, where)
        # Another process sends for it, or nothing could go: the next sweep looks again, and not at once.
        self._resting[sender] = time.monotonic() + SWEEP_SECONDS

    async def _begin_heads(
        self, sender: str, under_way: dict[str, "asyncio.Task[None]"], stopping: asyncio.Event
    ) -> None:
        room = TOGETHER - len(under_way)
        if room <= 0:
            return
        heads = await self._outbox.heads("sms", sender, but=list(under_way), limit=room)
        pace = self._paces.setdefault(sender, Pace(self._services.settings.sms_segments_per_second))
        for parcel in sorted(heads, key=lambda parcel: not parcel.payload.get("urgent")):
            wait = pace.take(segments(parcel.payload["body"]).count)
            # Urgent words use up the pace like any, but do not wait for it.
            if wait and not parcel.payload.get("urgent"):
                await asyncio.sleep(wait)
                if stopping.is_set():
                    return
            under_way[str(parcel.thread)] = asyncio.create_task(self._send(parcel))

    async def _send(self, parcel: Parcel) -> None:
        text = _text_of(parcel)
        if parcel.begun_at is not None and not await self._is_surely_unsent(parcel, text):
            return
        stopped = None if parcel.payload.get("last") else said_stop(str(parcel.thread))
        if not await self._outbox.begin(parcel, unless=stopped):
            # Taken back already, or they said stop since it was queued.
            await self._outbox.taken_back(parcel, "opted out")
            return
        try:
            accepted = await self._provider.send(text)
        except NotSent as error:
            await self._refused(parcel, error)
        except OutcomeUnknown as error:
            metrics.texts.labels("unknown").inc()
            logger.warning("text %s: %s", parcel.id, error)
            await self._outbox.unknown(parcel, error.code, ask_at=clock.now() + self._unknown)
        else:
            metrics.texts.labels("sent").inc()
            metrics.text_seconds.observe((clock.now() - parcel.created_at).total_seconds())
            await self._outbox.sent(parcel, provider_id=accepted.provider_id, status=accepted.status)

    async def _is_surely_unsent(self, parcel: Parcel, text: TextOut) -> bool:
        """Whether a send that was begun came to nothing. The provider gets some time to show it before it is asked."""
        assert parcel.begun_at is not None
        ask_at = parcel.begun_at + self._unknown
        if clock.now() < ask_at:
            await self._outbox.unknown(parcel, "begun", ask_at=ask_at)
            return False
        known = await self._outbox.provider_ids(str(parcel.thread))
        try:
            found = await self._provider.find(text, since=parcel.created_at, but=known)
        except OutcomeUnknown as error:
            if clock.now() - parcel.created_at > _QUEUED:
                logger.error("text %s is given up: it is not known whether it was sent", parcel.id)
                await self._outbox.taken_back(parcel, f"unknown: {error.code}")
            else:
                await self._outbox.unknown(parcel, error.code, ask_at=clock.now() + self._unknown)
            return False
        if found is None:
            return True
        metrics.texts.labels("found").inc()
        await self._outbox.sent(parcel, provider_id=found.provider_id, status=found.status)
        return False

    async def _refused(self, parcel: Parcel, error: NotSent) -> None:
        metrics.texts.labels("refused").inc()
        logger.warning("text %s: %s", parcel.id, error)
        await self._outbox.failed(parcel, error.code, permanent=not error.again, backoff=BACKOFF)
        if error.code == OPTED_OUT:
            await self.opted_out(str(parcel.thread))

    async def opted_out(self, thread: str) -> None:
        """The provider says that this number said stop to it: nothing more is sent, and it is kept with that source."""
        async with self._services.engine.begin() as connection:
            await drop_waiting(connection, thread, "opted out")
            await self._threads.refused(connection, thread, clock.now())


def _text_of(parcel: Parcel) -> TextOut:
    payload: dict[str, Any] = parcel.payload
    return TextOut(parcel.id, str(payload["from"]), str(payload["to"]), str(payload["body"]))
