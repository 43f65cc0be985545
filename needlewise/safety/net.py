"""The safety triage's second net: learned from sentences, for the wordings that no rule foresaw.

A message is compared with the sentences of data/safety by the sentence vector that understanding needs anyway, and by its words.
Kernel ridge regression on a few thousand sentences says two things: whether it is a sign at all, and which rule's sign it is like.
The rule lends its level and its words. The net never silences a rule, and it is not asked when one has spoken.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from needlewise.errors import ContentError, NeedlewiseError
from needlewise.language.encoder import Vectors
from needlewise.language.lesson import words_of
from needlewise.language.reading import Reading, Words, in_words
from needlewise.safety.rules import Level, RedFlagRules, Rule
from needlewise.safety.triage import CALM, Decision
from needlewise.text.normalise import normalise
from needlewise.text.yaml_text import line_at, parse, read_text

Arrays = Mapping[str, npt.NDArray[Any]]

THRESHOLD = 0.05
"""Chosen, like the numbers below, on tests/safety/validation.yml: docs/safety.md has what it catches and what it costs."""

LONG = 25
"""Words. A longer message is also read sentence by sentence: its one vector may be all about the question after the sign."""

_ALONE_MARGIN = 0.2
"""A sentence taken out of its message must be this much surer than a whole message."""

_MOST_PARTS = 16
_FEWEST_WORDS = 3
_SHARPNESS = 4.0
_RIDGE = 0.3
_WORDS_WEIGHT = 0.25
_BUCKETS = 1 << 14
_ONE_IN = 4
"""Every fourth of the topics' examples is enough to learn from, at this weight each."""
_TALK_WEIGHT = 0.5
_ROWS = 1000

_LEVELS = frozenset(Level) - {Level.DOCTOR, Level.ASK}
_WORD = re.compile(r"[\w']+")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


@dataclass(frozen=True)
class Lesson:
    """What the net learns from: signs by rule id, calm sentences by reason, and what else patients say."""

    signs: Mapping[str, Sequence[str]]
    calm: Mapping[str, Sequence[str]]
    talk: Sequence[str]


def read_lesson(folder: Path, talk: Sequence[str]) -> Lesson:
    """signs.yml and calm.yml of `folder`, beside the topics' examples. Raises ContentError, beginning with file:line."""
    return Lesson(_lists(folder / "signs.yml"), _lists(folder / "calm.yml"), talk)


def learn(lesson: Lesson) -> Arrays:
    """Fit the net: plain arrays, the same ones for the same lesson. Takes some seconds a thousand sentences."""
    signs = [text for texts in lesson.signs.values() for text in texts]
    calm = [text for texts in lesson.calm.values() for text in texts]
    sentences = words_of([normalise(text) for text in (*signs, *calm, *lesson.talk[::_ONE_IN])])
    vectors = np.stack([sentence.vector for sentence in sentences])
    words = _bags([sentence.spelled for sentence in sentences])

    targets = np.zeros((len(sentences), 1 + len(lesson.signs)), dtype=np.float32)
    targets[:, 0] = -1.0
    targets[: len(signs), 0] = 1.0
    rule_of = np.repeat(np.arange(len(lesson.signs)), [len(texts) for texts in lesson.signs.values()])
    targets[np.arange(len(signs)), 1 + rule_of] = 1.0
    trust = np.ones(len(sentences), dtype=np.float32)
    trust[len(signs) + len(calm) :] = _TALK_WEIGHT

    kernel = _likeness(vectors, vectors)
    for at in range(0, len(kernel), _ROWS):
        kernel[at : at + _ROWS] += _WORDS_WEIGHT * (words[at : at + _ROWS] @ words.T).toarray()
    kernel[np.diag_indices_from(kernel)] += _RIDGE / trust
    factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
    weights = cho_solve(factor, targets, check_finite=False)
    return {
        "rules": np.array(list(lesson.signs)),
        "centres": vectors,
        "weights": weights,
        "words": _WORDS_WEIGHT * (words.T @ weights),
    }


def save(arrays: Arrays, path: Path) -> None:
    """Write the net whole or not at all."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)


def load_net(path: Path, rules: RedFlagRules) -> "SafetyNet":
    """The net in the file. Raises NeedlewiseError when there is none, ContentError when it names a rule that there is not."""
    if not path.exists():
        raise NeedlewiseError(f"{path} is missing: run `needlewise train`")
    with np.load(path, allow_pickle=False) as stored:
        return SafetyNet({name: stored[name] for name in stored.files}, rules)


class SafetyNet:
    """Assesses readings by what it learned."""

    def __init__(self, arrays: Arrays, rules: RedFlagRules) -> None:
        self._centres: Vectors = arrays["centres"]
        self._weights: Vectors = arrays["weights"]
        self._words: Vectors = arrays["words"]
        known = {rule.id: rule for rule in rules.rules if rule.level in _LEVELS}
        names = [str(name) for name in arrays["rules"]]
        if missing := sorted(set(names) - known.keys()):
            raise ContentError(
                f"data/safety/signs.yml: red_flags.yml has no rule '{missing[0]}' above the level doctor"
            )
        self._rules: list[Rule] = [known[name] for name in names]

    def assess(self, reading: Reading) -> Decision:
        """The decision of the rule whose signs the message is most like, as NET.<rule>; the calm one when it is like no sign."""
        scores = self._scores(reading)
        if scores[0] < THRESHOLD:
            heard = [self._scores(part) for part in in_words(_parts(reading.text))]
            if not heard:
                return CALM
            scores = max(heard, key=lambda scores: float(scores[0]))
            if scores[0] < THRESHOLD + _ALONE_MARGIN:
                return CALM
        rule = self._rules[int(scores[1:].argmax())]
        return Decision(level=rule.level, rule=f"NET.{rule.id}", phrase=rule.phrase, speaks_alone=True)

    def _scores(self, words: Words) -> Vectors:
        """How much it is a sign, and then how much one of each rule."""
        scores: Vectors = _likeness(words.vector, self._centres) @ self._weights
        if buckets := _buckets(words.spelled):
            scores = scores + self._words[buckets].sum(axis=0) / np.sqrt(len(buckets))
        return scores


def _lists(path: Path) -> Mapping[str, Sequence[str]]:
    text = read_text(path)
    lists = parse(path, text)
    if not isinstance(lists, Mapping) or not lists:
        raise ContentError(f"{path}:1: must be lists of sentences by name")
    for name, sentences in lists.items():
        if (
            not isinstance(sentences, list)
            or not sentences
            or not all(isinstance(line, str) for line in sentences)
        ):
            raise ContentError(f"{path}:{line_at(text, name)}: '{name}' must be a list of sentences")
    return lists


def _likeness(vectors: Vectors, centres: Vectors) -> Vectors:
    likeness: Vectors = vectors @ centres.T
    likeness -= 1
    likeness *= _SHARPNESS
    return np.exp(likeness, out=likeness)


def _parts(text: str) -> list[str]:
    """The sentences of a long message, neighbours together where there are very many; none where it is one sentence."""
    if len(text.split()) <= LONG:
        return []
    sentences = [part for part in _SENTENCE_END.split(text) if len(part.split()) >= _FEWEST_WORDS]
    if len(sentences) < 2:
        return []
    size = -(-len(sentences) // _MOST_PARTS)
    return [" ".join(sentences[at : at + size]) for at in range(0, len(sentences), size)]


def _buckets(spelled: str) -> list[int]:
    """Each different word as a number. crc32 gives the same one in every process, and needs no vocabulary."""
    return [zlib.crc32(word.encode()) % _BUCKETS for word in sorted(set(_WORD.findall(spelled.lower())))]


def _bags(spelled: Sequence[str]) -> csr_matrix:
    """The words of each text, as a row of length one."""
    bags = [_buckets(text) for text in spelled]
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    values = np.concatenate(
        [np.full(len(bag), 1 / np.sqrt(max(1, len(bag))), dtype=np.float32) for bag in bags]
    )
    columns = np.array([bucket for bag in bags for bucket in bag], dtype=np.intp)
    return csr_matrix((values, (rows, columns)), shape=(len(bags), _BUCKETS))
