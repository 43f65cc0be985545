"""Tries a candidate, in a process of its own: train it, play messages through it and through the model in use, report.

It works on a copy of the project's training files, so that the project stays as it is, and over a database of its own, so that nothing
a played message leads to is stored. Of the deployment it reads messages and examples, and writes the candidate's row and model file.

    python -m needlewise.dialogue.trial CANDIDATE

is what teaching.trying starts, with the settings of the service in its environment.
"""

import asyncio
import contextlib
import logging
import math
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from sqlalchemy.exc import SQLAlchemyError

from needlewise import clock, wiring
from needlewise.conversations.log import Conversation, Inbound
from needlewise.conversations.state import State
from needlewise.db.engine import migrate
from needlewise.dialogue.training import TRAINING_FILES, ensure_model, fingerprint, train_model
from needlewise.dialogue.turn import Turn, Turns
from needlewise.errors import NeedlewiseError
from needlewise.logs import configure_logs, quiet_libraries
from needlewise.nlu.corpus import plain, read_examples
from needlewise.safety.triage import Level
from needlewise.settings import Settings, read_settings
from needlewise.teaching import material
from needlewise.teaching.candidates import BEAT_SECONDS, REPLAYING, STAGES, TRAINING, file_name
from needlewise.teaching.examples import Example, accepted, cleaned
from needlewise.teaching.material import Played
from needlewise.teaching.replay import Decision, Line, Report, Unsafe, reported
from needlewise.teaching.trying import working_folder
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

T = TypeVar("T")

NICENESS = 10
"""Patients come first."""

_UNWANTED = 3
"""Exit code of a process whose candidate was cancelled."""
_SECONDS_AN_EXAMPLE = 0.015
"""Roughly what training takes: for the progress shown between Rasa's own steps."""
_STEPS = {
    "Starting to train component 'TopicClassifier'": 0.6,
    "Finished training component 'TopicClassifier'": 0.95,
}
"""What Rasa says of its progress, and how far training then is. Before the classifier, sentences are encoded."""

_TRAIN, _LOAD, _REPLAY, _TESTS = (begins for begins, _ in STAGES[1:])


def try_candidate(settings: Settings, candidate: str) -> None:
    """Work on a candidate to its end. Its row says what became of it, also where this raises NeedlewiseError."""
    os.nice(NICENESS)
    folder = working_folder(settings, candidate)
    # What earlier ones left that were cut off: only one is tried at a time.
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    services = Services(settings)
    try:
        with _Beating(settings, candidate) as beating:
            report = _tried(services, candidate, folder, beating)
        _run(services, _done(services, candidate, report))
    except Unsafe as error:
        why = (
            f"Safety decisions differ in {error.count} messages. They must not depend on the model: "
            "this is a fault of ours, and the candidate cannot be used."
        )
        _fail(services, candidate, why)
    except NeedlewiseError as error:
        _fail(services, candidate, f"{error}.")
    except (Exception, SystemExit) as error:
        # The text of an error may hold a patient's words.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("a candidate failed: %s\n%s", type(error).__name__, where)
        _fail(services, candidate, f"It failed ({type(error).__name__}). The service's log says where.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Beating:
    """Shows from a thread that this process lives and how far it is, and ends it when its candidate is no longer wanted."""

    def __init__(self, settings: Settings, candidate: str) -> None:
        # An engine belongs to one event loop: this has both for itself.
        self._services = Services(settings)
        self._candidate = candidate
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.state = TRAINING
        self.progress = 0.0

    def __enter__(self) -> "_Beating":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._beat())

    async def _beat(self) -> None:
        async with self._services.candidates.worked_on(self._candidate):
            while True:
                if not await self._is_wanted():
                    os._exit(_UNWANTED)
                if await asyncio.to_thread(self._done.wait, BEAT_SECONDS):
                    break
        await self._services.locks.close()
        await self._services.engine.dispose()

    async def _is_wanted(self) -> bool:
        try:
            return await self._services.candidates.beat(self._candidate, self.state, self.progress)
        except (SQLAlchemyError, OSError) as error:
            # A database that starts again is back soon; the row is stale otherwise, and the next beat finds that out.
            logger.warning("a sign of life was not written: %s", type(error).__name__)
            return True


def _tried(services: Services, candidate: str, folder: Path, beating: _Beating) -> Report:
    settings = services.settings
    given = _run(services, _own_examples(services, candidate))
    project = folder / "project"
    count = _copy_project(settings.root, project, given)
    base = fingerprint(settings)
    beating.progress = _TRAIN
    made = folder / file_name(candidate)
    # Rasa keeps a cache and whole models in temporary folders.
    os.environ["RASA_CACHE_DIRECTORY"] = str(folder / "cache")
    tempfile.tempdir = str(folder)
    with (
        _rasas_progress(beating, count),
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stderr(nowhere),
    ):
        # Rasa draws bars, which do not belong into the service's log; what we log ourselves gets there.
        train_model(project, made, force=True)
    settings.models.mkdir(parents=True, exist_ok=True)
    path = settings.models / made.name
    made.replace(path)
    _run(services, services.candidates.trained(candidate, path.name, base))

    beating.progress, beating.state = _LOAD, REPLAYING
    apart = wiring.build(replace(settings, database_url=f"sqlite:///{folder}/played.db"))
    wiring.use(apart)
    migrate(apart.settings.database_url)
    against, old_path = _run(services, _in_use(services))
    old = apart.load_turns(old_path)
    new = apart.load_turns(path)
    real = _run(services, material.real_messages(services.engine, services.seal))
    # Those of several turns last: what their first turn led to may differ, and with it what triage is asked.
    tests = sorted(material.held_out(settings.root), key=lambda played: len(played.turns) > 1)
    lines: list[Line] = []
    with asyncio.Runner() as runner:
        for begins, ends, some in ((_REPLAY, _TESTS, real.played), (_TESTS, 1.0, tests)):
            for number, played in enumerate(some):
                beating.progress = begins + (ends - begins) * number / len(some)
                lines.append(runner.run(_line(apart, old, new, played)))
    alone = len(real.played) + sum(len(played.turns) == 1 for played in tests)
    return reported(lines, against=against, left_out=real.left_out, alone=alone)


# -- what is trained ---------------------------------------------------------------------------------------------------


def _copy_project(root: Path, to: Path, given: Sequence[Example]) -> int:
    """The training files of the project, and beside them the examples that they have not got; how many examples there are."""
    for name in ("config.yml", "domain.yml", *TRAINING_FILES):
        source, copy = root / name, to / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy(source, copy)
    known = {(example.intent, plain(example.text)) for example in read_examples(to)}
    new: dict[str, list[str]] = {}
    for example in given:
        if (key := (example.intent, plain(example.text))) not in known:
            known.add(key)
            new.setdefault(example.intent, []).append(cleaned(example.text))
    blocks = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)}
        for intent, texts in new.items()
    ]
    if blocks:
        text = yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, sort_keys=False)
        (to / "data" / "nlu" / "taught_by_staff.yml").write_text(text, encoding="utf-8")
    return len(known)


@contextlib.contextmanager
def _rasas_progress(beating: _Beating, examples: int) -> Iterator[None]:
    """Progress while the block trains: Rasa's own steps, and between them what the clock makes likely."""
    done = threading.Event()
    reached = [0.0]
    begun = time.monotonic()
    usual = max(20.0, examples * _SECONDS_AN_EXAMPLE)

    class Steps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reached[0] = next(
                (share for step, share in _STEPS.items() if step in record.getMessage()), reached[0]
            )

    def creep() -> None:
        while not done.wait(BEAT_SECONDS):
            likely = 1 - math.exp(-(time.monotonic() - begun) / usual)
            beating.progress = _TRAIN + (_LOAD - _TRAIN) * max(reached[0], min(0.95, likely))

    log, handler = logging.getLogger("rasa.engine.training.hooks"), Steps()
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    thread = threading.Thread(target=creep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        log.removeHandler(handler)


# -- what is played ----------------------------------------------------------------------------------------------------


async def _line(services: Services, old: Turns, new: Turns, played: Played) -> Line:
    return Line(
        played.source,
        played.shown,
        await _decision(services, old, played),
        await _decision(services, new, played),
        played.right,
        played.clinic,
        played.conversation,
        played.message,
    )


async def _decision(services: Services, turns: Turns, played: Played) -> Decision:
    """What the service would do with the last of these words in a conversation that stands where the real one stood."""
    place = services.place(played.clinic, played.channel, "en")
    conversation = Conversation("replay", place.clinic.clinic, played.channel, "en")
    state = State(slots={"last_topics": list(played.answered)} if played.answered else {})
    turn = None
    for words in played.turns:
        turn = await turns.take(conversation, place.clinic, Inbound(words), state, at=clock.now())
        state = turn.state
    assert turn is not None
    return _decided(turn)


def _decided(turn: Turn) -> Decision:
    heard, level = turn.heard, turn.verdict.level
    alone = level not in (None, Level.DOCTOR)
    if heard is None:
        return Decision(act="opt_out", safety=level, rule=turn.verdict.rule)
    return Decision(
        () if alone else heard.topics,
        () if alone else heard.offered,
        heard.act,
        round(heard.confidence, 3),
        level,
        turn.verdict.rule,
    )


# -- what is read and written ------------------------------------------------------------------------------------------


def _run(services: Services, work: Coroutine[Any, Any, T]) -> T:
    """Between what takes long, the database is used for a moment and let go: its connections belong to one event loop."""

    async def run() -> T:
        try:
            return await work
        finally:
            await services.engine.dispose()

    return asyncio.run(run())


async def _own_examples(services: Services, candidate: str) -> list[Example]:
    """The examples of the row, as far as they are still accepted. Raises NeedlewiseError when it is not to be tried."""
    found = await services.candidates.get(candidate)
    if found is None or not found.is_working:
        raise NeedlewiseError("there is no candidate with this id to be tried")
    return [example for example in await accepted(services.engine) if example.id in found.examples]


async def _in_use(services: Services) -> tuple[str | None, Path]:
    """The live candidate and its file; None and the model of the files where there is none that fits."""
    live = await services.candidates.live()
    found = await services.candidates.get(live.candidate) if live.candidate else None
    path = services.candidates.path(found) if found else None
    if found is not None and path is not None and await services.candidates.fits(found):
        return found.id, path
    return None, ensure_model(services.settings)


async def _done(services: Services, candidate: str, report: Report) -> None:
    if await services.candidates.ready(candidate, report):
        await services.candidates.clean_up()


def _fail(services: Services, candidate: str, why: str) -> None:
    _run(services, services.candidates.failed(candidate, why[:1].upper() + why[1:]))


if __name__ == "__main__":
    quiet_libraries()
    configure_logs(level=logging.ERROR)
    try_candidate(read_settings(), sys.argv[1])
