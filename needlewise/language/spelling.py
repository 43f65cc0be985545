"""Hurried typing put right before it is encoded: slips of the thumb, words run together, texting shorthand.

Only the encoder and the n-grams see the result. Safety triage and screening read what was typed, with spellings of their own.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from needlewise.language.english import english_words
from needlewise.language.nearby import Nearby
from needlewise.language.pipeline import load_pipeline

_HERE = Path(__file__).parent
_TOKEN = re.compile(r"w/o?(?!\w)|[a-z]+\d+[a-z]*|\d+[a-z]+|[^\W\d_]+(?:'[^\W\d_]+)?|.", re.I | re.S)
_SHORTEST = 3
_LONG = 5
"""Letters from which on two slips are forgiven."""
_LONG_NAME = 8
_LONGEST = 24
_CANDIDATES = 25
_RUN_TOGETHER = 30
"""How often each half must stand in the training examples before a word is split into them."""
_PER_SLIP = 2.6
"""What one slip costs against how frequent the word is (natural logarithm)."""
_MISSED_SPACE = 2.0
_LEAST, _LEAST_SHORT = -1.0, 1.5
"""What a correction must be worth; a short word is near to many others."""
_LEAST_ALONE, _LEAST_SHORT_ALONE = -3.0, 0.0
_LEAD = 2.0
"""By how much a correction must lead the next one to be taken though it is worth less, down to the two figures above."""
_NEAR = {
    "q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh", "u": "yihj", "i": "uojk", "o": "ipkl",
    "p": "ol", "a": "qwsz", "s": "awedxz", "d": "serfcx", "f": "drtgvc", "g": "ftyhbv", "h": "gyujnb", "j": "huikmn",
    "k": "jiolm", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
_VOWELS = frozenset("aeiouy")


class Speller:
    """Corrects words that are no words, towards those that patients use here."""

    def __init__(
        self,
        counts: Mapping[str, float],
        names: Collection[str],
        shorthand: Mapping[str, str],
        is_english: Callable[[str], bool],
    ) -> None:
        """`counts`: how often each possible target is used. Nothing becomes one of the `names`, and no name another word."""
        self._counts = {word: count for word, count in counts.items() if word not in names}
        self._targets = Nearby(word for word in self._counts if _SHORTEST <= len(word) <= _LONGEST)
        self._contractions = {
            word.replace("'", ""): word for word in self._counts if "'" in word and not word.endswith("'s")
        }
        self._names = sorted(names)
        self._known = frozenset(counts) | frozenset(names)
        self._is_english = is_english
        self._shorthand = shorthand
        self._corrected = lru_cache(20_000)(self._correct_word)

    def correct(self, text: str) -> str:
        """The text in small letters, with what was surely meant. Words it cannot place stay as they are."""
        shouted = text.isupper()
        return "".join(
            token.lower()
            if token.isupper() and len(token) > 1 and not shouted and token.lower() not in self._shorthand
            # Capitals amid small letters are an abbreviation: "ICD".
            else self._corrected(token.lower())
            for token in _TOKEN.findall(text)
        )

    def _correct_word(self, word: str) -> str:
        if meant := self._shorthand.get(word):
            return meant
        if not word.isalpha() or not word.isascii() or word in self._known:
            return word
        if contraction := self._contractions.get(word):
            return contraction
        if word.endswith("s") and self._counts.get(word[:-1], 0) >= 1:
            return word
        if not _SHORTEST <= len(word) <= _LONGEST or (len(word) >= _LONG and self._is_english(word)):
            # Of short words the lists hold too many that nobody uses: "hw", "te".
            return word
        slips = 2 if len(word) >= _LONG else 1
        if len(word) >= _LONG and process.extractOne(
            word, self._names, scorer=OSA.distance, score_cutoff=2 if len(word) >= _LONG_NAME else 1
        ):
            # It may be a medicine or a clinic, misspelt: whose it is, is not for spelling to say.
            return word
        options = [
            (self._worth(target, _distance(word, target)), target)
            for target in self._targets.within(slips, word, limit=_CANDIDATES)
        ]
        options += self._halves(word)
        (worth, best), (next_worth, _) = sorted(
            [*options, (-math.inf, word), (-math.inf, word)], reverse=True
        )[:2]
        least, alone = (_LEAST, _LEAST_ALONE) if len(word) >= _LONG else (_LEAST_SHORT, _LEAST_SHORT_ALONE)
        if worth - next_worth >= _LEAD and not self._is_english(word):
            least = alone
        return best if worth >= least else word

    def _worth(self, target: str, slips: float) -> float:
        return math.log(self._counts[target]) - _PER_SLIP * slips

    def _halves(self, word: str) -> list[tuple[float, str]]:
        """The two words it may be when a space was missed."""
        halves = []
        for at in range(1, len(word)):
            first, second = word[:at], word[at:]
            fewest = min(self._counts.get(first, 0), self._counts.get(second, 0))
            if fewest >= _RUN_TOGETHER and (len(first) > 1 or first in "ia") and len(second) > 1:
                halves.append((math.log(fewest) - _MISSED_SPACE, f"{first} {second}"))
        return halves


def _distance(typed: str, meant: str) -> float:
    """Slips between two words; those that thumbs and ears make often weigh less."""
    slips = float(OSA.distance(typed, meant))
    if typed[0] != meant[0]:
        slips += 0.6
    if sorted(typed) == sorted(meant):
        slips -= 0.4
    elif len(typed) == len(meant):
        pairs = [(a, b) for a, b in zip(typed, meant, strict=True) if a != b]
        if all(b in _NEAR.get(a, "") or (a in _VOWELS and b in _VOWELS) for a, b in pairs):
            slips -= 0.3
    elif _without_doubles(typed) == _without_doubles(meant) or typed == _without_vowels(meant):
        slips -= 0.5
    return slips


def _without_doubles(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word)


def _without_vowels(word: str) -> str:
    return word[:1] + "".join(letter for letter in word[1:] if letter not in _VOWELS)


@cache
def load_speller() -> Speller:
    """The shared speller, from the word lists beside this module (training/words.py writes them)."""
    counts: dict[str, float] = {}
    names = set()
    for line in (_HERE / "words.tsv").read_text(encoding="utf-8").splitlines():
        word, count = line.split("\t")
        if count == "name":
            names.add(word)
        else:
            counts[word] = float(count)
    shorthand = dict(
        line.split("\t")
        for line in (_HERE / "shorthand.tsv").read_text(encoding="utf-8").splitlines()
        if line
    )
    return Speller(counts, names, shorthand, english_words(load_pipeline()))
