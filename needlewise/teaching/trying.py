"""Starts the process that tries a candidate, and sees how it ends."""

import asyncio
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen

from sqlalchemy.exc import SQLAlchemyError

from needlewise.settings import PREFIX, Settings
from needlewise.teaching.candidates import CUT_OFF, STOPPED, Candidate, Candidates

MODULE = "needlewise.dialogue.trial"
"""What the process runs. It is named and not imported, since it brings Rasa."""

_ENDS_SECONDS = 3
_LOOK_SECONDS = 0.2


class Trier:
    """At most one process, which outlives a crash of this one and is ended with it otherwise."""

    def __init__(self, candidates: Candidates, settings: Settings) -> None:
        self._candidates = candidates
        self._settings = settings
        self._process: Popen[bytes] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, candidate: Candidate) -> None:
        """Begin to work on a candidate whose row was just made; what becomes of it stands in the row."""
        try:
            # Not asyncio's: Rasa's import changes the policy of event loops, after which a loop that runs cannot watch a process.
            process = await asyncio.to_thread(
                Popen,
                [sys.executable, "-m", MODULE, candidate.id],
                env=os.environ | _environ(self._settings),
                stdin=DEVNULL,
                stdout=DEVNULL,
            )
        except OSError as error:
            await self._candidates.failed(candidate.id, f"No process could be started: {error.strerror}.")
            return
        self._process = process
        self._watching = asyncio.create_task(self._watch(candidate.id, process))

    async def ended(self) -> None:
        """Return when no process of ours works any more."""
        if self._watching is not None:
            await asyncio.wait([self._watching])

    async def close(self) -> None:
        """End what is under way, as the service ends: the row then says that it was cut off."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_SECONDS):
                await self.ended()
                return
        self._process.kill()
        await self.ended()

    async def _watch(self, candidate: str, process: "Popen[bytes]") -> None:
        while (code := process.poll()) is None:  # noqa: ASYNC110  (a process that ends sets no event)
            await asyncio.sleep(_LOOK_SECONDS)
        why = (
            CUT_OFF
            if code <= 0
            else f"The process that tried it failed (exit code {code}). The service's log says more."
        )
        # Without a database the row is found to be stale later.
        with suppress(SQLAlchemyError, OSError):
            await self._candidates.failed(candidate, why, state=STOPPED)
        await asyncio.to_thread(shutil.rmtree, working_folder(self._settings, candidate), ignore_errors=True)


def working_folder(settings: Settings, candidate: str) -> Path:
    """Where a candidate's copy of the project is while it is trained."""
    return settings.var / "candidates" / candidate


def _environ(settings: Settings) -> dict[str, str]:
    """What the process must share with this one, wherever our settings came from; secrets it finds where we did."""
    return {
        f"{PREFIX}ROOT": str(settings.root),
        f"{PREFIX}VAR": str(settings.var),
        f"{PREFIX}DATABASE_URL": settings.database_url,
    }
