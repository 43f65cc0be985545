"""A locked file opens with its passphrase and with nothing else, and is written whole and for its owner alone."""

import os
from pathlib import Path

import pytest

from needlewise.errors import NeedlewiseError
from needlewise.privacy import locked
from needlewise.privacy.locked import MAGIC, lock, unlock, write_private

PASSPHRASE = "heron lamp quiet river"
COST = locked._COST


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a key costs is not what these tests are about."""
    monkeypatch.setattr(locked, "_COST", 2**4)


def test_a_guess_costs_what_the_documentation_says() -> None:
    assert COST == 2**17


@pytest.mark.parametrize("content", [b"", b"{}", "brontosaurus é".encode() * 10_000])
def test_it_opens_with_the_passphrase(content: bytes) -> None:
    data = lock(content, PASSPHRASE)
    assert (unlock(data, PASSPHRASE), b"brontosaurus" in data) == (content, False)


@pytest.mark.parametrize(
    "wrong", ["", "heron lamp quiet rivers", "Heron lamp quiet river", "heron lamp  quiet river"]
)
def test_it_does_not_open_with_another(wrong: str) -> None:
    with pytest.raises(NeedlewiseError, match="wrong, or the file is damaged"):
        unlock(lock(b"x", PASSPHRASE), wrong)


def test_one_passphrase_typed_in_two_ways_is_one() -> None:
    assert unlock(lock(b"x", "caf\u00e9 caf\u00e9 caf\u00e9"), " cafe\u0301 cafe\u0301 cafe\u0301\n") == b"x"


@pytest.mark.parametrize("at", [0, len(MAGIC), len(MAGIC) + 16, len(MAGIC) + 28, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(lock(b"content", PASSPHRASE))
    data[at] ^= 1
    with pytest.raises(NeedlewiseError):
        unlock(bytes(data), PASSPHRASE)


@pytest.mark.parametrize("data", [b"", b"{}", MAGIC, MAGIC + b"x" * 30])
def test_what_is_not_ours_or_cut_off_is_told_apart(data: bytes) -> None:
    with pytest.raises(NeedlewiseError, match="not a whole file"):
        unlock(data, PASSPHRASE)


@pytest.mark.parametrize("short", ["", "eleven char", " " * 20])
def test_a_short_passphrase_is_refused(short: str) -> None:
    with pytest.raises(NeedlewiseError, match="at least 12"):
        lock(b"x", short)


def test_two_files_of_one_content_differ() -> None:
    assert lock(b"x", PASSPHRASE) != lock(b"x", PASSPHRASE)


def test_a_file_is_the_owners_alone_and_overwrites_none(tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    write_private(path, b"{}")
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"{}")
    with pytest.raises(NeedlewiseError, match="there already"):
        write_private(path, b"other")
    assert path.read_bytes() == b"{}"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NeedlewiseError, match="No space left"):
        write_private(tmp_path / "patient.json", b"{}")
    assert list(tmp_path.iterdir()) == []
