"""A message as plain words: one spelling of "don't", "im", "8wks" and "fifteen", so that rules need know only one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spacy.tokens import Doc

# What a token is rewritten to. Several words may come of one.
_REWRITTEN = {
    "n't": "not", "nt": "not", "'m": "am", "m": "am", "'ve": "have", "ve": "have", "'re": "are", "'ll": "will",
    "im": "i am", "ive": "i have", "iv": "i have", "id": "i would", "ill": "ill", "youre": "you are", "its": "it is",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "cant": "can not", "cannot": "can not",
    "wont": "will not", "isnt": "is not", "arent": "are not", "wasnt": "was not", "werent": "were not",
    "havent": "have not", "hasnt": "has not", "hadnt": "had not", "wouldnt": "would not", "couldnt": "could not",
    "shouldnt": "should not", "aint": "am not", "dnt": "do not", "shes": "she is", "hes": "he is", "thats": "that is",
    "theres": "there is", "whats": "what is", "u": "you", "ur": "your", "r": "are", "&": "and", "+": "and", "n": "and",
    "w/o": "without", "w/": "with", "bc": "because", "cuz": "because", "cos": "because", "coz": "because",
    "hx": "history", "dx": "diagnosed", "dx'd": "diagnosed", "tho": "though", "yr": "year", "yrs": "years", "wk": "week",
    "wks": "weeks", "mo": "months", "mos": "months", "mths": "months", "hrs": "hours", "mins": "minutes",
    "kinda": "kind of", "sorta": "sort of", "gonna": "going to", "wanna": "want to", "gotta": "got to",
    "dunno": "do not know", "idk": "do not know", "docs": "doctor", "doc": "doctor", "dr": "doctor", "dr.": "doctor",
    "meds": "meds", "mum": "mom", "momma": "mom", "mama": "mom", "hubby": "husband",
}  # fmt: skip

_NUMBERS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
}  # fmt: skip
_UNITS = {"day", "days", "week", "weeks", "month", "months", "year", "years"}
# spaCy splits "ain't", "can't" and "won't" before the "n't".
_BEFORE_NOT = {"ca": "can", "wo": "will", "sha": "shall", "ai": "am"}
_AMOUNT = re.compile(r"^(\d+)([a-z]{1,6})$")
_ONLY_MARKS = re.compile(r"^[^\w]+$")


@dataclass(frozen=True)
class Word:
    """One word in small letters, and the token of the message it came from."""

    text: str
    token: int

    @property
    def is_mark(self) -> bool:
        return _ONLY_MARKS.match(self.text) is not None


def words_of(doc: Doc) -> list[Word]:
    """The message's words in order, rewritten to one spelling each. Line breaks become "."."""
    raw = [token.text.lower().replace("’", "'").replace("‘", "'").replace("`", "'") for token in doc]
    words: list[Word] = []
    for index, text in enumerate(raw):
        if text.isspace():
            if "\n" in text:
                words.append(Word(".", index))
            continue
        following = raw[index + 1] if index + 1 < len(raw) else ""
        words.extend(Word(part, index) for part in _rewritten(text, following))
    return words


def rewritten(texts: Sequence[str]) -> list[str]:
    """The same rewriting for words of our own files, so that they meet the patients' words."""
    followed = zip(texts, [*texts[1:], ""], strict=True)
    return [part for text, following in followed for part in _rewritten(text.lower(), following.lower())]


def _rewritten(text: str, following: str) -> list[str]:
    if text in _BEFORE_NOT and following in ("n't", "nt", "not"):
        return [_BEFORE_NOT[text]]
    if text in _REWRITTEN:
        return _REWRITTEN[text].split()
    if text in _NUMBERS:
        return [str(_NUMBERS[text])]
    if text == "one" and following in _UNITS:
        return ["1"]
    amount = _AMOUNT.match(text)
    if amount is not None:
        unit = "weeks" if amount[2] == "w" else amount[2]
        return [amount[1], *_rewritten(unit, "")]
    return [text]
