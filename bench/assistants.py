"""The two assistants under measurement, each as its own users run it, reached over HTTP on the loopback address."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
from processes import BenchError, free_port, last_lines, peak_memory, running

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "bench"
"""What one run leaves to the next: Rasa's trained model, compiled modules."""

SECONDS_TO_START = 400
SECONDS_TO_ANSWER = 30
POLL_SECONDS = 0.05

Say = Callable[[str], None]
"""Sends one message of a conversation and waits for the reply. Raises BenchError when none comes."""


class Assistant(Protocol):
    """What the bench needs of either."""

    name: str

    def start(self) -> AbstractContextManager[float]:
        """The servers running, and the seconds from their start until a first question was answered."""

    def open(self, client: httpx.Client) -> Say:
        """A new conversation, its connection made. The client belongs to it alone."""

    def peak_memory(self) -> tuple[int, int]:
        """Peak resident bytes of the running servers, and the number of their processes."""


class Needlewise:
    """`needlewise serve` with an empty database; the trained model is the one in var/models."""

    name = "Needlewise"

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._log = folder / "serve.log"
        self._groups: list[int] = []
        self._url = ""
        self._models = folder / "var" / "models"
        self._models.mkdir(parents=True)
        for file in _own_models(root):
            shutil.copyfile(file, self._models / file.name)
        self._trained = set(self._models.iterdir())

    @contextmanager
    def start(self) -> Iterator[float]:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        environ = {
            **plain_environ(),
            "NEEDLEWISE_ROOT": str(self._root),
            "NEEDLEWISE_VAR": str(self._folder / "var"),
            # The bench is one address that talks faster than any patient.
            "NEEDLEWISE_MESSAGES_PER_MINUTE": "1000000",
            "NEEDLEWISE_SESSIONS_PER_MINUTE": "1000000",
        }
        command = [tool("needlewise"), "serve", "--host", "127.0.0.1", "--port", str(port)]
        began = time.perf_counter()
        with running(command, cwd=self._root, environ=environ, log=self._log) as server:
            self._groups = [server.pid]
            wait_until(self._is_ready, [server], self._log)
            seconds = time.perf_counter() - began
            if set(self._models.iterdir()) != self._trained:
                raise BenchError(
                    "the sources changed under the bench and the service trained anew: run it again"
                )
            yield seconds

    def open(self, client: httpx.Client) -> Say:
        opened = client.post(f"{self._url}/chat/v1/sessions", json={"clinic": "demo"})
        opened.raise_for_status()
        bearer = {"Authorization": f"Bearer {opened.json()['token']}"}

        def say(text: str) -> None:
            reply = client.post(
                f"{self._url}/chat/v1/messages",
                json={"id": str(uuid.uuid4()), "text": text},
                headers=bearer,
            )
            if not (reply.is_success and reply.json()["messages"]):
                raise _unanswered(self.name, reply, self._log)

        return say

    def peak_memory(self) -> tuple[int, int]:
        return peak_memory(self._groups)

    def _is_ready(self) -> bool:
        # /readyz is 200 once a test question was answered.
        return httpx.get(f"{self._url}/readyz", timeout=SECONDS_TO_ANSWER).status_code == 200


class PlainRasa:
    """`rasa run` and `rasa run actions` over a project of plain_project, its conversations kept in memory, the default."""

    name = "Rasa, as set up by rasa init"

    def __init__(self, project: Path, model: Path) -> None:
        self._project = project
        self._log = project / "rasa.log"
        self._model = model
        self._groups: list[int] = []
        self._url = ""

    @contextmanager
    def start(self) -> Iterator[float]:
        port, actions_port = free_port(), free_port()
        self._url = f"http://127.0.0.1:{port}"
        (self._project / "endpoints.yml").write_text(
            f'action_endpoint:\n  url: "http://127.0.0.1:{actions_port}/webhook"\n', encoding="utf-8"
        )
        environ = {**plain_environ(), "SANIC_HOST": "127.0.0.1"}
        actions = [tool("rasa"), "run", "actions", "--port", str(actions_port)]
        serve = [tool("rasa"), "run", "--model", str(self._model), "--endpoints", "endpoints.yml"]
        serve += ["--credentials", "credentials.yml", "--interface", "127.0.0.1", "--port", str(port)]
        began = time.perf_counter()
        with ExitStack() as servers:
            started = [
                servers.enter_context(running(command, cwd=self._project, environ=environ, log=self._log))
                for command in (serve, actions)
            ]
            self._groups = [server.pid for server in started]
            wait_until(self._is_ready, started, self._log)
            yield time.perf_counter() - began

    def open(self, client: httpx.Client) -> Say:
        # Makes the connection, as opening a session does on the other side.
        client.get(f"{self._url}/").raise_for_status()
        sender = uuid.uuid4().hex

        def say(text: str) -> None:
            reply = self._send(client, sender, text)
            if not (reply.is_success and reply.json()):
                raise _unanswered(self.name, reply, self._log)

        return say

    def peak_memory(self) -> tuple[int, int]:
        return peak_memory(self._groups)

    def _send(self, client: httpx.Client, sender: str, text: str) -> httpx.Response:
        return client.post(f"{self._url}/webhooks/rest/webhook", json={"sender": sender, "message": text})

    def _is_ready(self) -> bool:
        # Rasa's own status says nothing of the action server: only a reply shows that a question is answered.
        with httpx.Client(timeout=SECONDS_TO_ANSWER) as client:
            reply = self._send(client, uuid.uuid4().hex, "does dry needling hurt")
        return reply.is_success and bool(reply.json())


def wait_until(is_ready: Callable[[], bool], servers: Sequence[subprocess.Popen[bytes]], log: Path) -> None:
    """Return when it is ready. Raises BenchError, with the end of the log, when a server ends or takes too long."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if any(server.poll() is not None for server in servers):
            raise BenchError(f"a server ended at once:\n{last_lines(log)}")
        try:
            if is_ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_SECONDS)
    raise BenchError(f"a server was not ready after {SECONDS_TO_START} s:\n{last_lines(log)}")


def plain_environ() -> dict[str, str]:
    """The environment without settings of this shell that would change either assistant; nothing is reported home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NEEDLEWISE_", "SANIC_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    # A warm start has its modules compiled; half of a start would be compiling otherwise. Not into the environment's folders.
    compiled = {"PYTHONPYCACHEPREFIX": str(CACHE / "bytecode")}
    return {**kept, **compiled, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}


def tool(name: str) -> str:
    """The path of a command of this Python's environment."""
    return str(Path(sys.executable).with_name(name))


def _own_models(root: Path) -> tuple[Path, Path]:
    """The model and the safety net."""
    from needlewise.dialogue.training import is_trained, model_path, net_path
    from needlewise.settings import read_settings

    settings = read_settings({"NEEDLEWISE_ROOT": str(root)})
    if not is_trained(settings):
        raise BenchError("Needlewise has no up-to-date model: run `needlewise train` first")
    return model_path(settings), net_path(settings)


def _unanswered(name: str, reply: httpx.Response, log: Path) -> BenchError:
    said = f"{reply.status_code} {reply.text[:200]}"
    return BenchError(f"{name} left a message without an answer: {said}\nIts log ends:\n{last_lines(log)}")
