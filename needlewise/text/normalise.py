"""What a message looks like to everything behind the channel."""

import re
import unicodedata

LONGEST = 4000
"""Characters of a message that are understood; a channel refuses longer ones with a kind sentence."""

_SPACES = re.compile(r"\s+")
# Joiners inside emoji are kept (Cf), other invisible and control characters are not words.
_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "}
)
# Also signs: spaCy's tokenizer needs seconds for thousands of brackets in a row.
_ELONGATED = re.compile(r"([^\W\d_]|[^\w\s])\1{3,}")


def normalise(text: str) -> str:
    """One line of NFKC text: straight quotes, single spaces, no control characters, no lone surrogates.

    "heeeeeelp\\u200b  me" becomes "heelp me": a letter or sign repeated four times or more is kept twice.
    """
    text = text.encode("utf-8", "ignore").decode("utf-8")
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    text = _INVISIBLE.sub(" ", text)
    text = _ELONGATED.sub(r"\1\1", text)
    return _SPACES.sub(" ", text).strip()
