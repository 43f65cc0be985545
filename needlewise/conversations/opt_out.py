"""Whether a text asks for no more texts, for texts again, or for help: the carriers' words, and what people write instead.

The words stand in content/opt_out.yml, which says what each list is for. Nothing here knows a conversation: what follows from a
wish is channels.sms.consent's part.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from rapidfuzz import process
from rapidfuzz.distance import OSA

from needlewise.content.model import OptOutRules
from needlewise.errors import ContentError
from needlewise.text.normalise import normalise

_TOKEN = re.compile(r"[^\W_](?:[^\W_]|\*)*|[.!?;:,\n()\"*/\\|–—-]")
_APOSTROPHE = re.compile(r"['’`´]|(?<=n);(?=t\b)")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
_ITEM = re.compile(r"\.\.\.|\{[a-z_]+\}\*?|\[[^\]]+\]|\([^)]+\)|[a-z0-9]+")
_JOINT = re.compile(r"(?:\||\b(?:so|but|and|because|pero|porque|y)\b)")
_GROUP = re.compile(r"\{([a-z_]+)\}")
_BREAK = "|"
_GAP = 3
"""Words that "..." may stand for, within one clause."""
_SHORTEST_SLIP, _SHORTEST_TWO_SLIPS = 4, 8
"""Letters of a word from which on one slip, and two, are put right."""
_LONGEST = 1600
"""Characters that are read: a carrier hands over no more of one text."""


class Wish(Enum):
    """What a text asks of the number it was sent to."""

    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True)
class Asked:
    """A wish, and the class of its wording: the list of content/opt_out.yml that it was found in."""

    wish: Wish
    wording: str


class OptOut:
    """Reads wishes. Raises ContentError for a pattern that names a group that does not exist."""

    def __init__(self, rules: OptOutRules, *, ordinary: Collection[str] = ()) -> None:
        """`ordinary` are words that are spelled right, and are never taken for a slip: shop is not stop."""
        self._rules = rules
        self._official = {
            _words(entry): wording for wording, entries in rules.words.items() for entry in entries
        }
        self._wishes = {_words(entry): Wish.START for entry in rules.start} | {
            _words(entry): Wish.HELP for entry in rules.help
        }
        self._again = frozenset(_words(entry) for entry in rules.start_after_stop)
        self._written = re.compile(
            rf"\b(?:{'|'.join(map(re.escape, sorted(rules.written, key=len, reverse=True)))})\b"
        )
        self._never = [self._pattern(row) for row in rules.never]
        self._whole = self._patterns(rules.whole)
        self._clause = self._patterns(rules.clause)
        self._anywhere = self._patterns(rules.anywhere)
        self._vocabulary = Counter(self._every_word())
        self._targets = sorted(word for word in self._vocabulary if len(word) >= _SHORTEST_SLIP)
        self._ordinary = frozenset([*ordinary, *rules.known]) - self._vocabulary.keys()

    def read(self, text: str, *, stopped: bool = False) -> Asked | None:
        """The wish of a text; None for anything else. `stopped`: this number has asked for no more texts."""
        if word := self.word(text):
            return word
        bare = _words(text[:_LONGEST])
        if wish := self._wishes.get(bare):
            return Asked(wish, "keyword")
        if stopped and bare in self._again:
            return Asked(Wish.START, "keyword")
        wording = self._meant(text[:_LONGEST])
        return Asked(Wish.STOP, wording) if wording else None

    def word(self, text: str) -> Asked | None:
        """A whole message that is an official opt-out word, whatever its case and punctuation."""
        wording = self._official.get(_words(text))
        return Asked(Wish.STOP, wording) if wording else None

    def _meant(self, text: str) -> str | None:
        """The class of an opt-out in other words, or with a slip of the thumb."""
        said = self._spelled(text)
        for pattern in self._never:
            said = pattern.sub(f"{_BREAK} ", said)
        whole = " ".join(said.replace(_BREAK, " ").split())
        if wording := self._official.get(whole):
            return wording
        if not text.rstrip().endswith("?"):
            if wording := _first(self._whole, self._without_around(whole)):
                return wording
            for clause in _JOINT.split(said):
                bare = " ".join(clause.split())
                wording = _first(self._clause, bare) or _first(self._clause, self._without_around(bare))
                if wording:
                    return wording
        return next(
            (
                wording
                for wording, patterns in self._anywhere.items()
                if any(pattern.search(said) for pattern in patterns)
            ),
            None,
        )

    def _spelled(self, text: str) -> str:
        """The text in plain small letters, breaks between its clauses, shorthand and slips put right."""
        plain = self._written.sub(lambda found: self._rules.written[found[0]], " ".join(_tokens(text)))
        return "".join(f"{self._corrected(word)} " for word in plain.split())

    def _corrected(self, word: str) -> str:
        if len(word) < _SHORTEST_SLIP or word in self._vocabulary or word in self._ordinary:
            return word
        if word[-1] == word[-2] and word[:-1] in self._vocabulary:
            return word[:-1]
        slips = 2 if len(word) >= _SHORTEST_TWO_SLIPS else 1
        near = process.extract(word, self._targets, scorer=OSA.distance, score_cutoff=slips, limit=4)
        # The first letter is the one that people hit; a swap of the first two is one slip all the same.
        near = [found for found in near if found[0][0] in word[:2]]
        if not near:
            return word
        # Of two that are as near: "stope" is stop and not stops, and "sening" the word that more patterns have.
        best = min(
            near, key=lambda found: (found[1], not word.startswith(found[0]), -self._vocabulary[found[0]])
        )
        return str(best[0])

    def _without_around(self, bare: str) -> str:
        """ "please stop now thank you" is "stop"; a message of nothing else stays as it is."""
        words = " ".join(bare.split())
        while True:
            for entry in self._rules.around:
                if words.startswith(f"{entry} "):
                    words = words[len(entry) + 1 :]
                    break
                if words.endswith(f" {entry}"):
                    words = words[: -len(entry) - 1]
                    break
            else:
                return words

    def _patterns(self, rows: Mapping[str, list[str]]) -> dict[str, list[re.Pattern[str]]]:
        return {wording: [self._pattern(row) for row in listed] for wording, listed in rows.items()}

    def _pattern(self, row: str) -> re.Pattern[str]:
        """ "{stop} [all] {these}* {texts}" as a regular expression over words that each end in a space."""
        parts = []
        for item in _ITEM.findall(row):
            words = _GROUP.sub(lambda found: f"(?:{self._group(found[1])})", item.strip("[]()*"))
            often = "*" if item[-1] == "*" else "?" if item[0] == "[" else ""
            parts.append(rf"(?:\w+ ){{0,{_GAP}}}" if item == "..." else f"(?:(?:{words}) ){often}")
        return re.compile(rf"(?<!\S){''.join(parts)}")

    def _group(self, name: str) -> str:
        words = self._rules.groups.get(name)
        if words is None:
            raise ContentError(f"a pattern names the group {name}, which does not exist")
        return "|".join(sorted(words, key=len, reverse=True))

    def _every_word(self) -> Iterator[str]:
        rules = self._rules
        for listed in (*rules.words.values(), *rules.groups.values(), rules.start, rules.around):
            for entry in listed:
                yield from _words(entry).split()
        for rows in (*rules.whole.values(), *rules.clause.values(), *rules.anywhere.values(), rules.never):
            for row in rows:
                yield from (word for item in _ITEM.findall(row) for word in re.findall(r"[a-z]+", item))
        yield from (word for meant in rules.written.values() for word in meant.split())


def _first(patterns: Mapping[str, list[re.Pattern[str]]], words: str) -> str | None:
    """The class of the first pattern that is the whole of these words."""
    return next(
        (name for name, listed in patterns.items() if any(one.fullmatch(f"{words} ") for one in listed)), None
    )


def _tokens(text: str) -> list[str]:
    """Words in plain small letters, and one mark where a clause ends."""
    folded = unicodedata.normalize("NFKD", _APOSTROPHE.sub("", normalise(text)).casefold())
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    plain = _HYPHEN.sub(" ", _DRAWN_OUT.sub(r"\1", plain))
    found = [token.replace("*", "") if token[0].isalnum() else _BREAK for token in _TOKEN.findall(plain)]
    if len(found) > 2 and all(len(token) == 1 for token in found):
        return ["".join(token for token in found if token != _BREAK)]
    return found


def _words(text: str) -> str:
    return " ".join(token for token in _tokens(text) if token != _BREAK)
