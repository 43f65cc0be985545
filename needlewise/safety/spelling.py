"""Reads hurried typing: which of the words the rules know does a typed word stand for."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import regex
from rapidfuzz import process
from rapidfuzz.distance import OSA

NUMBER = "#"
NONE, SOFT, HARD = 0, 1, 2  # what stands before a word: nothing, a comma or dash, the end of a sentence

_LONGEST_WORD = 40
_CACHE_SIZE = 20_000
_APOSTROPHES = regex.compile(r"['’‘`´ʼ′]")
_MARKS = regex.compile(r"\p{Mn}+|[\u200b-\u200f\u2060\ufeff\u00ad]+")
_TOKEN = regex.compile(
    r"(?P<word>[^\W_]++(?:(?:[@$!*][^\W_]+)|(?:-(?=[^\W_])[^\W_]+))*+)"
    r"|(?P<hard>[.!?;\n\r¿¡…]+)|(?P<soft>[,:()\[\]/+|~–—\-]+)|(?P<and>&)"
)
_ELLIPSIS = regex.compile(r"\.{2,}|…")
_NUMBER_WORD = regex.compile(r"(\d+)([a-z]{1,7})")
_LEET = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"}
)
_RUN = regex.compile(r"(.)\1{2,}")
_DOUBLE = regex.compile(r"(.)\1+")
# Letters that are taken for one another: vowels by ear, consonants by ear, neighbours on the keyboard by the thumb.
_ALIKE = {
    "a": "eiouqswz", "b": "vghnp", "c": "xdfvksz", "d": "serfcxt", "e": "aiouwrds", "f": "drtgvcp", "g": "ftyhbvj",
    "h": "gyujnb", "i": "aeouyjk", "j": "huikmng", "k": "jiolmcq", "l": "kop", "m": "njk", "n": "bhjm", "o": "aeiuklp",
    "p": "olb", "q": "wak", "r": "edft", "s": "awedxzc", "t": "rfgyd", "u": "aeioyhj", "v": "cfgbw", "w": "qasev",
    "x": "zsdc", "y": "tghui", "z": "asx",
}  # fmt: skip
_UNITS = frozenset(
    [
        "min",
        "mins",
        "minutes",
        "hr",
        "hrs",
        "hours",
        "h",
        "d",
        "day",
        "days",
        "w",
        "wk",
        "wks",
        "week",
        "weeks",
        "m",
        "mo",
        "mos",
        "month",
        "months",
        "x",
        "yo",
        "y",
        "yr",
        "yrs",
        "years",
        "lb",
        "lbs",
        "mg",
        "mgs",
        "am",
        "pm",
        "st",
        "nd",
        "rd",
        "th",
        "in",
        "inch",
        "inches",
        "pills",
        "tabs",
    ]
)


@dataclass(frozen=True)
class Typed:
    """A text as words: what each may stand for, and what stands before it."""

    words: tuple[str, ...]
    meanings: tuple[
        frozenset[str], ...
    ]  # entries of the lexicon ("hurt*" for a stem) that the word stands for
    breaks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.words)


def plain(text: str) -> str:
    """Lower case, no accents, no apostrophes, no invisible characters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return str(_APOSTROPHES.sub("", _MARKS.sub("", folded)))


def _is_likely_slip(typed: str, word: str) -> bool:
    """Whether one slip of a hurried thumb explains the difference: a letter lost, doubled, swapped, or its neighbour hit."""
    if len(word) < 5:
        return len(typed) <= len(word) and (len(typed) < len(word) or sorted(typed) == sorted(word))
    if len(typed) > len(word):
        place = next((i for i, (a, b) in enumerate(zip(typed, word, strict=False)) if a != b), len(word))
        extra = typed[place]
        beside = typed[max(0, place - 1) : place] + typed[place + 1 : place + 2]
        return (
            len(word) >= 6
            or extra in beside
            or (extra in "aeiou" and any(letter in "aeiou" for letter in beside))
        )
    if len(typed) < len(word):
        return True
    changed = [(a, b) for a, b in zip(typed, word, strict=True) if a != b]
    return len(changed) == 2 or all(b in _ALIKE.get(a, "") for a, b in changed)


class Speller:
    """Maps typed words onto a lexicon, allowing the slips that people make on phones."""

    def __init__(
        self,
        lexicon: Iterable[str],
        *,
        guessed: Iterable[str] | None = None,
        ordinary: Iterable[str] = (),
        shorthand: Mapping[str, str] | None = None,
    ) -> None:
        """Slips are put right towards the `guessed` part of the lexicon only (all of it unless told)."""
        entries = frozenset(lexicon)
        goals = entries if guessed is None else frozenset(guessed)
        self._goals = frozenset(goal for goal in goals if not goal.endswith("*"))
        self._goal_stems = frozenset(goal[:-1] for goal in goals if goal.endswith("*"))
        self._words = frozenset(entry for entry in entries if not entry.endswith("*"))
        self._stems = frozenset(entry[:-1] for entry in entries if entry.endswith("*"))
        self._shortest_stem = min((len(stem) for stem in self._stems), default=1)
        self._ordinary = frozenset(ordinary)
        self._shorthand = dict(shorthand or {})
        short = "|".join(regex.escape(key) for key in sorted(self._shorthand, key=len, reverse=True))
        self._short = regex.compile(rf"(?<!\w)(?:{short})(?!\w)") if short else None
        self._cache: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}

    def read(self, text: str) -> Typed:
        """The text's words in order; glued words ("cantbreathe") come apart, slips are put right."""
        words: list[str] = []
        meanings: list[frozenset[str]] = []
        breaks: list[int] = []
        pending = NONE
        for token in _TOKEN.finditer(_ELLIPSIS.sub(" , ", plain(self._expand(text)))):
            kind = token.lastgroup
            if kind == "hard":
                pending = HARD
            elif kind == "soft":
                pending = max(pending, SOFT)
            else:
                for part in ("and",) if kind == "and" else token.group().split("-"):
                    for word, meaning in self.look_up(part[:_LONGEST_WORD]):
                        words.append(word)
                        meanings.append(meaning)
                        breaks.append(pending)
                        pending = NONE
        return Typed(tuple(words), tuple(meanings), tuple(breaks))

    def _expand(self, text: str) -> str:
        if self._short is None:
            return text
        lowered = text.lower().replace("\u2019", "'")
        return str(self._short.sub(lambda found: f"{self._shorthand[found.group()]} ", lowered))

    def look_up(self, token: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """What one typed token stands for: usually one word, several when it was glued together."""
        known = self._cache.get(token)
        if known is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            known = self._cache[token] = self._work_out(token)
        return known

    def is_changed(self, token: str) -> bool:
        """Whether the token is taken for something that it does not spell."""
        return not self._exact(token) and any(meaning for _, meaning in self.look_up(token))

    def _work_out(self, token: str) -> tuple[tuple[str, frozenset[str]], ...]:
        meaning = self._exact(token)
        if token.isdigit():
            return ((token, meaning | {NUMBER}),)
        if meaning or token in self._ordinary:
            return ((token, meaning),)
        numbered = _NUMBER_WORD.fullmatch(token)
        if numbered and numbered[2] in _UNITS:
            return tuple(part for piece in numbered.groups() for part in self._work_out(piece))
        readings = dict.fromkeys(
            reading
            for spelled in (token, token.translate(_LEET), token.replace("*", ""))
            for reading in (
                spelled,
                _RUN.sub(r"\1\1", spelled),
                _RUN.sub(r"\1", spelled),
                _DOUBLE.sub(r"\1", spelled),
            )
        )
        for reading in readings:
            if meaning := self._exact(reading):
                return ((token, meaning),)
            if reading in self._ordinary:
                return ((token, frozenset()),)
        for reading in readings:
            if not reading.isalpha():
                continue
            if near := self._nearest(reading):
                return ((token, near),)
            if parts := self._split(reading):
                return tuple((part, self._exact(part)) for part in parts)
        return ((token, frozenset()),)

    def _exact(self, token: str) -> frozenset[str]:
        found = {token} if token in self._words else set()
        for length in range(self._shortest_stem, len(token) + 1):
            if token[:length] in self._stems:
                found.add(token[:length] + "*")
        return frozenset(found)

    def _nearest(self, token: str) -> frozenset[str]:
        size = len(token)
        if size < 4:
            return frozenset()
        slips = 2 if size >= 8 else 1
        near = process.extract(
            token, self._by_initial.get(token[0], ()), scorer=OSA.distance, score_cutoff=slips, limit=None
        )
        likely = [
            (word, distance) for word, distance, _ in near if distance > 1 or _is_likely_slip(token, word)
        ]
        if not likely:
            return self._exact(token[1] + token[0] + token[2:])
        best = min(distance for _, distance in likely)
        return frozenset().union(*(self._exact(word) for word, distance in likely if distance == best))

    @cached_property
    def _by_initial(self) -> dict[str, tuple[str, ...]]:
        initials: dict[str, list[str]] = {}
        for word in sorted(self._goals | self._spelled_stems):
            if len(word) >= 4:
                initials.setdefault(word[0], []).append(word)
        return {initial: tuple(words) for initial, words in initials.items()}

    @cached_property
    def _spelled_stems(self) -> frozenset[str]:
        endings = ("", "s", "ed", "ing")
        return frozenset(stem + ending for stem in self._goal_stems if len(stem) >= 5 for ending in endings)

    def _split(self, token: str) -> tuple[str, ...]:
        if not 6 <= len(token) <= _LONGEST_WORD:
            return ()
        best: list[tuple[str, ...] | None] = [()] + [None] * len(token)
        for end in range(1, len(token) + 1):
            for start in range(max(0, end - 14), end):
                head = best[start]
                piece = token[start:end]
                if head is None or len(head) >= 5 or not self._may_be_glued(piece):
                    continue
                current = best[end]
                if current is None or len(head) + 1 < len(current):
                    best[end] = (*head, piece)
        parts = best[-1]
        if parts is None or len(parts) < 2 or max(map(len, parts)) < 4:
            return ()
        return parts

    def _may_be_glued(self, piece: str) -> bool:
        if len(piece) == 1:
            return piece == "i"
        return piece in self._words if len(piece) < 4 else bool(self._exact(piece))
