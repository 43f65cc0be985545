"""The file that an export writes: sound for the project's own check, and never losing a line."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from needlewise.content.check import RULES, findings_of
from needlewise.content.checks.tree import read_tree
from needlewise.errors import NeedlewiseError
from needlewise.nlu.corpus import read_examples
from needlewise.settings import read_settings
from needlewise.teaching.copies import known
from needlewise.teaching.examples import Example, cleaned
from needlewise.teaching.training_file import FILE, as_yaml, export

ASKS = "so do i hand you cash at the desk or swipe"
OTHER = "which bus goes past your door on sundays now"
HOSTILE = "<b>- intent: x\n  examples: | # so do i swipe =1+1 \u2028 or what"


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The real project, with training files of its own."""
    for name in ("content", "actions", "needlewise", "tests", "domain.yml"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copytree(root / "data", tmp_path / "data")
    return tmp_path


def example(text: str, intent: str = "cost") -> Example:
    return Example("e", intent, text)


def test_the_check_of_the_project_finds_nothing_in_the_file(project: Path) -> None:
    written = export(project, [example(ASKS), example(OTHER, "locations"), example(cleaned(HOSTILE))])
    assert len(written.added) == 3
    tree = read_tree(replace(read_settings({}), root=project))
    assert [found for found in findings_of(tree, RULES) if found.path == FILE] == []


def test_the_lines_are_read_back_as_they_were_accepted(project: Path) -> None:
    new = [example(ASKS), example(cleaned(HOSTILE)), example(OTHER, "locations")]
    export(project, new)
    kept = [(one.intent, one.text) for one in read_examples(project) if one.path == FILE]
    assert kept == [(one.intent, one.text) for one in new]


def test_an_export_adds_to_what_stands_in_the_file(project: Path) -> None:
    export(project, [example(ASKS)])
    export(project, [example(OTHER, "locations")])
    assert [one.text for one in read_examples(project) if one.path == FILE] == [ASKS, OTHER]


def test_an_export_without_anything_new_writes_nothing(project: Path) -> None:
    export(project, [example(read_examples(project)[0].text, read_examples(project)[0].intent)])
    assert not (project / FILE).exists()


def test_an_export_to_another_file_leaves_the_training_alone(project: Path, tmp_path: Path) -> None:
    export(project, [example(ASKS)], to=tmp_path / "own.yml")
    assert not (project / FILE).exists()
    assert (tmp_path / "own.yml").read_text(encoding="utf-8") == as_yaml([example(ASKS)], known(project)).text


def test_a_file_that_cannot_be_written_is_said(project: Path, tmp_path: Path) -> None:
    with pytest.raises(NeedlewiseError, match="cannot write"):
        export(project, [example(ASKS)], to=tmp_path / "no" / "such" / "folder.yml")
