"""Server processes under measurement: each in a process group of its own, and gone with it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_STOP = 15


class BenchError(Exception):
    """The measurement cannot be made, in one line."""


@contextmanager
def running(
    command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The command as the head of a new process group, its output in `log`. The whole group is gone afterwards."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=dict(environ), stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process.pid, signal.SIGTERM)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Also what outlived the head of the group.
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peak_memory(groups: Sequence[int]) -> tuple[int, int]:
    """The peak resident bytes of the live processes of these groups, added up, and how many processes they are."""
    peaks = [peak for group, peak in _peaks() if group in groups]
    return sum(peaks), len(peaks)


def _peaks() -> Iterator[tuple[int, int]]:
    """Group and peak resident bytes of every live process; the kernel's threads have no memory and are left out."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The command's name may hold spaces and brackets: the fields are counted from its end.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            status = (folder / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                yield int(fields[2]), int(line.split()[1]) * 1024


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""
