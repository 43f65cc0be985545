"""Near misspellings of the words that the rules know, and of no others.

A correction is made only when nothing else explains the word: it is no ordinary English word, no medicine that we
know of, and one target is nearer than every other. A wrong correction would put a medicine in a patient's mouth;
a missed one is asked again.
"""

from collections.abc import Callable, Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

_SHORTEST_WORD = 5
_SHORTEST_TARGET = 6
_LONG = 8  # from here on two slips are allowed
# Letters that sound alike at the head of a word; any other slip in the first letter is too far.
_HEADS = str.maketrans({"x": "z", "k": "c", "f": "p"})


class Spelling:
    """Finds the one known word that a misspelt one must be."""

    def __init__(
        self,
        targets: Iterable[str],
        others: Iterable[str],
        listed: Iterable[str],
        is_english: Callable[[str], bool],
    ) -> None:
        """`others` are words near which nothing is corrected; `listed` misspellings stay as they are."""
        self._targets = frozenset(word for word in targets if len(word) >= _SHORTEST_TARGET)
        self._others = frozenset(others)
        self._candidates = sorted(self._targets | self._others)
        self._as_they_are = self._targets | self._others | frozenset(listed)
        self._is_english = is_english
        self._seen: dict[str, str] = {}

    def corrected(self, word: str) -> str:
        """The known word meant by `word`, or `word` itself."""
        if len(word) < _SHORTEST_WORD or not word.isalpha() or word in self._as_they_are:
            return word
        if word not in self._seen:
            if len(self._seen) > _REMEMBERED:
                self._seen.clear()
            self._seen[word] = word if self._is_english(word) else self._nearest(word)
        return self._seen[word]

    def _nearest(self, word: str) -> str:
        near = process.extract(word, self._candidates, scorer=OSA.distance, score_cutoff=2, limit=3)
        if not near:
            return word
        best, distance, _ = near[0]
        allowed = 2 if min(len(best), len(word)) >= _LONG else 1
        if best not in self._targets or distance > allowed or not _same_head(word, best):
            return word
        rivals = [other for other, away, _ in near[1:] if away <= distance and not _same_stem(other, best)]
        return word if rivals else best


_REMEMBERED = 4096


def _same_head(one: str, other: str) -> bool:
    return one[0].translate(_HEADS) == other[0].translate(_HEADS)


def _same_stem(one: str, other: str) -> bool:
    return one.rstrip("s") == other.rstrip("s")
