"""The small pattern language of the rule file, as spaCy Matcher patterns.

a|b     either word        word?   may be missing      ..3   up to three other words
<list>  a word of a list   #       a number
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

# What a gap never crosses: the end of a sentence, or a turn in it.
_BARRIERS = [".", "!", "?", ";", "but", "though", "however"]


@dataclass(frozen=True)
class Pattern:
    """Token patterns for a Matcher, which of them are gaps, and the words of which one each must be there."""

    tokens: tuple[dict[str, Any], ...]
    gaps: frozenset[int]
    required: tuple[frozenset[str], ...]

    def can_match(self, said: Set[str]) -> bool:
        """Whether the words said leave a match possible; most patterns are ruled out by this alone."""
        return all(not words.isdisjoint(said) for words in self.required)


def compiled(pattern: str, lists: Mapping[str, Sequence[str]]) -> Pattern:
    """The pattern as a Matcher takes it; ValueError with what is wrong with it."""
    tokens: list[dict[str, Any]] = []
    gaps: set[int] = set()
    required: list[frozenset[str]] = []
    for element in pattern.split():
        if element.startswith(".."):
            if not element[2:].isdigit() or not tokens:
                raise ValueError(f"pattern {pattern!r}: {element!r} is no gap between words, such as ..3")
            for _ in range(int(element[2:])):
                gaps.add(len(tokens))
                tokens.append({"LOWER": {"NOT_IN": _BARRIERS}, "OP": "?"})
            continue
        optional = element.endswith("?") and len(element) > 1
        words = (
            []
            if element == "#"
            else _words(element.removesuffix("?") if optional else element, lists, pattern)
        )
        token: dict[str, Any] = {"LOWER": {"IN": words}} if words else {"LIKE_NUM": True}
        if optional:
            token["OP"] = "?"
            if not tokens:
                raise ValueError(f"pattern {pattern!r}: its first word may not be missing")
        elif words:
            required.append(frozenset(words))
        tokens.append(token)
    if not tokens or len(tokens) - 1 in gaps:
        raise ValueError(f"pattern {pattern!r}: it has to begin and end with a word")
    return Pattern(tuple(tokens), frozenset(gaps), tuple(required))


def is_pattern(phrase: str) -> bool:
    """Whether it uses the language, or is plain words."""
    return any(sign in phrase for sign in ("|", "..", "<", "#"))


def _words(element: str, lists: Mapping[str, Sequence[str]], pattern: str) -> list[str]:
    words: list[str] = []
    for alternative in element.split("|"):
        if alternative.startswith("<") and alternative.endswith(">"):
            name = alternative[1:-1]
            if name not in lists:
                raise ValueError(f"pattern {pattern!r}: there is no list {name!r}")
            words.extend(word for word in lists[name] if " " not in word)
        else:
            words.append(alternative.lower())
    return words
