"""Keeps a process to the live model: the new one is loaded beside the old one, tested, and then put in its place between two turns."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from needlewise import clock
from needlewise.errors import NeedlewiseError
from needlewise.teaching.candidates import Candidates, Live

logger = logging.getLogger(__name__)

POLL_SECONDS = 4.0
"""How often the row that names the live model is looked at, where no news come."""

T = TypeVar("T")
Passes = Callable[[T], Awaitable[bool]]


class LiveModel(Generic[T]):
    """What this process answers with, as far as candidates go."""

    def __init__(self, candidates: Candidates, load: Callable[[Path | None], T]) -> None:
        """`load` takes a model's file, or None for the model of the project's files; it takes seconds and runs in a thread."""
        self._candidates = candidates
        self._load = load
        self._seen = Live()
        self.is_loaded = False
        self.running: str | None = None
        """The candidate that answers in this process; None for the model of the files."""

    async def first(self, passes: Passes[T]) -> T:
        """The model to begin with. A live candidate that cannot be used is told of, and the files' model takes its place."""
        with suppress(SQLAlchemyError, OSError):
            self._seen = await self._candidates.live()
        model = None
        if (candidate := self._seen.candidate) is not None:
            model = await self._tried(candidate, passes)
        if model is None:
            model = await asyncio.to_thread(self._load, None)
        else:
            self.running = candidate
        self.is_loaded = True
        return model

    async def follow(self, swap: Callable[[T], None], passes: Passes[T], *, stopping: asyncio.Event) -> None:
        """Give every model that is put live from now on to `swap`, until the service stops."""
        changed = self._candidates.changed
        while not stopping.is_set():
            changed.clear()
            try:
                await self._look(swap, passes)
            except (SQLAlchemyError, OSError) as error:
                logger.error("the live model is not known: %s", type(error).__name__)
            await clock.is_set(changed, within=POLL_SECONDS)

    async def _look(self, swap: Callable[[T], None], passes: Passes[T]) -> None:
        live = await self._candidates.live()
        if live == self._seen:
            return
        if live.candidate != self.running:
            model = await self._tried(live.candidate, passes)
            if model is not None:
                swap(model)
                del model
                self.running = live.candidate
                logger.info("the model was changed to %s", live.candidate or "that of the files")
                # What was in use holds itself in circles: without this its memory would stay for hours.
                await asyncio.to_thread(gc.collect)
        self._seen = live

    async def _tried(self, candidate: str | None, passes: Passes[T]) -> T | None:
        """The model, if it can be loaded and answers; else None, and the row and the log say why."""
        try:
            model = await asyncio.to_thread(self._load, await self._path(candidate))
            if await passes(model):
                return model
            why = "it did not answer a test question"
        except NeedlewiseError as error:
            why = str(error)
        except Exception as error:
            logger.exception("a model could not be loaded")
            why = f"it could not be loaded ({type(error).__name__})"
        logger.warning("the live model %s is not in use: %s", candidate or "of the files", why)
        if candidate is not None:
            with suppress(SQLAlchemyError, OSError):
                await self._candidates.could_not_load(candidate, f"It is not in use: {why}.")
        return None

    async def _path(self, candidate: str | None) -> Path | None:
        """Its file. Raises NeedlewiseError where it is not here, or does not fit the files of this installation."""
        if candidate is None:
            return None
        found = await self._candidates.get(candidate)
        path = self._candidates.path(found) if found else None
        if found is None or path is None:
            raise NeedlewiseError("its model file is not on this machine")
        if not await self._candidates.fits(found):
            raise NeedlewiseError("it was trained from older files than those that are installed now")
        return path
