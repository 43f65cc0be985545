"""How many parts a text message is sent and billed in."""

from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[]~|€\f")

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
