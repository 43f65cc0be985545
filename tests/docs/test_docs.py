"""What the documents say is so."""

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from needlewise import clock
from needlewise.dialogue.turn import Turns
from needlewise.settings import PREFIX, Settings
from needlewise.wiring import Services
from tests.support import visit

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("bench/*.md")])
_LINK = re.compile(r"\]\((?!https?:|mailto:|tel:|#)([^)#]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"(?:^|[`\s/])needlewise ((?:[a-z-]+)(?: [a-z-]+)?)")
_MAKE = re.compile(r"`make ([a-z]+)`|^make ([a-z]+)$", re.MULTILINE)


async def test_readme_shows_a_visit_as_it_runs(
    turns: Turns, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: visit.AT)
    shown = re.search(r"<!-- visit -->\n(.*)<!-- /visit -->", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == (await visit.play(turns, services)).strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(document: Path) -> None:
    missing = [
        link
        for link in _LINK.findall(document.read_text())
        if not (document.parent / link).resolve().exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_in_documents_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {one or other for one, other in _MAKE.findall(document.read_text())}
    assert named - targets == set()


@pytest.fixture(scope="module")
def commands() -> set[str]:
    """Every command of the command line, from its own help."""
    import typer.main

    from needlewise.cli import app

    group = typer.main.get_command(app)
    names = set(group.commands)  # type: ignore[attr-defined]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        names |= {f"{name} {below}" for below in getattr(command, "commands", {})}
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_code_spans_exist(document: Path, commands: set[str]) -> None:
    spans = re.findall(r"`((?:\.venv/bin/)?needlewise [^`]+)`", document.read_text())
    wrong = []
    for span in spans:
        words = [
            word
            for word in span.removeprefix(".venv/bin/").split()[1:]
            if not word.startswith(("-", "<", '"'))
        ]
        pairs = [" ".join(words[:2]), words[0] if words else "--help"]
        alternatives = {option for pair in pairs for option in _alternatives(pair)}
        if words and not alternatives & commands:
            wrong.append(span)
    assert wrong == []


def _alternatives(words: str) -> set[str]:
    """ "bookings list|show" names two commands."""
    head, _, tail = words.rpartition(" ")
    return {f"{head} {option}".strip() for option in tail.split("|")}


def test_every_command_has_help(commands: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "needlewise.cli", "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    missing = [name for name in commands if " " not in name and name not in done.stdout]
    assert missing == []


def test_settings_table_lists_every_setting() -> None:
    table = re.findall(
        rf"^\| `?({PREFIX}[A-Z_]+)`? \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    assert sorted(table) == sorted(PREFIX + field.name.upper() for field in fields(Settings))


def test_dependencies_table_lists_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = sorted(re.split(r"[<>=\[; ]", line)[0].lower() for line in declared)
    text = (ROOT / "docs" / "dependencies.md").read_text()
    listed = sorted(
        name.lower()
        for name in re.findall(r"^\| `?([A-Za-z0-9_-]+)`? \|", text, re.MULTILINE)
        if name.lower() not in ("package", "dependency")
    )
    assert listed == names
