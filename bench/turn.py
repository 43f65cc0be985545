"""Measure a turn of Needlewise beside a turn of a Rasa assistant as `rasa init` sets it up, in one run.

Both are asked the same questions over HTTP on the loopback address, in alternation, so that whatever else the machine does meets
both alike. Prints one table, as text and as Markdown.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from types import FrameType

import httpx
from assistants import CACHE, ROOT, SECONDS_TO_ANSWER, Assistant, Needlewise, PlainRasa
from figures import WINDOW, Figures, as_markdown, as_text, conditions, rows
from plain_project import trained_model, write_project
from processes import BenchError
from questions import QUESTIONS

SECONDS_AFTER_TRAINING = 12 * 60
WARM_UP = 10


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    turns: int
    """The turn of a conversation that counts as late; a quarter of it is the middle."""
    window: int = WINDOW
    rounds: int = 3
    """Starts, and long conversations, of each."""
    uncounted: int = 1
    """Starts that come before, since the first one compiles Python modules."""
    fresh: int = 2 * len(QUESTIONS) // 3
    """Conversations of one turn, a round."""
    talkers: int = 8
    said: int = len(QUESTIONS)
    """Turns of each talker."""
    epochs: int | None = None
    """Of the Rasa model's training; None for Rasa's default of 100."""


def measure(assistants: Sequence[Assistant], plan: Plan) -> list[Figures]:
    """The figures of each, in the order given."""
    figures = [Figures() for _ in assistants]
    pairs = list(zip(assistants, figures, strict=True))
    for number in range(plan.uncounted + plan.rounds - 1):
        counted = number >= plan.uncounted
        tell(
            f"start {number + 1 - plan.uncounted} of {plan.rounds}"
            if counted
            else "a start that is not counted"
        )
        for assistant, found in pairs:
            with assistant.start() as seconds:
                found.starts += [seconds] if counted else []
    with ExitStack() as servers:
        tell(f"start {plan.rounds} of {plan.rounds}, and warming up")
        for assistant, found in pairs:
            found.starts.append(servers.enter_context(assistant.start()))
            conversation(assistant, WARM_UP)
        for number in range(plan.rounds):
            tell(f"conversations, round {number + 1} of {plan.rounds}")
            for assistant, found in pairs:
                for at in range(plan.fresh):
                    found.first += conversation(assistant, 1, begin=number * plan.fresh + at)
                turns = conversation(assistant, plan.turns + plan.window)
                found.middle += window(turns, plan.turns // 4, plan.window)
                found.late += window(turns, plan.turns, plan.window)
        for assistant, found in pairs:
            tell(f"{plan.talkers} conversations at once with {assistant.name}")
            load(assistant, found, plan)
            found.memory, found.processes = assistant.peak_memory()
    return figures


def conversation(assistant: Assistant, turns: int, *, begin: int = 0) -> list[float]:
    """The milliseconds of each turn of a new conversation, whose first question is number `begin` of the cycle."""
    took = []
    with httpx.Client(timeout=SECONDS_TO_ANSWER) as client:
        say = assistant.open(client)
        for question in islice(cycle(QUESTIONS), begin % len(QUESTIONS), begin % len(QUESTIONS) + turns):
            began = time.perf_counter()
            say(question)
            took.append((time.perf_counter() - began) * 1000)
    return took


def window(turns: Sequence[float], at: int, width: int) -> Sequence[float]:
    """The turns around turn number `at`, counted from 1."""
    return turns[at - 1 - width : at + width]


def load(assistant: Assistant, found: Figures, plan: Plan) -> None:
    """Several conversations at once, each asking its next question as soon as it has its answer."""
    began = time.perf_counter()
    with ThreadPoolExecutor(plan.talkers) as pool:
        talks = [
            pool.submit(conversation, assistant, plan.said, begin=2 * talker)
            for talker in range(plan.talkers)
        ]
        for talk in talks:
            found.under_load += talk.result()
    found.load_seconds = time.perf_counter() - began


def main() -> None:
    """Run the bench. A measurement that cannot be made is one plain message and exit code 1."""
    plan = read_plan()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, too_long)
    try:
        with tempfile.TemporaryDirectory(prefix="needlewise-bench-") as made:
            run(plan, Path(made))
    except (BenchError, httpx.HTTPError) as error:
        sys.exit(f"bench: {type(error).__name__}: {error}")


def run(plan: Plan, folder: Path) -> None:
    """Train what is not trained, measure, and print."""
    project = folder / "plain"
    write_project(ROOT, project, epochs=plan.epochs)
    tell(
        "the Rasa model: trained now, unless var/bench has it; on two cores the default takes most of an hour"
    )
    model, training = trained_model(project, CACHE)
    assistants = (Needlewise(ROOT, folder / "needlewise"), PlainRasa(project, model))
    where = conditions()
    began = time.monotonic()
    signal.alarm(SECONDS_AFTER_TRAINING)
    ours, theirs = measure(assistants, plan)
    signal.alarm(0)
    names = (assistants[0].name, assistants[1].name)
    table = rows(ours, theirs, turns=plan.turns, talkers=plan.talkers)
    notes = (
        f"{where} The ratio is above 1 where Needlewise does better. Samples: {len(ours.first)} of turn 1,"
        f" {len(ours.late)} of each later turn ({plan.window} turns on each side), {len(ours.starts)} starts."
        f" The Rasa model took {training:.0f} s to train (epochs: {plan.epochs or 100})."
        f" The bench took {time.monotonic() - began:.0f} s after it."
    )
    print(as_text(table, names), notes, as_markdown(table, names), notes, sep="\n\n")


def read_plan() -> Plan:
    """The plan that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=200, help="the late turn; its quarter is the middle one")
    parser.add_argument(
        "--epochs",
        type=int,
        help="train the Rasa model for fewer epochs: its answers get worse, its times do not",
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny counts, 1 epoch: shows that it works, no more"
    )
    given = parser.parse_args()
    plan = Plan(given.turns, epochs=given.epochs)
    if given.quick:
        plan = Plan(
            min(given.turns, 20), window=2, rounds=1, uncounted=0, fresh=4, said=4, epochs=given.epochs or 1
        )
    if plan.turns < 4 * (plan.window + 1):
        parser.error(f"--turns must be {4 * (plan.window + 1)} or more")
    return plan


def tell(what: str) -> None:
    """Say on standard error how far the bench is."""
    print(f"bench: {what} …", file=sys.stderr, flush=True)


def stop(number: int, frame: FrameType | None) -> None:
    """End as an error would, so that the servers are stopped too."""
    raise SystemExit(128 + number)


def too_long(number: int, frame: FrameType | None) -> None:
    """The whole bench is bounded in time."""
    raise BenchError(f"not done after {SECONDS_AFTER_TRAINING // 60} minutes: is the machine busy?")


if __name__ == "__main__":
    main()
