"""Reference numbers: six signs that patients read aloud, write down and get wrong."""

import secrets
import unicodedata
from collections.abc import Collection, Sequence
from itertools import product

LENGTH = 6

# No vowels, and few digits or letters that are read for one another aloud or on paper.
_ALPHABET = "BCDFGHJKMPQRTVWXY34679"

# What a sign may have been before it was misread: those that no reference has, and the pairs that are still alike.
_MEANT = {
    "0": "QD",
    "1": "J7T",
    "2": "7",
    "5": "6F",
    "8": "B3",
    "A": "4",
    "E": "3F",
    "I": "J7T",
    "L": "J7T",
    "N": "M",
    "O": "QD",
    "S": "F6",
    "U": "V",
    "Z": "7",
    "6": "6G",
    "G": "G6",
    "9": "9G",
    "Q": "Q9",
    "V": "VY",
    "Y": "YV",
}


def new_reference() -> str:
    """A reference at random: 22 to the power of 6 of them, so the first hundred thousand hardly meet."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def readings(text: str) -> Sequence[str]:
    """The references that a text may mean, the one as it is written first.

    Letter case, spaces, dashes and the like do not matter; each sign is also read as what looks or sounds like it. Empty for
    what cannot be a reference.
    """
    signs = [sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum()]
    if len(signs) != LENGTH or not all(sign.isascii() for sign in signs):
        return []
    return ["".join(meant) for meant in product(*(_MEANT.get(sign, sign) for sign in signs))]


def best(text: str, found: Collection[str]) -> Sequence[str]:
    """Which of the references that were `found` a text means: the one as it is written, else all that it may mean."""
    meant = [reference for reference in readings(text) if reference in found]
    written = "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())
    return [written] if written in meant else meant
