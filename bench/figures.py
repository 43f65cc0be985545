"""What is measured of an assistant, and the table it becomes."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

Statistic = Callable[[Sequence[float]], float]

WINDOW = 10
"""Turns on each side of the one that a window is named after."""


@dataclass
class Figures:
    """The samples of one assistant. Turns are in milliseconds, as its client sees them."""

    starts: list[float] = field(default_factory=list)
    """Seconds from process start until a first question was answered."""
    first: list[float] = field(default_factory=list)
    middle: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    under_load: list[float] = field(default_factory=list)
    load_seconds: float = 0.0
    memory: int = 0
    """Peak resident bytes of all its processes, after the load."""
    processes: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` is above 1 where the first assistant does better."""

    what: str
    ours: str
    theirs: str
    ratio: float


def rows(ours: Figures, theirs: Figures, *, turns: int, talkers: int) -> list[Row]:
    """Every figure of both, in the order of the table."""
    table = []
    for what, mine, other in (
        ("Turn 1", ours.first, theirs.first),
        (f"Turn {turns // 4}", ours.middle, theirs.middle),
        (f"Turn {turns}", ours.late, theirs.late),
    ):
        table.append(_turns(f"{what}, median", mine, other, statistics.median))
        table.append(_turns(f"{what}, 95th percentile", mine, other, _p95))
    mine, other = len(ours.under_load) / ours.load_seconds, len(theirs.under_load) / theirs.load_seconds
    what = f"{talkers} conversations at once"
    table.append(Row(f"{what}, turns a second", f"{mine:.1f}", f"{other:.1f}", mine / other))
    table.append(_turns(f"{what}, 95th percentile", ours.under_load, theirs.under_load, _p95))
    table.append(Row("Peak resident memory", _memory(ours), _memory(theirs), theirs.memory / ours.memory))
    mine, other = statistics.median(ours.starts), statistics.median(theirs.starts)
    table.append(Row("Warm start to first answer", f"{mine:.1f} s", f"{other:.1f} s", other / mine))
    return table


def as_text(table: Sequence[Row], names: tuple[str, str]) -> str:
    """The table for a terminal."""
    lines = _cells(table, names)
    widths = [max(len(cells[at]) for cells in lines) for at in range(4)]
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *(cells[at].rjust(widths[at]) for at in range(1, 4))])
        for cells in lines
    )


def as_markdown(table: Sequence[Row], names: tuple[str, str]) -> str:
    """The same table in Markdown."""
    head, *body = _cells(table, names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---", "---:", "---:", "---:"), *body))


def conditions() -> str:
    """Where and with what this was measured, in one paragraph."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("rasa", "tensorflow", "spacy", "onnxruntime"))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {_processor()}, {len(os.sched_getaffinity(0))} cores,"
        f" {_total_memory() / 2**30:.0f} GiB of memory, {platform.system()}; load average {load}."
        f" Python {platform.python_version()}, needlewise {version('needlewise')}, {packages}."
    )


def _cells(table: Sequence[Row], names: tuple[str, str]) -> list[tuple[str, str, str, str]]:
    body = [(row.what, row.ours, row.theirs, f"{row.ratio:.1f}×") for row in table]
    return [("", *names, "ratio"), *body]


def _turns(what: str, ours: Sequence[float], theirs: Sequence[float], of: Statistic) -> Row:
    mine, other = of(ours), of(theirs)
    return Row(what, f"{mine:.1f} ms", f"{other:.1f} ms", other / mine)


def _p95(samples: Sequence[float]) -> float:
    return statistics.quantiles(samples, n=20, method="inclusive")[-1]


def _memory(figures: Figures) -> str:
    processes = "1 process" if figures.processes == 1 else f"{figures.processes} processes"
    return f"{figures.memory / 2**20:.0f} MiB ({processes})"


def _total_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
