"""The small pattern language of the rule file, as spaCy Matcher patterns.

    a|b     either word        word?   may be missing      ..3   up to three other words
    <list>  a word of a list   #       a number
"""

from collections.abc import Mapping, Sequence
from typing import Any

from needlewise.errors import ContentError

# What a gap never crosses: the end of a sentence, or a turn in it.
_BARRIERS = [".", "!", "?", ";", "but", "though", "however"]

TokenPattern = dict[str, Any]


def compiled(pattern: str, lists: Mapping[str, Sequence[str]]) -> tuple[list[TokenPattern], frozenset[int]]:
    """The Matcher pattern, and which of its parts are gaps."""
    parts: list[TokenPattern] = []
    gaps: set[int] = set()
    for element in pattern.split():
        if element.startswith(".."):
            for _ in range(_gap(element, pattern)):
                gaps.add(len(parts))
                parts.append({"LOWER": {"NOT_IN": _BARRIERS}, "OP": "?"})
            continue
        optional = element.endswith("?") and len(element) > 1
        element = element[:-1] if optional else element
        part: TokenPattern = {"LIKE_NUM": True} if element == "#" else {"LOWER": {"IN": _words(element, lists, pattern)}}
        if optional:
            part["OP"] = "?"
        parts.append(part)
    return parts, frozenset(gaps)


def _gap(element: str, pattern: str) -> int:
    try:
        return int(element[2:])
    except ValueError:
        raise ContentError(f"pattern {pattern!r}: {element!r} is not a gap such as ..3") from None


def _words(element: str, lists: Mapping[str, Sequence[str]], pattern: str) -> list[str]:
    words: list[str] = []
    for alternative in element.split("|"):
        if alternative.startswith("<") and alternative.endswith(">"):
            name = alternative[1:-1]
            if name not in lists:
                raise ContentError(f"pattern {pattern!r}: there is no list {name!r}")
            words.extend(word for word in lists[name] if " " not in word)
        else:
            words.append(alternative.lower())
    return words
