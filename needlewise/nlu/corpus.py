"""The training examples as their editor looks at them: where they are few, doubled, or easily taken for another intent's.

Nothing here needs the trained model or Rasa: an example stands for itself by the vector that training gives it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from needlewise.errors import ContentError, NeedlewiseError
from needlewise.language.encoder import Vectors
from needlewise.language.lesson import words_of
from needlewise.nlu.taxonomy import DECLINED, INTENTS, examples_wanted
from needlewise.text.normalise import normalise
from needlewise.text.yaml_text import line_at, parse, read_text

SAME = 0.97
"""Cosine similarity from which on two examples say the same: a letter, a sign or a filler apart."""

_VOTERS = 5
_ROWS = 1000
_APOSTROPHE = re.compile(r"['’]")
_NOT_A_WORD = re.compile(r"[^\w\s]|_")

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Example:
    """One line of data/nlu."""

    intent: str
    text: str
    path: Path
    """Relative to the project."""
    line: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Coverage:
    """How well its examples cover one intent."""

    intent: str
    examples: int
    wanted: int
    spread: float
    """Mean cosine distance of the examples to their centre; 0 where there are none."""
    repeats: tuple[tuple[Example, Example], ...]
    """Examples that say again what an earlier one, the second of the pair, says."""

    @property
    def is_short(self) -> bool:
        return self.examples < self.wanted


@dataclass(frozen=True)
class Case:
    """An example that would be taken for another intent, and the example of that intent that draws it."""

    example: Example
    drawn_by: Example
    likeness: float
    """Cosine similarity of the two: the higher, the likelier it is that one of them stands under the wrong intent."""


@dataclass(frozen=True)
class Confusion:
    """Two intents that are mixed up, with every case of either taken for the other, the likest first."""

    intents: tuple[str, str]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Stray:
    """An example that sits closer to another intent's centre than to its own."""

    example: Example
    closer_to: str
    by: float
    """How much more similar it is to that centre than to its own."""


@dataclass(frozen=True)
class Guess:
    """What the assistant made of a patient's sentence."""

    sure: bool
    nearest: str
    """The best intent, however unsure."""


def read_examples(root: Path) -> tuple[Example, ...]:
    """Every example in data/nlu of a project. Raises NeedlewiseError where there is none or a file is malformed."""
    found = tuple(
        example
        for path in sorted((root / "data" / "nlu").glob("*.yml"))
        for example in _in_file(path, path.relative_to(root))
    )
    if not found:
        raise NeedlewiseError(f"there are no examples in {root / 'data' / 'nlu'}")
    return found


def plain(text: str) -> str:
    """The words of a text in small letters, without punctuation: what two copies have in common. Signs alone stay as they are."""
    words = _NOT_A_WORD.sub(" ", _APOSTROPHE.sub("", text.casefold()))
    return " ".join(words.split()) or text


def encode(examples: Sequence[Example]) -> Vectors:
    """One unit vector an example, as in training: shape (len(examples), 384). Thousands take most of a minute."""
    return np.stack([words.vector for words in words_of([normalise(example.text) for example in examples])])


def coverage(examples: Sequence[Example], vectors: Vectors) -> list[Coverage]:
    """Every intent, the one that lacks most first."""
    members: dict[str, list[int]] = {intent: [] for intent in INTENTS}
    for at, example in enumerate(examples):
        members.setdefault(example.intent, []).append(at)
    rows = [
        Coverage(
            intent,
            len(its),
            examples_wanted(intent),
            _spread(vectors[its]),
            tuple(_repeats([examples[at] for at in its], vectors[its])),
        )
        for intent, its in members.items()
    ]
    return sorted(rows, key=lambda row: row.examples - row.wanted)


def confusions(examples: Sequence[Example], vectors: Vectors) -> list[Confusion]:
    """Pairs of intents mixed up when each example is left out and its five nearest others vote, the most cases first.

    The classifier weighs all examples and forgives more. Most examples helped to adapt the encoder, which flatters them.
    """
    intents = sorted({example.intent for example in examples})
    index = np.array([intents.index(example.intent) for example in examples])
    cases: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for at, voters, likeness in _voters(vectors):
        votes = np.bincount(index[voters], weights=likeness, minlength=len(intents))
        taken_for = int(votes.argmax())
        if taken_for != index[at]:
            rank = next(rank for rank, voter in enumerate(voters) if index[voter] == taken_for)
            first, second = sorted((examples[at].intent, intents[taken_for]))
            cases[first, second].append(Case(examples[at], examples[voters[rank]], float(likeness[rank])))
    found = [
        Confusion(pair, tuple(sorted(its, key=lambda case: -case.likeness))) for pair, its in cases.items()
    ]
    return sorted(found, key=lambda confusion: -len(confusion.cases))


def strays(examples: Sequence[Example], vectors: Vectors) -> list[Stray]:
    """Examples closer to another intent's centre than to their own, the farthest astray first.

    What is out of scope is everything else, and has no centre: it is left out.
    """
    ours = [at for at, example in enumerate(examples) if example.intent != DECLINED]
    intents = sorted({examples[at].intent for at in ours})
    if not intents:
        return []
    index = np.array([intents.index(examples[at].intent) for at in ours])
    centres = np.stack([_centre(vectors[ours][index == number]) for number in range(len(intents))])
    likeness = vectors[ours] @ centres.T
    own = likeness[np.arange(len(ours)), index]
    best = likeness.argmax(axis=1)
    found = [
        Stray(examples[ours[row]], intents[best[row]], float(likeness[row, best[row]] - own[row]))
        for row in np.flatnonzero(best != index)
    ]
    return sorted(found, key=lambda stray: -stray.by)


def suggestions(
    texts: Iterable[str], understand: Callable[[str], Guess], mask: Callable[[str], str]
) -> Mapping[str, list[str]]:
    """The masked texts that were not surely understood, each once, by nearest intent: the fullest first, out of scope last."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for text in texts:
        guess = understand(text)
        if not guess.sure:
            masked = mask(text)
            groups[guess.nearest].setdefault(plain(masked), masked)
    order = sorted(groups, key=lambda intent: (intent == DECLINED, -len(groups[intent]), intent))
    return {intent: list(groups[intent].values()) for intent in order}


def _in_file(path: Path, name: Path) -> Iterator[Example]:
    text = read_text(path)
    loaded = parse(name, text)
    blocks = loaded.get("nlu") if isinstance(loaded, dict) else None
    if not isinstance(blocks, list):
        raise ContentError(f"{name}:1: a training file needs a list `nlu:`")
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or "intent" not in block:
            continue  # Rasa allows synonyms and lookups beside the intents
        line = line_at(text, "nlu", number, "examples")
        if not isinstance(block.get("examples"), str):
            raise ContentError(
                f"{name}:{line}: {block['intent']} needs `examples: |` and lines that begin with -"
            )
        for offset, entry in enumerate(block["examples"].splitlines(), start=1):
            if entry.startswith("- ") and (said := entry[2:].strip()):
                yield Example(str(block["intent"]), said, name, line + offset)


def _centre(vectors: Vectors) -> Vectors:
    mean = vectors.mean(axis=0)
    length = np.linalg.norm(mean)
    centre: Vectors = mean / length if length else mean
    return centre


def _spread(vectors: Vectors) -> float:
    return float(1 - (vectors @ _centre(vectors)).mean()) if len(vectors) else 0.0


def _repeats(examples: Sequence[Example], vectors: Vectors) -> Iterator[tuple[Example, Example]]:
    likeness = vectors @ vectors.T
    first_with: dict[tuple[str, ...], int] = {}
    for at, example in enumerate(examples):
        earlier = first_with.setdefault(tuple(sorted(plain(example.text).split())), at)
        if earlier == at and at:
            nearest = int(likeness[at, :at].argmax())
            earlier = nearest if likeness[at, nearest] >= SAME else at
        if earlier != at:
            yield example, examples[earlier]


def _voters(vectors: Vectors) -> Iterator[tuple[int, Index, Vectors]]:
    """Of each row: its number, the rows nearest to it, the nearest first, and how like it they are."""
    count = min(_VOTERS, len(vectors) - 1)
    if count < 1:
        return
    for start in range(0, len(vectors), _ROWS):
        likeness = vectors[start : start + _ROWS] @ vectors.T
        for row, line in enumerate(likeness):
            line[start + row] = -np.inf
            nearest = np.argpartition(-line, count - 1)[:count]
            nearest = nearest[np.argsort(-line[nearest], kind="stable")]
            yield start + row, nearest, line[nearest]
