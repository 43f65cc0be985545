"""`needlewise purge`, `export` and `erase`, as whoever runs the server types them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from needlewise.db.engine import migrate
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.privacy.kept import NUMBER, Patient, everything
from tests.support.service import plain_environ, wait_until
from tests.support.stored import raw, rows

PASSPHRASE = "heron lamp quiet river"


class Desk:
    """The command line over a deployment of its own with one patient."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root, self.settings = root, settings
        self.patient = asyncio.run(self._fill())

    async def _fill(self) -> Patient:
        services = Services(self.settings)
        try:
            return await everything(services, "brontosaurus")
        finally:
            await services.engine.dispose()
            await services.reading.dispose()

    @property
    def environ(self) -> dict[str, str]:
        own = {
            "NEEDLEWISE_VAR": str(self.settings.var),
            "NEEDLEWISE_DATABASE_URL": self.settings.database_url,
        }
        return plain_environ() | own

    def types(self, *words: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "needlewise.cli", *words],
            cwd=self.root,
            env=self.environ,
            input=answers,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def deployment(root: Path, base_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("commands")
    settings = replace(base_settings, database_url=f"sqlite:///{folder / 'test.db'}")
    migrate(settings.database_url)
    return Desk(root, settings)


def test_a_dry_run_says_what_is_due_for_each_clinic_and_takes_nothing(deployment: Desk) -> None:
    done = deployment.types("purge", "--dry-run")
    assert (done.returncode, "demo: nothing is due" in done.stdout) == (0, True)
    assert deployment.types("purge", "--clinic", "no_such").returncode == 2
    assert rows(deployment.settings, "purges") == []


def test_an_export_is_written_for_its_owner_alone(deployment: Desk, tmp_path: Path) -> None:
    out = tmp_path / "patient.json"
    done = deployment.types(
        "export", "--number", "--reason", "she asked", "--out", str(out), answers=f"{NUMBER}\n"
    )
    assert done.returncode == 0, done.stderr
    assert (out.stat().st_mode & 0o777, json.loads(out.read_text())["clinic"]) == (0o600, "demo")
    assert "1 conversation, 1 request" in done.stderr
    assert "brontosaurus" not in done.stderr + done.stdout


def test_a_locked_export_opens_with_its_passphrase_alone(deployment: Desk, tmp_path: Path) -> None:
    out, right, wrong = tmp_path / "patient.json.locked", tmp_path / "right", tmp_path / "wrong"
    right.write_text(f"{PASSPHRASE}\n")
    wrong.write_text("another one of words\n")
    given = ("export", "--conversation", deployment.patient.conversation, "--reason", "she asked")
    done = deployment.types(*given, "--out", str(out), "--passphrase-file", str(right))
    assert done.returncode == 0, done.stderr
    assert b"brontosaurus" not in out.read_bytes()
    opened = deployment.types("export", "--open", str(out), "--passphrase-file", str(right))
    assert json.loads(opened.stdout)["conversations"][0]["id"] == deployment.patient.conversation
    refused = deployment.types("export", "--open", str(out), "--passphrase-file", str(wrong))
    assert (refused.returncode, refused.stdout, "passphrase is wrong" in refused.stderr) == (2, "", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "x"], "how to find the patient"),
        (["--out", "x", "--number", "--token"], "how to find the patient"),
        (["--conversation", "0" * 32], "--out"),
        (["--out", "x", "--conversation", "0" * 32, "--reason", "she asked"], "nothing of this patient"),
        (["--out", "/no/such/folder/x", "--open", "/no/such/file"], "cannot read"),
    ],
)
def test_a_mistake_is_one_plain_line(deployment: Desk, words: list[str], says: str) -> None:
    done = deployment.types("export", *words)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_an_export_without_a_reason_is_none(deployment: Desk, tmp_path: Path) -> None:
    out = tmp_path / "patient.json"
    done = deployment.types("export", "--conversation", deployment.patient.conversation, "--out", str(out))
    assert (done.returncode, out.exists()) == (2, False)


def test_a_crash_while_an_export_is_written_leaves_no_file_and_the_log_says_it_was_made(
    deployment: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "patient.json"
    before = len([row for row in rows(deployment.settings, "audit") if row["action"] == "privacy/export"])
    code = (
        "import os, signal, sys\n"
        f"sys.argv = ['needlewise', 'export', '--conversation', {deployment.patient.conversation!r},"
        f" '--reason', 'she asked', '--out', {str(out)!r}]\n"
        "from needlewise.cli import main\n"
        "os.fsync = lambda descriptor: signal.pause()\n"
        "main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=deployment.root, env=deployment.environ)
    try:
        wait_until(lambda: list(tmp_path.iterdir()) != [], seconds=120, otherwise="nothing was written")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    (part,) = tmp_path.iterdir()
    assert (out.exists(), part.stat().st_mode & 0o777) == (False, 0o600)
    made = [row for row in rows(deployment.settings, "audit") if row["action"] == "privacy/export"]
    assert len(made) == before + 1
    given = ("--conversation", deployment.patient.conversation, "--reason", "she asked", "--out", str(out))
    assert deployment.types("export", *given).returncode == 0
    assert list(tmp_path.iterdir()) == [out]


def test_an_erasure_shows_asks_and_then_takes_everything(deployment: Desk) -> None:
    """The last of this file: nothing is left after it."""
    given = ("erase", "--number", "--requests", "--reason", "she asked")
    kept = deployment.types(*given, answers=f"{NUMBER}\nn\n")
    assert (kept.returncode, b"brontosaur" in raw(deployment.settings)) == (2, True)
    assert deployment.patient.conversation in kept.stdout
    done = deployment.types(*given, answers=f"{NUMBER}\ny\n")
    assert (done.returncode, b"brontosaur" in raw(deployment.settings)) == (0, False)
    assert "1 request" in done.stderr
    everything_said = str(rows(deployment.settings, "audit")) + done.stdout + done.stderr
    assert not any(word in everything_said for word in ("5550123", "555-0123", "brontosaurus"))
