"""What is played through two models: the newest real messages, those that staff corrected, and the held-out test sets.

A patient's full words are opened here, in the process that tries a candidate, and go no further.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise.conversations.log import Inbound
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal
from needlewise.db.tables import corrections, messages
from needlewise.teaching.replay import CORRECTED, DECLINED, MESSAGES, Right
from needlewise.text.yaml_text import parse, read_text

NEWEST = 300
"""How many real messages are replayed, and as many corrected ones."""

_TESTS = Path("tests/nlu")
_LOOK = 3
"""Times NEWEST: so many rows are looked at to find messages that mean something alone."""


@dataclass(frozen=True)
class Played:
    """One message with what came before it."""

    source: str
    turns: tuple[str, ...]
    """Its words, after those of the messages before it where a test set has them."""
    shown: str = ""
    """What a report holds of it: nothing where a patient wrote it."""
    right: Right | None = None
    clinic: str = ""
    channel: str = "web"
    conversation: str = ""
    message: str = ""
    answered: tuple[str, ...] = ()
    """The topics that its conversation answered last: it may lean on them."""


@dataclass(frozen=True)
class Real:
    """Real messages, the newest first, and how many were left out on the way."""

    played: tuple[Played, ...]
    left_out: int


async def real_messages(engine: AsyncEngine, seal: Seal, *, newest: int = NEWEST) -> Real:
    """The newest messages that patients wrote, and the newest corrected ones.

    Taps, form fields and answers to a form are left out, since they mean nothing without the form; so is what is not redacted yet.
    """
    async with reading(engine).connect() as connection:
        rights = await _rights(connection, newest)
        rows = list(await connection.execute(_written().limit(_LOOK * newest)))
        seen = {row.id for row in rows}
        older = messages.c.id.in_([message for message in rights if message not in seen])
        rows += await connection.execute(_written().where(older))
        answered = await _answered(connection, {row.conversation for row in rows})
    found: list[Played] = []
    left_out = uncorrected = 0
    for row in rows:
        if row.id not in rights and uncorrected >= newest:
            continue
        inbound = msgspec.json.decode(seal.open(row.body_sealed), type=Inbound)
        if not inbound.text or inbound.choices or inbound.fields or (row.understood or {}).get("form"):
            left_out += 1
            continue
        uncorrected += row.id not in rights
        right = rights.get(row.id)
        before = [topics for position, topics in answered[row.conversation] if position < row.position]
        found.append(
            Played(
                source=MESSAGES if right is None else CORRECTED,
                turns=(inbound.text,),
                right=right,
                clinic=row.clinic,
                channel=row.channel,
                conversation=row.conversation,
                message=row.id,
                answered=before[-1] if before else (),
            )
        )
    return Real(tuple(found), left_out)


def _written() -> Any:
    """What patients wrote and staff may read, the newest first."""
    return (
        select(messages)
        .where(
            messages.c.direction == "in",
            messages.c.answered.is_(True),
            messages.c.body_sealed.is_not(None),
            messages.c.redacted.is_not(None),
        )
        .order_by(messages.c.at.desc(), messages.c.position.desc())
    )


async def _rights(connection: AsyncConnection, newest: int) -> dict[str, Right | None]:
    """By message, what its newest correction says would have been right."""
    query = select(corrections).order_by(corrections.c.at.desc()).limit(newest)
    found: dict[str, Right | None] = {}
    for row in await connection.execute(query):
        found.setdefault(row.message, _right(row))
    return found


async def _answered(
    connection: AsyncConnection, talks: Collection[str]
) -> Mapping[str, list[tuple[int, tuple[str, ...]]]]:
    """By conversation, the topics that were answered and where, in order."""
    query = (
        select(messages.c.conversation, messages.c.position, messages.c.topics)
        .where(messages.c.conversation.in_(list(talks)), messages.c.direction == "in")
        .order_by(messages.c.position)
    )
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
    for row in await connection.execute(query):
        if row.topics:
            found[row.conversation].append((row.position, tuple(row.topics)))
    return found


def held_out(root: Path) -> list[Played]:
    """The held-out sentences under tests/nlu, as far as this deployment has them. Raises ContentError on a file that cannot be read."""
    folder = root / _TESTS
    found = [
        Played(source, (text,), text, Right((intent,), "first"))
        for source, name in (
            ("topics and acts", "test_topics.yml"),
            ("out of scope", "test_out_of_scope.yml"),
        )
        for intent, text in _sentences(folder / name)
    ]
    found += [
        Played("mistyped", (line["text"],), line["text"], Right((line["intent"],), "first"))
        for line in _lines(folder / "typos.jsonl")
    ]
    found += [
        Played("several questions", (line["text"],), line["text"], Right(tuple(line["topics"]), "all"))
        for line in _lines(folder / "multi_questions.jsonl")
    ]
    for line in _lines(folder / "follow_ups.jsonl"):
        turns = tuple(line["turns"])
        right = Right(tuple(_flat(line["topics"])), "any")
        found.append(Played("follow-ups", turns, " – ".join(turns), right))
    return found


def _right(row: Any) -> Right | None:
    """What a correction says would have been right; None where it speaks of the answer's words, or of safety."""
    if row.verdict == "topics" and row.topics:
        return Right(tuple(row.topics), "all")
    return Right((DECLINED,), "first") if row.verdict == "out_of_scope" else None


def _sentences(path: Path) -> Iterator[tuple[str, str]]:
    if not path.exists():
        return
    for block in parse(path, read_text(path))["nlu"]:
        for line in block["examples"].splitlines():
            if line.startswith("- "):
                yield block["intent"], line[2:].strip()


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.exists():
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line)


def _flat(topics: Sequence[Any]) -> Iterator[str]:
    for one in topics:
        yield from ([one] if isinstance(one, str) else one)
