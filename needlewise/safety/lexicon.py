"""The small language of red_flags.yml: phrases, concepts and patterns, and how they are found in a text.

The file's own head explains the language to its readers. Everything here works on word positions with bounded look-ahead,
so the time grows with the length of the text and nothing else.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

import regex

from needlewise.safety.spelling import HARD, NUMBER, Typed, plain

Span = tuple[int, int]  # first word, one past the last

GAP_WORDS = 3  # what ".." may leave out
FILLER_WORDS = 3  # how many fillers in a row may stand between two words of a phrase
NEAR_WORDS = 6  # how far "+" and ">" reach
_LONGEST_SPAN = 16

_NAME = regex.compile(r"[a-z][a-z0-9_]*")
_JOIN = regex.compile(r"([+>])(\d*)")


@dataclass(frozen=True)
class Element:
    """One place in a phrase: words, another concept, or a gap."""

    words: frozenset[str] = frozenset()
    concept: str | None = None
    gap: bool = False
    optional: bool = False


Phrase = tuple[Element, ...]


@dataclass(frozen=True)
class Join:
    """A concept (or one of several) and how near it must be to those before it."""

    concepts: tuple[str, ...]
    near: int = 0
    after: bool = False


@dataclass(frozen=True)
class Pattern:
    """Groups of near concepts, all needed; `without` are concepts that undo it in the same sentence."""

    groups: tuple[tuple[Join, ...], ...]
    without: tuple[str, ...] = ()

    def names(self) -> Iterator[str]:
        """Every concept the pattern names."""
        for group in self.groups:
            for join in group:
                yield from join.concepts
        yield from self.without


def parse_phrase(written: str) -> Phrase:
    """A phrase as written in the file; ValueError says what is wrong with it."""
    elements = []
    for piece in written.split():
        optional = piece.endswith("?") and len(piece) > 1
        body = piece[:-1] if optional else piece
        if body == "..":
            elements.append(Element(gap=True))
        elif body.startswith("<"):
            name = body[1:-1]
            if not body.endswith(">") or not _NAME.fullmatch(name):
                raise ValueError(f"'{piece}' in '{written}' is not <concept>")
            elements.append(Element(concept=name, optional=optional))
        else:
            words = frozenset(NUMBER if word == "NN" else plain(word) for word in body.split("/"))
            if any(word != NUMBER and not word.removesuffix("*").isalnum() for word in words):
                raise ValueError(f"'{piece}' in '{written}' is not a word")
            elements.append(Element(words=words, optional=optional))
    if not elements or elements[0].gap or elements[-1].gap or all(element.optional for element in elements):
        raise ValueError(f"'{written}' must begin and end with a word or <concept>")
    return tuple(elements)


def parse_pattern(written: str) -> Pattern:
    """A pattern as written in the file; ValueError says what is wrong with it."""
    positive, *undone = written.split(" without ")
    without = tuple(name for part in undone for name in _names(part))
    return Pattern(tuple(_parse_group(part) for part in positive.split(" & ")), without)


def _parse_group(written: str) -> tuple[Join, ...]:
    first, *rest = written.split() or [""]
    joins = [Join(_names(first))]
    if len(rest) % 2:
        raise ValueError(f"'{written}' must end with a concept")
    for joint, names in zip(rest[::2], rest[1::2], strict=True):
        parts = _JOIN.fullmatch(joint)
        if parts is None:
            raise ValueError(f"'{joint}' in '{written}' must be +, > or &")
        joins.append(Join(_names(names), near=int(parts[2] or NEAR_WORDS), after=parts[1] == ">"))
    return tuple(joins)


def _names(written: str) -> tuple[str, ...]:
    names = tuple(written.strip().split("|"))
    if not all(_NAME.fullmatch(name) for name in names):
        raise ValueError(f"'{written.strip()}' is not the name of a concept")
    return names


@dataclass(frozen=True)
class _Candidate:
    """A phrase to try wherever its first element stands, if the text holds the words it cannot do without."""

    rank: int  # of its concept, in the order in which concepts are found
    phrase: Phrase
    needs: tuple[frozenset[str], ...]


class Lexicon:
    """All concepts of the file, ready to be found in texts."""

    def __init__(self, concepts: Mapping[str, Iterable[Phrase]]) -> None:
        self._phrases = {name: tuple(phrases) for name, phrases in concepts.items()}
        self._order = _in_order(self._phrases)
        self._referred = frozenset(
            element.concept for phrases in self._phrases.values() for phrase in phrases for element in phrase
        )
        self._single: dict[str, set[int]] = {}
        self._by_word: dict[str, list[_Candidate]] = {}
        self._by_concept: dict[str, list[_Candidate]] = {}
        for rank, name in enumerate(self._order):
            for phrase in self._phrases[name]:
                for start in _starts(phrase):
                    self._index(rank, start)

    def _index(self, rank: int, phrase: Phrase) -> None:
        first = phrase[0]
        needs = tuple(element.words for element in phrase[1:] if element.words and not element.optional)
        candidate = _Candidate(rank, phrase, needs)
        if first.concept:
            self._by_concept.setdefault(first.concept, []).append(candidate)
        for word in first.words:
            if all(element.optional for element in phrase[1:]):
                self._single.setdefault(word, set()).add(rank)
            if len(phrase) > 1:
                self._by_word.setdefault(word, []).append(candidate)

    def __iter__(self) -> Iterator[str]:
        return iter(self._phrases)

    def words(self, *, without: Iterable[str] = ()) -> frozenset[str]:
        """Every word and stem that a phrase names, but for the concepts left out."""
        names = self._phrases.keys() - set(without)
        return frozenset(
            word
            for name in names
            for phrase in self._phrases[name]
            for element in phrase
            for word in element.words
        )

    def single_words(self, name: str) -> frozenset[str]:
        """The words of a concept's one-word phrases."""
        return frozenset(
            word for phrase in self._phrases.get(name, ()) if len(phrase) == 1 for word in phrase[0].words
        )

    def find(
        self, typed: Typed, *, fillers: frozenset[str], ungapped: frozenset[str]
    ) -> dict[str, list[Span]]:
        """Where each concept stands in the text; `fillers` may be stepped over, `ungapped` not left out by a gap."""
        present: frozenset[str] = frozenset().union(*typed.meanings)
        live = {
            word: [candidate for candidate in self._by_word[word] if _has_all(present, candidate.needs)]
            for word in present
            if word in self._by_word
        }
        waiting: dict[int, list[tuple[int, Phrase]]] = {}
        ready: dict[int, set[Span]] = {}
        for position, meaning in enumerate(typed.meanings):
            for word in meaning:
                for rank in self._single.get(word, ()):
                    ready.setdefault(rank, set()).add((position, position + 1))
                for candidate in live.get(word, ()):
                    waiting.setdefault(candidate.rank, []).append((position, candidate.phrase))
        found: dict[str, list[Span]] = {}
        reader = _Reader(typed, fillers=fillers, ungapped=ungapped)
        pending = sorted(waiting.keys() | ready.keys())
        while pending:
            rank = heappop(pending)
            spans = ready.get(rank) or set()
            for position, phrase in waiting.get(rank, ()):
                reader.add_matches(phrase, position, spans)
            if not spans:
                continue
            name = self._order[rank]
            found[name] = sorted(spans)
            if name in self._referred:
                reader.learn(name, spans)
            users = [user for user in self._by_concept.get(name, ()) if _has_all(present, user.needs)]
            starts = sorted({start for start, _ in spans})
            for user in users:
                if user.rank not in waiting and user.rank not in ready:
                    heappush(pending, user.rank)
                waiting.setdefault(user.rank, []).extend((start, user.phrase) for start in starts)
        return found


def _has_all(present: frozenset[str], needs: tuple[frozenset[str], ...]) -> bool:
    # A plain loop: this runs hundreds of times a message.
    for words in needs:  # noqa: SIM110
        if present.isdisjoint(words):
            return False
    return True


def _starts(phrase: Phrase) -> Iterator[Phrase]:
    for index, element in enumerate(phrase):
        yield phrase[index:]
        if not element.optional:
            return


def _in_order(phrases: Mapping[str, tuple[Phrase, ...]]) -> list[str]:
    order: list[str] = []
    state: dict[str, bool] = {}

    def visit(name: str, chain: tuple[str, ...]) -> None:
        if name not in phrases:
            raise ValueError(f"there is no concept '{name}' (used by '{chain[-1]}')")
        if name in chain:
            raise ValueError(f"the concepts {' > '.join((*chain, name))} use each other in a circle")
        if state.get(name):
            return
        for phrase in phrases[name]:
            for element in phrase:
                if element.concept:
                    visit(element.concept, (*chain, name))
        state[name] = True
        order.append(name)

    for name in phrases:
        visit(name, ())
    return order


class _Reader:
    """Matches phrases at a position of one text."""

    def __init__(self, typed: Typed, *, fillers: frozenset[str], ungapped: frozenset[str]) -> None:
        self._meanings = typed.meanings
        self._breaks = typed.breaks
        self._size = len(typed)
        self._filler = [not fillers.isdisjoint(meaning) for meaning in typed.meanings]
        self._ungapped = [not ungapped.isdisjoint(meaning) for meaning in typed.meanings]
        self._spans: dict[str, dict[int, list[int]]] = {}

    def learn(self, name: str, spans: Iterable[Span]) -> None:
        ends: dict[int, list[int]] = {}
        for start, end in spans:
            ends.setdefault(start, []).append(end)
        self._spans[name] = ends

    def add_matches(self, phrase: Phrase, position: int, spans: set[Span]) -> None:
        """Add the spans of the phrase when it begins at the position."""
        ends: set[int] = set()
        self._follow(phrase, 0, position, ends)
        for end in ends:
            spans.add((position, end))

    def _follow(self, phrase: Phrase, index: int, position: int, ends: set[int]) -> None:
        if index == len(phrase):
            ends.add(position)
            return
        element = phrase[index]
        if element.gap:
            for reach in range(position, min(position + GAP_WORDS, self._size) + 1):
                self._follow(phrase, index + 1, reach, ends)
                if reach >= self._size or self._ungapped[reach] or self._breaks[reach] == HARD:
                    break
            return
        here = position
        while here < self._size and not (here > position - 1 and index and self._breaks[here] == HARD):
            for end in self._match(element, here):
                self._follow(phrase, index + 1, end, ends)
            if not index or not self._filler[here] or here - position >= FILLER_WORDS:
                break
            here += 1
        if element.optional:
            self._follow(phrase, index + 1, position, ends)

    def _match(self, element: Element, position: int) -> Iterable[int]:
        if element.concept:
            return self._spans.get(element.concept, {}).get(position, ())
        return () if element.words.isdisjoint(self._meanings[position]) else (position + 1,)


def find_pattern(pattern: Pattern, spans_of: Callable[[str], list[Span]], sentence_starts: list[int]) -> bool:
    """Whether every group of the pattern is somewhere among the spans."""
    for group in pattern.groups:
        choices = [sorted(span for name in join.concepts for span in spans_of(name)) for join in group]
        if not all(choices) or _extend(group, choices, [], sentence_starts) is None:
            return False
    return True


def _extend(
    group: tuple[Join, ...], choices: list[list[Span]], chosen: list[Span], sentence_starts: list[int]
) -> list[Span] | None:
    if len(chosen) == len(group):
        return chosen
    options = choices[len(chosen)]
    if not chosen:
        for span in options:
            if found := _extend(group, choices, [span], sentence_starts):
                return found
        return None
    join = group[len(chosen)]
    first, last = min(span[0] for span in chosen), max(span[1] for span in chosen)
    earliest = last if join.after else first - join.near - _LONGEST_SPAN
    for index in range(bisect_left(options, (earliest, 0)), len(options)):
        start, end = options[index]
        if start > last + join.near:
            break
        low, high = min(first, start), max(last, end)
        if (
            first - end > join.near
            or any(start < other_end and other_start < end for other_start, other_end in chosen)
            or bisect_left(sentence_starts, low + 1) != bisect_left(sentence_starts, high)
        ):
            continue
        if found := _extend(group, choices, [*chosen, (start, end)], sentence_starts):
            return found
    return None
