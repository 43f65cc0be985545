"""What a new example may not repeat: the examples there are, and the sentences that are kept apart to test with."""

import bisect
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process

from needlewise.nlu.corpus import plain, read_examples
from needlewise.text.yaml_text import parse, read_text

NEAR = 90
"""How much of two texts agrees (rapidfuzz.fuzz.ratio, in percent) from which on one is a near-copy of the other."""

LETTERS = 12
"""Shorter texts are near to too many others: of them only exact copies count."""

BARE_WORDS = 3
"""Any list of greetings, yeses and bare topic words holds "hello", "not sure" and "how much"."""

_ROWS = 50
_LEAST_SHARE = NEAR / (200 - NEAR)
"""How long the shorter text must be, of the longer, for the two to agree so far."""
_TESTS = ("tests/nlu/*.yml", "tests/nlu/*.jsonl", "tests/safety/held_out.yml", "tests/safety/unseen.yml")
_TAUGHT = ("data/nlu/*.yml",)


@dataclass(frozen=True)
class Shelf:
    """Texts by the length of what `plain` leaves of them: only those of a like length need comparing."""

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Shelf":
        pairs = sorted({(plain(text), text) for text in texts}, key=lambda pair: (len(pair[0]), pair))
        keys = tuple(key for key, _ in pairs)
        return cls(keys, tuple(text for _, text in pairs), tuple(map(len, keys)))

    def between(self, shortest: float, longest: float) -> slice:
        """Where those stand whose plain words have at least and at most so many characters."""
        return slice(bisect.bisect_left(self.lengths, shortest), bisect.bisect_right(self.lengths, longest))


@dataclass(frozen=True)
class Known:
    """What a deployment holds already."""

    intents: dict[str, str]
    """The examples of data/nlu, and what each is an example of."""
    taught: Shelf
    tests: Shelf | None
    """None where the test sentences are not installed: nothing can be checked against them then."""


def near_copies(held_out: Iterable[str], taught: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a test sentence and a text that says the same, letter case and punctuation aside."""
    return copies(Shelf.of(held_out), Shelf.of(taught))


def copies(ours: Shelf, theirs: Shelf, *, bare_words: int = BARE_WORDS) -> list[tuple[str, str]]:
    """Pairs of texts, one of each shelf, that say the same. Texts of up to `bare_words` words never do."""
    found = []
    for at in range(0, len(ours.keys), _ROWS):
        rows = slice(at, at + _ROWS)
        lengths = ours.lengths[rows]
        columns = theirs.between(lengths[0] * _LEAST_SHARE, lengths[-1] / _LEAST_SHARE)
        ratios = process.cdist(
            ours.keys[rows],
            theirs.keys[columns],
            scorer=fuzz.ratio,
            score_cutoff=NEAR,
            dtype=np.uint8,
            workers=1,
        )
        for row, column in zip(*ratios.nonzero(), strict=True):
            key, other = ours.keys[rows][row], theirs.keys[columns][column]
            if _counts(key, other, bare_words):
                found.append((ours.texts[rows][row], theirs.texts[columns][column]))
    return found


def known(root: Path) -> Known:
    """What stands in data/nlu and in the test files of a project; read again when one of them changed. Takes a second then.

    Raises NeedlewiseError where a file is malformed.
    """
    return _read(root, _state(root))


def held_out_sentences(root: Path) -> Iterator[str]:
    """Every sentence that the understanding and the safety net are tested with and must not learn from."""
    for path in sorted((root / "tests" / "nlu").glob("*.yml")):
        for block in parse(path, read_text(path))["nlu"]:
            yield from (line[2:].strip() for line in block["examples"].splitlines() if line.startswith("- "))
    for path in sorted((root / "tests" / "nlu").glob("*.jsonl")):
        for line in read_text(path).splitlines():
            row = json.loads(line)
            yield row["turns"][-1] if "turns" in row else row["text"]
    for name in ("held_out.yml", "unseen.yml"):
        path = root / "tests" / "safety" / name
        if path.exists():
            yield from (row["text"] for row in parse(path, read_text(path))["must_fire"])


def _state(root: Path) -> tuple[tuple[str, int, int], ...]:
    paths = sorted(path for pattern in (*_TAUGHT, *_TESTS) for path in root.glob(pattern))
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path in paths for stat in (path.stat(),))


@lru_cache(maxsize=2)
def _read(root: Path, state: tuple[tuple[str, int, int], ...]) -> Known:
    intents = {example.text: example.intent for example in read_examples(root)}
    sentences = list(held_out_sentences(root))
    return Known(intents, Shelf.of(intents), Shelf.of(sentences) if sentences else None)


def _counts(key: str, other: str, bare_words: int) -> bool:
    if max(len(key.split()), len(other.split())) <= bare_words:
        return False
    return key == other or min(_letters(key), _letters(other)) >= LETTERS


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)
