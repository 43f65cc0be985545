"""A stop for work that would not end: a guard against standing still, far above what any machine needs, not a measurement."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Fails the test that has used `seconds` of its own processor time inside, patterns that backtrack included."""

    def stop(*_: object) -> None:
        raise AssertionError(f"still at work after {seconds} seconds of the processor's time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
