"""What patients asked and got no answer to, gathered by what it is about: the most wanted missing topics stand out.

The words are redacted ones. Only what was asked within some weeks is read, at most MOST messages, the newest first. Groups are made of what lies close
together for the sentence encoder; it was taught our own topics, so of others it sees the words and the rough subject. Read a group before you
believe it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import regex
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.db.engine import reading
from needlewise.db.tables import conversations, feedback, messages
from needlewise.language.encoder import DIMENSIONS, Vectors, load_encoder
from needlewise.nlu.corpus import plain
from needlewise.nlu.taxonomy import DECLINED
from needlewise.teaching.examples import stand_in
from needlewise.text.normalise import normalise

MOST = 2000
"""Messages that are read. Comparing each with each takes memory with the square of it: 32 MB."""
DAYS = 30
KEPT = timedelta(minutes=10)
"""How long a result is shown again. So long, words that were erased meanwhile may still be seen in it."""
SHARED = 0.3
"""How much rare words in common count, beside the sentence vectors: the encoder knows our subject better than any other."""
APART = 0.7
"""Mean distance of two groups from which on they are not joined. It and SHARED were chosen on tests/teaching/unanswered.yml, alone and among
1900 other lines."""
WORDS = 4
LABEL = 90
_LONGEST = 300
_RESULTS = 8
_WORD = regex.compile(r"\p{L}[\p{L}'’-]+")
_PLURAL = regex.compile(r"(?<=\p{L}{3})(?<![aiosu])s$")
_STOP = frozenset(
    """a about after again all also am an and any are as at be because been before but by can cant cannot could did do does doing dont
    for from get getting go going got had has have having hello help hey hi how i i'm i've id if im in is isn't it it's its ive just know like
    me more much my need no not of off ok on one only or other our out please pls question really so some still take tell than thank thanks that
    the their them then there these they thing this to too u up ur us use very want was we well were what what's whats when where which
    who why will with would wondering yes you your
    """.split()
)


@dataclass(frozen=True)
class Asked:
    """A message that had no answer, or none that helped."""

    message: str
    conversation: str
    clinic: str
    at: datetime
    text: str
    """Redacted."""
    why: str
    """declined, unsure (topics were offered) or disliked (thumbs down)."""


@dataclass(frozen=True)
class Cluster:
    """Messages about the same thing."""

    label: str
    """The words of the message in the middle."""
    words: tuple[str, ...]
    """Those that stand out in it."""
    asked: tuple[Asked, ...]
    """The nearest to the middle first."""

    @property
    def newest(self) -> datetime:
        return max(one.at for one in self.asked)

    @property
    def conversations(self) -> int:
        return len({one.conversation for one in self.asked})


@dataclass(frozen=True)
class Clustered:
    """The groups, those of most conversations first, and what fits none."""

    clusters: tuple[Cluster, ...]
    alone: tuple[Asked, ...]
    """Messages like no other, the newest first."""
    days: int
    at: datetime
    is_cut: bool
    """Whether there are more messages than were read."""


class Unanswered:
    """Reads and groups on demand, in a thread, and keeps the newest results and the vectors of what it has seen."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._results: dict[tuple[frozenset[str], int], Clustered] = {}
        self._vectors: dict[str, Vectors] = {}
        self._lock = asyncio.Lock()

    async def of(self, clinics: Collection[str], *, days: int = DAYS) -> Clustered:
        """The unanswered questions of these clinics. The first time takes about ten seconds for MOST messages, later ones less."""
        key = (frozenset(clinics), days)
        async with self._lock:
            now = clock.now()
            kept = self._results.get(key)
            if kept is not None and now - kept.at < KEPT:
                return kept
            asked, is_cut = await unanswered(self._engine, clinics, since=now - timedelta(days=days))
            clusters, alone = await asyncio.to_thread(self._grouped, asked)
            result = Clustered(clusters, alone, days, now, is_cut)
            self._results.pop(key, None)
            self._results[key] = result
            while len(self._results) > _RESULTS:
                self._results.pop(next(iter(self._results)))
            return result

    def _grouped(self, asked: Sequence[Asked]) -> tuple[tuple[Cluster, ...], tuple[Asked, ...]]:
        new = [one for one in asked if one.message not in self._vectors]
        self._vectors.update(
            zip([one.message for one in new], vectors_of([one.text for one in new]), strict=True)
        )
        found = np.stack([self._vectors[one.message] for one in asked]) if asked else _NONE
        while len(self._vectors) > 2 * MOST:
            self._vectors.pop(next(iter(self._vectors)))
        return grouped(asked, found)


_NONE: Vectors = np.zeros((0, DIMENSIONS), dtype=np.float32)


async def unanswered(
    engine: AsyncEngine, clinics: Collection[str], *, since: datetime, limit: int = MOST
) -> tuple[list[Asked], bool]:
    """What was declined, met with an offer of topics, or answered to a thumbs-down, the newest first; and whether there was more.

    Messages in which triage saw an urgent sign had their answer and are left out.
    """
    reply = messages.alias()
    disliked = (
        select(reply.c.reply_to)
        .select_from(reply.join(feedback, feedback.c.message == reply.c.id))
        .where(feedback.c.verdict == "down", feedback.c.clinic.in_(clinics), feedback.c.at >= since)
    )
    perhaps_offered = and_(conversations.c.unsure > 0, messages.c.act.is_(None))
    query = (
        select(
            messages.c.id, messages.c.conversation, messages.c.clinic, messages.c.at, messages.c.redacted,
            messages.c.act, messages.c.understood, messages.c.id.in_(disliked).label("disliked"),
        )
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation))
        .where(
            messages.c.clinic.in_(clinics),
            messages.c.at >= since,
            messages.c.direction == "in",
            messages.c.redacted.is_not(None),
            messages.c.safety_level.is_(None),
            or_(messages.c.act == DECLINED, perhaps_offered, messages.c.id.in_(disliked)),
        )
        .order_by(messages.c.at.desc(), messages.c.id)
        .limit(2 * limit)
    )  # fmt: skip
    async with reading(engine).connect() as connection:
        rows = (await connection.execute(query)).all()
    found = []
    for row in rows:
        why = "disliked" if row.disliked else "declined" if row.act == DECLINED else "unsure"
        is_offered = bool((row.understood or {}).get("offered"))
        if (why != "unsure" or is_offered) and plain(row.redacted).strip():
            text = row.redacted[:_LONGEST]
            found.append(Asked(row.id, row.conversation, row.clinic, row.at, text, why))
    return found[:limit], len(found) > limit or len(rows) == 2 * limit


def vectors_of(texts: Sequence[str]) -> Vectors:
    """A unit vector for each redacted text, its masks replaced by neutral words: shape (len(texts), 384)."""
    return load_encoder().encode([normalise(stand_in(text)) for text in texts])


def grouped(
    asked: Sequence[Asked], vectors: Vectors, *, apart: float = APART
) -> tuple[tuple[Cluster, ...], tuple[Asked, ...]]:
    """Clusters of two and more, those of most conversations first, and what fits none. `vectors` has a unit vector for each of `asked`."""
    members: dict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(_numbers([one.text for one in asked], vectors, apart)):
        members[number].append(row)
    several = [rows for rows in members.values() if len(rows) > 1]
    alone = [asked[rows[0]] for rows in members.values() if len(rows) == 1]
    said = [Counter(word for row in rows for word in set(_words(asked[row].text))) for rows in several]
    everywhere: Counter[str] = Counter()
    for counts in said:
        everywhere.update(counts)
    clusters = []
    for rows, counts in zip(several, said, strict=True):
        centre = vectors[rows].mean(axis=0)
        ordered = [rows[at] for at in np.argsort(-(vectors[rows] @ centre), kind="stable")]
        clusters.append(
            Cluster(
                _short(asked[ordered[0]].text),
                _telling(counts, everywhere, len(rows)),
                tuple(asked[row] for row in ordered),
            )
        )
    clusters.sort(key=lambda one: (one.conversations, len(one.asked), one.newest), reverse=True)
    return tuple(clusters), tuple(sorted(alone, key=lambda one: one.at, reverse=True))


def _numbers(texts: Sequence[str], vectors: Vectors, apart: float) -> Sequence[int]:
    """A number for each row, the same for rows of one group: average linkage over what vectors and words have not in common."""
    # Imported here: they take a moment, and only this page needs them.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(texts) < 2:
        return range(len(texts))
    distances = np.clip(1.0 - (1 - SHARED) * (vectors @ vectors.T) - SHARED * _in_common(texts), 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="average")
    numbers: list[int] = fcluster(tree, apart, criterion="distance").tolist()
    return numbers


def _in_common(texts: Sequence[str]) -> Vectors:
    """How much each two texts have in common of their telling words, rare ones counting more: 0 to 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        weights = TfidfVectorizer(analyzer=_words, dtype=np.float32).fit_transform(texts)
    except ValueError:  # no text has a telling word
        return np.zeros((len(texts), len(texts)), dtype=np.float32)
    common: Vectors = (weights @ weights.T).toarray()
    return common


def _words(text: str) -> list[str]:
    """The telling words of a text, in the singular as far as that is plain."""
    words = (word.casefold().replace("’", "'") for word in _WORD.findall(stand_in(text)))
    return [_PLURAL.sub("", word) for word in words if word not in _STOP]


def _telling(counts: Mapping[str, int], everywhere: Mapping[str, int], size: int) -> tuple[str, ...]:
    """Words that many messages of a group hold, and few of the others."""
    weights = {word: count / size * count / everywhere[word] for word, count in counts.items() if count > 1}
    return tuple(sorted(weights, key=lambda word: (-weights[word], word))[:WORDS])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LABEL else line[: LABEL - 1].rsplit(" ", 1)[0] + "…"
