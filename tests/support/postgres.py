"""A throw-away PostgreSQL on loopback, for the tests that need one. Without its server programs they are skipped."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support.service import free_port

_FOLDERS = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")


@dataclass
class Postgres:
    """A cluster of its own in a temporary folder. Each database in it is made new."""

    folder: Path
    programs: Path
    port: int
    databases: int = 0

    def new_database(self) -> str:
        """The address of an empty database."""
        self.databases += 1
        name = f"needlewise_{self.databases}"
        engine = create_engine(f"{self._address}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{self._address}/{name}"

    @property
    def _address(self) -> str:
        return f"postgresql://needlewise@127.0.0.1:{self.port}"

    def start(self) -> None:
        _run(
            self.programs / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "needlewise",
            "-A",
            "trust",
            "--no-sync",
        )
        self.run()

    def run(self) -> None:
        """Start the server over what the folder holds."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=150"
        log = self.folder / "log"
        _run(self.programs / "pg_ctl", "-D", self.folder / "data", "-o", options, "-l", log, "-w", "start")

    def break_off(self) -> None:
        """End the server the way a power cut would; `run` starts it again."""
        _run(self.programs / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def stop(self) -> None:
        self.break_off()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One cluster for the run; a conftest that imports this name has it."""
    cluster = start_postgres()
    yield cluster
    cluster.stop()


def start_postgres() -> Postgres:
    """Start a cluster, as the user postgres where we are root, since PostgreSQL refuses root. Skips the test when there is none."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="needlewise-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    cluster = Postgres(folder, programs, free_port())
    cluster.start()
    return cluster


def _programs() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).parent
    candidates = [path.parent for folder in _FOLDERS for path in Path(folder).glob("*/bin/initdb")]
    if os.geteuid() == 0 and not _has_user("postgres"):
        return None
    return max(candidates, default=None)


def _has_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    # To files of its own: a server that inherits our pipes would keep them open.
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", check=False)
    assert done.returncode == 0, done.stderr.decode()
