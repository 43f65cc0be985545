"""The real service as a process of its own, on a port of its own, that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from needlewise.settings import Settings, read_settings

READY_SECONDS = 300
"""Loading takes seconds on a machine with nothing else to do, and minutes on a busy one."""


@dataclass
class Service:
    """A deployment with its own `var`. What it writes to standard error is in `log`."""

    root: Path
    var: Path
    port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.var / "stderr.log"

    @property
    def environ(self) -> dict[str, str]:
        return {"NEEDLEWISE_VAR": str(self.var)}

    @property
    def settings(self) -> Settings:
        return read_settings(self.environ)

    def start(self) -> None:
        """Start it and return when a turn works."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "needlewise.cli", "serve", "--port", str(self.port)],
                cwd=self.root,
                env=plain_environ() | self.environ,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_ready, seconds=READY_SECONDS, otherwise="the service did not become ready")

    def kill(self) -> None:
        """End it the way a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)

    def ends(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=30)

    def stop(self) -> None:
        """End it if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.address}/readyz", timeout=30).status_code == 200
        except httpx.TransportError:
            return False


def run_command(root: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`needlewise` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "needlewise.cli", *arguments],
        cwd=root,
        env=plain_environ() | environ,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )


def plain_environ() -> dict[str, str]:
    """This process's environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NEEDLEWISE_")}


def wait_until(what: Callable[[], bool], *, seconds: float, otherwise: str, pause: float = 0.2) -> None:
    """Look again and again until it is so. Fails when the time is over."""
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, otherwise
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
