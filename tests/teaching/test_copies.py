"""What a new example may not repeat, and that everything to compare with is read where it is."""

import shutil
from pathlib import Path

import pytest

from needlewise.teaching.copies import Shelf, copies, held_out_sentences, known, near_copies

TRAINING = 'version: "3.1"\nnlu:\n- intent: cost\n  examples: |\n    - what does a visit cost\n'
TESTS = (
    'version: "3.1"\n\nnlu:\n- intent: cost\n  examples: |\n    - how much would one treatment be for me\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder, text in (("data/nlu", TRAINING), ("tests/nlu", TESTS)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "some.yml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_examples_and_the_test_sentences_of_a_project_are_known(project: Path) -> None:
    found = known(project)
    assert found.intents == {"what does a visit cost": "cost"}
    assert found.tests is not None
    assert found.tests.texts == ("how much would one treatment be for me",)


def test_a_deployment_without_test_files_says_that_there_are_none(project: Path) -> None:
    shutil.rmtree(project / "tests")
    assert known(project).tests is None


def test_a_file_that_changed_is_read_again(project: Path) -> None:
    known(project)
    path = project / "data" / "nlu" / "some.yml"
    path.write_text(TRAINING + "    - is it expensive\n", encoding="utf-8")
    assert known(project).intents.keys() == {"what does a visit cost", "is it expensive"}


def test_the_test_sentences_are_those_of_the_understanding_and_of_the_safety_net(root: Path) -> None:
    assert len(set(held_out_sentences(root))) > 1500


@pytest.mark.parametrize(
    ("bare_words", "found"), [(0, [("how much", "How much?")]), (3, [])], ids=["counted", "not counted"]
)
def test_bare_words_are_copies_only_where_they_are_asked_for(
    bare_words: int, found: list[tuple[str, str]]
) -> None:
    assert copies(Shelf.of(["how much"]), Shelf.of(["How much?"]), bare_words=bare_words) == found


def test_no_texts_have_no_copies() -> None:
    assert near_copies([], ["a b c d"]) == near_copies(["a b c d"], []) == []
