"""Which of the numbered choices a short text means: "2", "two", "the second", "b", or the choice's own words.

Only a whole message counts, and only what the last text offered: anything else is words like any other.
"""

import regex
from rapidfuzz.distance import OSA

_ENGLISH = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_SHORT = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th")
_SPANISH = ("uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
_SPANISH_ORDINALS = ("primer", "segund", "tercer", "cuart", "quint", "sext", "septim", "octav", "noven")
_LETTERS = "abcdefgh"

LAST = -1
"""What `number_in` gives for "the last one"."""

_NUMBER = {
    word: place
    for words in (_ENGLISH, _ORDINALS, _SHORT, _SPANISH, _LETTERS)
    for place, word in enumerate(words, start=1)
}
_NUMBER |= {
    stem + ending: place
    for place, stem in enumerate(_SPANISH_ORDINALS, start=1)
    for ending in ("o", "a", "")
    if stem + ending != "sext"
}
_NUMBER |= {"último": LAST, "última": LAST, "last": LAST, "ultimo": LAST, "ultima": LAST}

_AROUND = regex.compile(r"[\s.,;:!?()\[\]\"'*#\ufe0f\u20e3-]+")
_BEFORE = frozenset(
    "the number num option choice answer reply pick la el opción opcion número numero no i ll ill take want choose".split()
)
_AFTER = frozenset({"one", "option", "choice", "please", "pls", "thanks", "por", "favor"})

CLOSE = 1
"""Letters that may be wrong in a choice's own words."""
_SHORTEST = 5


def number_in(text: str) -> int | None:
    """The number that a whole message says, from 1, or LAST; None for a message that says anything else."""
    words = [word for word in _AROUND.split(text.casefold()) if word]
    if not words or len(words) > 5:
        return None
    # "no" and "one" mean something else alone: they only go beside a number.
    while len(words) > 1 and words[0] in _BEFORE:
        words.pop(0)
    while len(words) > 1 and words[-1] in _AFTER:
        words.pop()
    if len(words) != 1:
        return None
    word = words[0]
    if word.isascii() and word.isdigit() and len(word) <= 2:
        return int(word)
    return _NUMBER.get(word)


def labelled(text: str, labels: list[str]) -> int | None:
    """The place from 0 of the label that a message repeats, but for case, punctuation and a slip of one letter; None when none or several fit."""
    said = _plain(text)
    whole = [place for place, label in enumerate(labels) if _plain(label) == said]
    if len(whole) == 1:
        return whole[0]
    if len(said) < _SHORTEST:
        return None
    close = [
        place
        for place, label in enumerate(labels)
        if OSA.distance(_plain(label), said, score_cutoff=CLOSE) <= CLOSE
    ]
    return close[0] if len(close) == 1 else None


def _plain(text: str) -> str:
    return " ".join(word for word in _AROUND.split(text.casefold()) if word)
