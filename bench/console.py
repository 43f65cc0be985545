"""Measure the staff's list of conversations over many: list, filter, search and open, on SQLite and on a PostgreSQL of its own.

Fills each database with made-up conversations (no model runs), then asks for pages as the console does: the rows of a page and how
many there are, together. Prints one Markdown table. PostgreSQL's server programs must be installed.
"""

import argparse
import asyncio
import io
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from cryptography.fernet import Fernet  # noqa: E402
from figures import conditions  # noqa: E402
from sqlalchemy import Table, create_engine, insert, select, text  # noqa: E402
from sqlalchemy.engine import Connection  # noqa: E402

from needlewise.conversations.filters import Filters  # noqa: E402
from needlewise.conversations.listing import Listing  # noqa: E402
from needlewise.conversations.search import folded  # noqa: E402
from needlewise.conversations.transcripts import Transcripts  # noqa: E402
from needlewise.db import tables  # noqa: E402
from needlewise.db.audit import AuditLog  # noqa: E402
from needlewise.db.engine import migrate, open_engine, open_reading  # noqa: E402
from needlewise.db.sealing import Seal  # noqa: E402
from needlewise.nlu.taxonomy import TOPICS  # noqa: E402
from tests.support.postgres import start_postgres  # noqa: E402

AIM_MS = 200
NEWEST = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
CLINICS = ("heel", "arch", "sole")
ME = "s1"
_ZONE = ZoneInfo("America/New_York")
_SHARES = (0.7, 0.2, 0.1)
_MESSAGES = 10
_LONGEST = 200
_CHUNK = 1000
_RARE_WORDS = 400
"""Words that stand in five conversations each."""


@dataclass
class Made:
    """What was filled in, as far as the questions need to know it."""

    conversations: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    messages: int = 0


def fill(database_url: str, count: int) -> Made:
    """Put `count` conversations of ten messages on average into an empty, migrated database."""
    made, chance = Made(), random.Random(7)
    said = _examples()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            insert(tables.staff),
            [{"id": f"s{number}", "name": f"staff{number}", "created_at": NEWEST} for number in range(5)],
        )
    for first in range(0, count, _CHUNK):
        with engine.begin() as connection:
            _fill_some(connection, made, chance, said, range(first, min(first + _CHUNK, count)), count)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            # As PostgreSQL does by itself after a while.
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
    return made


def already(database_url: str) -> Made | None:
    """What an earlier run filled in, where the file was kept."""
    engine = create_engine(database_url)
    heard = tables.conversations.c.heard
    with engine.connect() as connection:
        rows = connection.execute(select(tables.conversations.c.id, heard)).all()
    engine.dispose()
    long = [row.id for row in rows if row.heard == _LONGEST // 2]
    return Made([row.id for row in rows], long, 2 * sum(row.heard for row in rows)) if rows else None


def _fill_some(
    connection: Connection, made: Made, chance: random.Random, said: list[str], numbers: range, count: int
) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("conversations", "searchable", "messages", "topics", "tags", "shown")
    }
    for number in numbers:
        _one(rows, made, chance, said, number, count)
    for table, its in (
        (tables.conversations, rows["conversations"]),
        (tables.searchable, rows["searchable"]),
        (tables.messages, rows["messages"]),
        (tables.conversation_topics, rows["topics"]),
        (tables.conversation_tags, rows["tags"]),
        (tables.answers_shown, rows["shown"]),
    ):
        if its and connection.dialect.name == "postgresql":
            _copy(connection, table, its)
        elif its:
            connection.execute(insert(table), its)


def _copy(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """PostgreSQL's own bulk load, in its text form."""
    lines = "".join("\t".join(_copied(value) for value in row.values()) + "\n" for row in rows)
    with connection.connection.cursor() as cursor:
        cursor.copy_from(io.StringIO(lines), table.name, columns=list(rows[0]))


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    return text.replace("\\", "\\\\").replace("\t", " ").replace("\n", " ")


def _one(
    rows: dict[str, list[dict[str, Any]]],
    made: Made,
    chance: random.Random,
    said: list[str],
    number: int,
    count: int,
) -> None:
    identity = f"{chance.getrandbits(128):032x}"
    clinic = chance.choices(CLINICS, _SHARES)[0]
    channel = "sms" if chance.random() < 0.3 else "web"
    # A year of conversations, the later ones later, not quite in the order in which they began.
    at = NEWEST - timedelta(minutes=(count - number) * 525_600 / count + chance.random() * 600)
    is_long = number % 1000 == 7
    exchanges = _LONGEST // 2 if is_long else max(1, round(chance.expovariate(1 / (_MESSAGES / 2))))
    words = [chance.choice(said) for _ in range(exchanges)]
    if number < 5 * _RARE_WORDS:
        words[0] += f" rareword{number % _RARE_WORDS}"
    # Topics as they are asked: few of them make up most.
    topics = {TOPICS[min(int(chance.expovariate(0.12)), len(TOPICS) - 1)] for _ in words[:5]}
    made.conversations.append(identity)
    if is_long:
        made.long.append(identity)
    made.messages += 2 * exchanges

    def of(share: float, value: Any, otherwise: Any = None) -> Any:
        return value if chance.random() < share else otherwise

    rows["conversations"].append(
        {
            "id": identity,
            "clinic": clinic,
            "channel": channel,
            "language": "en",
            "started_at": at - timedelta(minutes=exchanges),
            "last_at": at,
            "state_sealed": chance.randbytes(3000),
            "heard": exchanges,
            "outcome": of(0.1, chance.choice(("BOOK", "TELL", "CALL", "NOW"))),
            "request": of(0.06, "visit"),
            "safety": of(0.02, chance.choice(("urgent", "crisis", "doctor", "emergency"))),
            "declined": of(0.15, 1, 0),
            "unsure": of(0.1, 1, 0),
            "confidence": chance.betavariate(5, 1.5),
            "thumbs_up": of(0.05, 1, 0),
            "thumbs_down": of(0.03, 1, 0),
            "asked_person": of(0.04, True, False),
            "opted_out": of(0.01, True, False),
            "reviewed_at": of(0.9, NEWEST) if number < 0.98 * count else None,
            "reviewed_by": ME,
            "assigned_to": of(0.02, f"s{chance.randrange(5)}"),
            "flagged_at": of(0.005, NEWEST),
            "live_by": of(0.0001, ME),
            "searchable": number + 1,
        }
    )
    rows["searchable"].append(
        {
            "id": number + 1,
            "conversation": identity,
            "clinic": clinic,
            "words": " ".join(folded(one) for one in words),
        }
    )
    rows["topics"] += [{"conversation": identity, "topic": topic, "clinic": clinic} for topic in topics]
    if tag := of(0.05, chance.choice(("insurance", "call again", "complaint")), of(0.0003, "press")):
        rows["tags"].append({"conversation": identity, "tag": tag, "clinic": clinic})
    topic = next(iter(topics))
    for place, asked in enumerate(words):
        message = {"clinic": clinic, "conversation": identity, "channel": channel, "answered": None}
        ids = [f"{chance.getrandbits(128):032x}" for _ in range(2)]
        heard = {
            "id": ids[0],
            "position": 2 * place + 1,
            "direction": "in",
            "client_id": ids[0],
            "reply_to": None,
            "at": at - timedelta(minutes=exchanges - place),
            "body_sealed": chance.randbytes(220),
            "redacted": asked,
            "kind": None,
            "topics": [topic],
            "answers": None,
            "confidence": 0.9,
            "latency_ms": 40.0,
            "understood": {"intent": topic, "parts": [{"topic": topic, "best": [[topic, 0.9]]}]},
        }
        spoken = {
            "id": ids[1],
            "position": 2 * place + 2,
            "direction": "out",
            "client_id": None,
            "reply_to": ids[0],
            "at": at - timedelta(minutes=exchanges - place),
            "body_sealed": chance.randbytes(1200),
            "redacted": "It depends on what the therapist finds at the first visit. " * 5,
            "kind": "answer",
            "topics": None,
            "answers": [{"topic": topic, "version": 1}],
            "confidence": None,
            "latency_ms": None,
            "understood": None,
        }
        rows["messages"] += [{**message, **heard, "answered": True}, {**message, **spoken}]
        rows["shown"].append(
            {
                "message": ids[1],
                "topic": topic,
                "clinic": clinic,
                "channel": channel,
                "version": 1,
                "at": spoken["at"],
            }
        )


def _examples() -> list[str]:
    """What patients ask, out of the training data."""
    found = []
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        found += re.findall(r"^ {4,}- (.{8,160})$", path.read_text(encoding="utf-8"), re.M)
    return found


# -- questions ------------------------------------------------------------------------------------------------------

Ask = Callable[[random.Random], Filters]


def questions() -> Iterator[tuple[str, str, Ask]]:
    """What is asked for: group, name, and the filters of one try, which differ from try to try."""
    yield "list", "newest", lambda _: Filters()
    yield "filter", "channel", lambda chance: Filters(channel=chance.choice(("web", "sms")))
    yield "filter", "smallest clinic", lambda _: Filters(clinic="sole")
    yield "filter", "a week", lambda chance: _days(chance, 7)
    yield "filter", "common topic", lambda chance: Filters(topic=chance.choice(TOPICS[:4]))
    yield "filter", "rare topic", lambda chance: Filters(topic=chance.choice(TOPICS[-8:-2]))
    yield "filter", "outcome", lambda chance: Filters(outcome=chance.choice(("BOOK", "NOW")))
    yield "filter", "urgent", lambda _: Filters(safety="urgent")
    yield "filter", "crisis", lambda _: Filters(safety="crisis")
    yield "filter", "declined or unsure", lambda _: Filters(missed=True)
    yield "filter", "confidence", lambda chance: Filters(below=chance.choice((15, 30, 60)))
    yield "filter", "thumbs down", lambda _: Filters(thumbs_down=True)
    yield "filter", "asked for a person", lambda _: Filters(person=True)
    yield "filter", "sent a request", lambda _: Filters(requested=True)
    yield "filter", "wants no more", lambda _: Filters(stopped=True)
    yield "filter", "not reviewed", lambda _: Filters(unreviewed=True)
    yield "filter", "assigned to me", lambda _: Filters(assigned="me")
    yield "filter", "assigned to nobody", lambda _: Filters(assigned="nobody")
    yield "filter", "common tag", lambda _: Filters(tag="insurance")
    yield "filter", "rare tag", lambda _: Filters(tag="press")
    yield "filter", "flagged", lambda _: Filters(flagged=True)
    yield "filter", "live", lambda _: Filters(live=True)
    yield (
        "filters",
        "topic, channel, not reviewed",
        lambda chance: Filters(topic=chance.choice(TOPICS[:6]), channel="sms", unreviewed=True),
    )
    yield (
        "filters",
        "month, clinic, declined",
        lambda chance: replace(_days(chance, 30), clinic="arch", missed=True),
    )
    yield (
        "filters",
        "rare topic, rare tag, crisis",
        lambda chance: Filters(topic=chance.choice(TOPICS[-8:-2]), tag="press", safety="crisis"),
    )
    yield "search", "rare word", lambda chance: Filters(words=f"rareword{chance.randrange(_RARE_WORDS)}")
    yield (
        "search",
        "common word",
        lambda chance: Filters(words=chance.choice(("needle", "hurt", "pain", "the"))),
    )
    yield (
        "search",
        "two common words",
        lambda chance: Filters(words=chance.choice(("needle the", "pain foot", "how long"))),
    )
    yield (
        "search",
        "phrase",
        lambda chance: Filters(words=chance.choice(('"dry needling"', '"how much"', '"plantar fasciitis"'))),
    )
    yield "search", "prefix", lambda chance: Filters(words=chance.choice(("ins*", "appoint*", "ne*")))
    yield "search", "nothing like it", lambda chance: Filters(words=f"qqx{chance.randrange(1000)}")
    yield "search, filter", "common word, rare tag", lambda _: Filters(words="needle", tag="press")
    yield "search, filter", "common word, live", lambda _: Filters(words="the", live=True)
    yield (
        "search, filter",
        "common word, crisis, not reviewed",
        lambda _: Filters(words="pain", safety="crisis", unreviewed=True),
    )
    yield (
        "search, filter",
        "common word, rare topic, a week",
        lambda chance: replace(_days(chance, 7), words="how", topic=chance.choice(TOPICS[-8:-2])),
    )
    yield (
        "search, filter",
        "phrase, not reviewed, web",
        lambda _: Filters(words='"does it"', unreviewed=True, channel="web"),
    )


def _days(chance: random.Random, days: int) -> Filters:
    first: date = NEWEST.date() - timedelta(days=chance.randrange(days, 350))
    return Filters(since=first, until=first + timedelta(days=days - 1))


@dataclass(frozen=True)
class Measured:
    """One line of the table, in milliseconds."""

    group: str
    name: str
    median: float
    p95: float


async def measure(database_url: str, made: Made, tries: int) -> list[Measured]:
    """Ask each question `tries` times, in turn with the others, so that whatever else the machine does meets all alike."""
    engine = open_engine(database_url)
    reading = open_reading(database_url)
    seal = Seal(Fernet.generate_key().decode())
    listing = Listing(reading, lambda _: _ZONE)
    transcripts = Transcripts(reading, seal, AuditLog(engine, seal), _as_it_is)
    chance = random.Random(11)

    async def page(filters: Filters, after: str | None = None) -> str | None:
        return (await listing.rows(filters, CLINICS, me=ME, after=after)).older

    def ask(of: Ask) -> Callable[[], Awaitable[object]]:
        return lambda: page(of(chance))

    deep: str | None = None
    for _ in range(20):
        deep = (await listing.rows(Filters(), CLINICS, after=deep)).older
    asked: list[tuple[str, str, Callable[[], Awaitable[object]]]] = [
        (group, name, ask(of)) for group, name, of in questions()
    ]
    asked.insert(1, ("list", "page 21", lambda: page(Filters(), deep)))
    asked += [
        ("open", "any", lambda: transcripts.open(chance.choice(made.conversations), CLINICS)),
        (
            "open",
            f"{_LONGEST} messages",
            lambda: transcripts.open(chance.choice(made.long or made.conversations), CLINICS),
        ),
    ]
    took: list[list[float]] = [[] for _ in asked]
    for number in range(tries + 1):
        for (_, _, run), times in zip(asked, took, strict=True):
            began = time.perf_counter()
            await run()
            # The first round is not counted: it reads the file.
            times += [(time.perf_counter() - began) * 1000] if number else []
    await reading.dispose()
    await engine.dispose()
    return [
        Measured(group, name, statistics.median(times), _p95(times))
        for (group, name, _), times in zip(asked, took, strict=True)
    ]


async def _as_it_is(words: str) -> str:
    return words


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(0.95 * len(times)))]


def as_markdown(measured: dict[str, list[Measured]]) -> str:
    """One row a question, with median and 95th percentile of each database."""
    names = list(measured)
    lines = ["|  |  | " + " | ".join(f"{name}, median | p95" for name in names) + " |"]
    lines.append("| --- | --- |" + " ---: | ---: |" * len(names))
    last = ""
    for row in zip(*measured.values(), strict=True):
        figures = " | ".join(f"{one.median:.0f} ms | {one.p95:.0f} ms" for one in row)
        lines.append(f"| {row[0].group if row[0].group != last else ''} | {row[0].name} | {figures} |")
        last = row[0].group
    return "\n".join(lines)


def main() -> None:
    """Fill, measure and print. Exit code 1 when a 95th percentile is above the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--tries", type=int, default=40, help="how often each question is asked")
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    parser.add_argument("--keep", type=Path, help="a folder in which SQLite's file is kept and found again")
    given = parser.parse_args()
    measured: dict[str, list[Measured]] = {}
    where, made = conditions(), Made()
    with tempfile.TemporaryDirectory(prefix="needlewise-bench-") as folder:
        if given.only != "PostgreSQL":
            address = f"sqlite:///{given.keep or folder}/bench.db"
            measured["SQLite"], made = _run(address, given.conversations, given.tries)
    if given.only != "SQLite":
        cluster = start_postgres()
        try:
            address = cluster.new_database()
            measured["PostgreSQL"], made = _run(address, given.conversations, given.tries)
        finally:
            cluster.stop()
    print(as_markdown(measured))
    print(
        f"\n{where} {len(made.conversations):,} conversations, {made.messages:,} messages, {given.tries} tries."
    )
    slow = [one for its in measured.values() for one in its if one.p95 > AIM_MS]
    sys.exit(1 if slow else 0)


def _run(address: str, count: int, tries: int) -> tuple[list[Measured], Made]:
    began = time.monotonic()
    migrate(address)
    made = already(address) or fill(address, count)
    print(f"bench: filled in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return asyncio.run(measure(address, made, tries)), made


if __name__ == "__main__":
    main()
