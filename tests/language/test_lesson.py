"""Training sentences are read once, and again only when what reads them changed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from needlewise.language import lesson
from needlewise.language.lesson import words_of
from needlewise.language.reading import Words, in_words

SENTENCES = ["does it hurt", "how long untill it works"]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEEDLEWISE_VAR", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences that were read anew."""
    read: list[str] = []

    def noting(texts: Sequence[str]) -> list[Words]:
        read.extend(texts)
        return in_words(texts)

    monkeypatch.setattr(lesson, "in_words", noting)
    return read


def test_words_are_those_of_reading() -> None:
    found, expected = words_of(SENTENCES), in_words(SENTENCES)
    assert [(its.text, its.spelled) for its in found] == [(its.text, its.spelled) for its in expected]
    assert np.array_equal([its.vector for its in found], [its.vector for its in expected])


def test_a_sentence_is_read_once(read: list[str]) -> None:
    words_of([*SENTENCES, SENTENCES[0]])
    first = words_of(SENTENCES)
    again = words_of([*SENTENCES, "is it safe"])
    assert read == [*SENTENCES, "is it safe"]
    assert [(its.text, its.spelled) for its in again[:2]] == [(its.text, its.spelled) for its in first]
    assert np.array_equal(again[1].vector, first[1].vector)


def test_another_reader_begins_another_file(
    read: list[str], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words_of(SENTENCES)
    monkeypatch.setattr(lesson, "_fingerprint", lambda: "another")
    words_of(SENTENCES)
    assert read == SENTENCES * 2
    assert [file.name for file in models.iterdir()] == ["words-another.npz"]


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_is_read_past(read: list[str], models: Path, damage: bytes) -> None:
    words_of(SENTENCES)
    (file,) = models.iterdir()
    file.write_bytes(damage)
    assert [its.text for its in words_of(SENTENCES)] == SENTENCES
    assert read == SENTENCES * 2


def test_beyond_the_limit_only_the_present_ones_are_kept(
    read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words_of(SENTENCES)
    monkeypatch.setattr(lesson, "_MOST", 2)
    words_of(["is it safe"])
    words_of(["is it safe", SENTENCES[0]])
    assert read == [*SENTENCES, "is it safe", SENTENCES[0]]
