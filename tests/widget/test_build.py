"""The built files in the repository are what widget/ builds, and its own checks pass. Without Node there is nothing to compare."""

import shutil
import subprocess
from pathlib import Path

import pytest

from needlewise.channels.web.widget import BUILT

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SECONDS = 300


@pytest.fixture(scope="session")
def widget_folder(root: Path) -> Path:
    folder = root / "widget"
    if not (folder / "node_modules" / ".package-lock.json").exists():
        pytest.skip("needs `npm ci` in widget/, which `make test` runs")
    return folder


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_building_again_gives_the_same_bytes(widget_folder: Path, tmp_path: Path) -> None:
    _run(widget_folder, "node", "build.mjs", str(tmp_path / "built"))
    built = {path.name: path.read_bytes() for path in (tmp_path / "built").iterdir()}
    kept = {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert sorted(built) == sorted(kept)
    assert [name for name in built if built[name] != kept[name]] == []


def test_its_types_hold(widget_folder: Path) -> None:
    _run(widget_folder, "node_modules/.bin/tsc", "--noEmit")


def test_its_own_tests_pass(widget_folder: Path) -> None:
    _run(widget_folder, "node_modules/.bin/vitest", "run")
