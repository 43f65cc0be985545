"""What is an ordinary English word, by the word lists that the pipeline's lemmatizer carries."""

import re
from collections.abc import Callable, Iterator

from spacy.language import Language

_ENDINGS = ("s", "ed", "d", "ing", "ly", "er", "ers", "ness", "'s", "est", "y")
_TAKES_ES = re.compile(r"(?:s|x|z|ch|sh|[^aeiou]o)$")
_DOUBLED = re.compile(r"([^aeiou])\1$")


def english_words(nlp: Language) -> Callable[[str], bool]:
    """A test of whether a word is one, its common endings allowed for."""
    lookups = nlp.get_pipe("lemmatizer").lookups
    known: set[str] = set()
    for table in ("lemma_index", "lemma_exc"):
        for words in lookups.get_table(table).values():
            known.update(words)
    known.update(word for word in nlp.Defaults.stop_words)

    def is_english(word: str) -> bool:
        return word in known or any(stem in known for stem in _stems(word))

    return is_english


def _stems(word: str) -> Iterator[str]:
    """What the word may be made of: "needling" of "needl", "needle"; "running" of "runn", "runne", "run"."""
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3 or (ending == "s" and stem.endswith("s")):
            continue
        yield stem
        yield stem + "e"
        if _DOUBLED.search(stem):
            yield stem[:-1]
        elif stem.endswith("i"):
            yield stem[:-1] + "y"
    stem = word.removesuffix("es")
    if stem != word and _TAKES_ES.search(stem):
        yield stem
