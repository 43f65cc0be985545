"""How many parts a text message is sent and billed in, and how a text is made to need few of them."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

import regex

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[]~|€\f")

# What typesetting adds, and what says the same in the basic alphabet.
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        "…": "...",
        **dict.fromkeys("•·‣◦", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\t", " "),
        **dict.fromkeys("\u200b\u2060\ufeff\u00ad\r", ""),
        "×": "x",
        "½": "1/2",
        "¼": "1/4",
        "¾": "3/4",
        "°": " degrees",
        "™": "",
        "®": "",
    }
)

_ALONE = {"GSM-7": 160, "UCS-2": 70}
# A part of several carries a header that says where it belongs.
_OF_SEVERAL = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True)
class Segments:
    """`units` are septets in GSM-7 and 16-bit units in UCS-2; `count` is the number of messages a carrier sends."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    count: int


def segments(text: str) -> Segments:
    """The encoding a text needs, its length in that encoding's units, and its parts. An empty text has none.

    One character outside GSM-7 (a curly quote, a dash, an emoji) makes the whole text UCS-2. A character of two units is
    never split between two parts, so that a part may end one unit early.
    """
    encoding: Literal["GSM-7", "UCS-2"] = "GSM-7" if set(text) <= _BASIC | _EXTENDED else "UCS-2"
    if encoding == "GSM-7":
        sizes = [2 if character in _EXTENDED else 1 for character in text]
    else:
        sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    units = sum(sizes)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, 1 if text else 0)
    return Segments(encoding, units, _packed(sizes, _OF_SEVERAL[encoding]))


def _packed(sizes: list[int], room: int) -> int:
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count


def folded(text: str) -> str:
    """The text with typographic characters put into GSM-7. Letters lose an accent only where that makes it fewer parts."""
    text = regex.sub(r" *— *", " - ", text).translate(_TYPOGRAPHIC)
    if segments(text).encoding == "GSM-7":
        return text
    plain = "".join(_without_accent(character) for character in text)
    return plain if segments(plain).count < segments(text).count else text


def _without_accent(character: str) -> str:
    if character in _BASIC or character in _EXTENDED:
        return character
    base = unicodedata.normalize("NFD", character)[0]
    return base if base in _BASIC else character


def cut(text: str, most: int) -> list[str]:
    """The text in pieces of at most `most` parts each, cut where it hurts least: at a blank line, a line, a sentence, a word.

    A word or a link stays whole unless it alone is longer than a piece; then it is cut between what a reader sees as characters.
    """
    pieces = []
    rest = text.strip()
    while segments(rest).count > most:
        end = _longest(rest, most)
        pieces.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*pieces, rest] if rest else pieces


_CUTS = (regex.compile(r"\n\n+"), regex.compile(r"\n"), regex.compile(r"(?<=[.!?])\s"), regex.compile(r"\s"))


def _longest(text: str, most: int) -> int:
    """Where the first piece ends."""
    # A text only grows in parts with its length, so that the last character that fits is found by halves.
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if segments(text[:middle].rstrip()).count <= most:
            low = middle
        else:
            high = middle - 1
    if text[low : low + 1].isspace():
        return low
    for pattern in _CUTS:
        # A cut in the first half would make a piece more of it than a better place is worth.
        if (ends := [match.start() for match in pattern.finditer(text, 1, low)]) and (
            ends[-1] > low // 2 or pattern is _CUTS[-1]
        ):
            return int(ends[-1])
    whole = [match.end() for match in regex.finditer(r"\X", text[: low + 1])]
    return int(next((end for end in reversed(whole) if end <= low), low))
