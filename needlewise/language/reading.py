"""A message as every feature sees it: parsed once, encoded once, and handed on."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from spacy.tokens import Doc

from needlewise.language.encoder import Vectors, load_encoder
from needlewise.language.pipeline import load_pipeline
from needlewise.language.spelling import load_speller

# Only redaction looks at names and lemmas, after the reply is sent.
_NOT_NEEDED = ["ner", "lemmatizer"]

_MANY = 64
"""Texts. From here on it pays to encode on every core; a message's few parts are done before the threads have begun."""


@dataclass(frozen=True)
class Words:
    """A text, what was meant by it as far as spelling goes, and the vector of that, shape (384,)."""

    text: str
    spelled: str
    vector: Vectors


@dataclass(frozen=True)
class Reading(Words):
    """A message: its words with their spaCy parse."""

    doc: Doc
    behind: Words | None = None
    """The same words behind the title of what was answered before them, where they may lean on it."""


def read(text: str, *, title: str | None = None) -> Reading:
    """Parse and encode one normalised message, about 10 ms for twelve words; with a `title`, also behind it."""
    # The encoder leaves Python's lock while it works: on a second core it is done by the time the parse is.
    encoding = _encoding().submit(_own_and_behind, text, title)
    doc = load_pipeline()(text, disable=_NOT_NEEDED)
    own, behind = encoding.result()
    return Reading(own.text, own.spelled, own.vector, doc, behind)


def in_words(texts: Sequence[str]) -> list[Words]:
    """Each normalised text with its spelling put right and its vector, without a parse."""
    spelled = [load_speller().correct(text) for text in texts]
    return [Words(*words) for words in zip(texts, spelled, _encoded(spelled), strict=True)]


def _own_and_behind(text: str, title: str | None) -> tuple[Words, Words | None]:
    # Not in one batch: quantised vectors lean on their neighbours, and triage reads the message alone.
    (own,) = in_words([text])
    return own, in_words([f"{title} {text}"])[0] if title else None


@cache
def _encoding() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="encoder")


def _encoded(spelled: Sequence[str]) -> Vectors:
    encode = load_encoder().encode
    if len(spelled) < _MANY:
        return encode(spelled)
    hands = os.cpu_count() or 1
    with ThreadPoolExecutor(hands) as pool:
        shares = list(pool.map(encode, (spelled[at::hands] for at in range(hands))))
    vectors: Vectors = np.empty((len(spelled), shares[0].shape[1]), dtype=np.float32)
    for at, share in enumerate(shares):
        vectors[at::hands] = share
    return vectors
