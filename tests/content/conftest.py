"""A copy of the project for each test, so that one thing in it may be made wrong."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from needlewise import clock
from needlewise.content.check import Rule, check_all, findings_of
from needlewise.content.checks import tree
from needlewise.content.checks.finding import Finding
from needlewise.safety.triage import RedFlagRules
from needlewise.safety.triage import load_rules as load_red_flags
from needlewise.settings import Settings, read_settings
from tests.support.postgres import postgres

__all__ = ["postgres"]

TODAY = datetime(2026, 3, 2, 12, tzinfo=UTC)

_COPIED = ("content", "data", "actions", "needlewise", "tests/nlu")

_red_flags: dict[str, RedFlagRules] = {}


def _read_red_flags(path: Path) -> RedFlagRules:
    text = path.read_text(encoding="utf-8")
    if text not in _red_flags:
        _red_flags[text] = load_red_flags(path)
    return _red_flags[text]


@dataclass(frozen=True)
class Project:
    """A project that is sound until a test edits it."""

    root: Path

    @property
    def settings(self) -> Settings:
        return replace(read_settings({}), root=self.root)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the first `old` of a file, which must be there."""
        text = self.read(path)
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new, 1))

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def findings(self, *rules: Rule) -> list[Finding]:
        """What these rules find, and what could not be read."""
        return findings_of(tree.read_tree(self.settings), rules)

    def check(self, *, production: bool = False, clinic: str | None = None) -> list[str]:
        """Every finding of every rule, as the command prints them."""
        return [str(finding) for finding in check_all(self.settings, production=production, clinic=clinic)]


def in_file(path: str, findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.path == Path(path)]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: TODAY)


@pytest.fixture(autouse=True)
def _red_flags_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red flags take a second to read: a copy with the same text gives the same rules."""
    monkeypatch.setattr(tree, "load_red_flags", _read_red_flags)


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Project:
    for folder in _COPIED:
        shutil.copytree(
            root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "page")
        )
    shutil.copy(root / "domain.yml", tmp_path)
    return Project(tmp_path)
