"""The words of training sentences, kept between trainings: reading them is most of a training's work, and few change.

The file holds what the model does: hashes of training sentences, their spelling put right, and their vectors. It is only a shortcut: without it,
or with one that cannot be read, everything is read anew.
"""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from needlewise.language.reading import Words, in_words
from needlewise.settings import read_settings

logger = logging.getLogger(__name__)

_MOST = 100_000
"""Sentences that are kept. Beyond that only those of the present training are."""


def words_of(texts: Sequence[str]) -> list[Words]:
    """Like in_words, for the normalised sentences of a training: those read before come from var/models/words-….npz."""
    path = read_settings().models / f"words-{_fingerprint()}.npz"
    kept = _read(path)
    keys = [_key(text) for text in texts]
    if new := {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}:
        kept |= zip(new, in_words(list(new.values())), strict=True)
        if len(kept) > _MOST:
            kept = {key: kept[key] for key in keys}
        _write(path, kept)
    return [Words(text, kept[key].spelled, kept[key].vector) for key, text in zip(keys, texts, strict=True)]


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@cache
def _fingerprint() -> str:
    """Of everything that makes words of a text: another encoder, or another speller, begins another file."""
    folder = Path(__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("*.tsv"), folder / "minilm" / "SHA256SUMS"]
    files += (folder.parent / "text").glob("*.py")
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> dict[bytes, Words]:
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"]
            spelled = stored["spelled"].tobytes().decode().split("\n")
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        logger.warning(
            "%s cannot be read (%s): the training reads its sentences anew", path, type(error).__name__
        )
        return {}
    return {
        key.tobytes(): Words("", text, vector)
        for key, text, vector in zip(keys, spelled, vectors, strict=True)
    }


def _write(path: Path, kept: Mapping[bytes, Words]) -> None:
    """Whole or not at all: two trainings at once each leave a whole file, and the later one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("words-*.npz"):
        if old != path:
            old.unlink(missing_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            keys=np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(-1, 32),
            spelled=np.frombuffer("\n".join(its.spelled for its in kept.values()).encode(), dtype=np.uint8),
            vectors=np.stack([its.vector for its in kept.values()]),
        )
    unfinished.replace(path)
