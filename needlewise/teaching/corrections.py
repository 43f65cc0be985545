"""What staff say should have been made of a message: kept, undone, and turned into proposals for training examples."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal
from needlewise.db.tables import corrections, examples, messages
from needlewise.errors import NeedlewiseError
from needlewise.nlu.taxonomy import DECLINED, INTENTS
from needlewise.teaching.copies import known
from needlewise.teaching.examples import (
    ACCEPTED,
    NOTHING_TO_TEACH,
    PROPOSED,
    PUBLISHED,
    REJECTED,
    Example,
    Fault,
    cleaned,
    fault_of,
    propose,
    standing,
)

MOST_TOPICS = 3
"""As many as the assistant answers in one message."""
LONGEST_COMMENT = 1000
QUICK = 3
"""How many of the topics that came near are offered first."""


class Verdict(StrEnum):
    """What was wrong."""

    TOPICS = "topics"
    """It asked something else: these topics, or this act."""
    OUT_OF_SCOPE = "out_of_scope"
    URGENT = "urgent"
    """It should have been taken as urgent. For the owner of the safety rules: nothing learns from it by itself."""
    WRONG_ANSWER = "wrong_answer"
    UNCLEAR_ANSWER = "unclear_answer"


OF_THE_ANSWER = frozenset({Verdict.WRONG_ANSWER, Verdict.UNCLEAR_ANSWER})


class Settled(NeedlewiseError):
    """An example of this correction was accepted: an editor has to take that back first."""


@dataclass(frozen=True)
class Correction:
    """One correction, as staff see it."""

    id: str
    clinic: str
    conversation: str
    message: str
    by: str
    at: datetime
    verdict: Verdict
    topics: tuple[str, ...]
    comment: str
    redacted: str
    """The message's words; empty when they were erased."""


@dataclass(frozen=True)
class Said:
    """A message that may be corrected."""

    id: str
    clinic: str
    conversation: str
    is_patients: bool
    redacted: str | None
    """None before redaction has run, and after the words were erased."""
    topics: tuple[str, ...]
    """What was answered."""
    runners_up: tuple[str, ...]
    """What came near, the nearest first, without what was answered."""
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """What became of a correction."""

    id: str
    proposed: int
    faults: tuple[Fault, ...]
    """Why some of it proposes no example."""


class Corrections:
    """All reading and writing of corrections. `root` is the project with data/nlu, against which proposals are checked."""

    def __init__(self, engine: AsyncEngine, seal: Seal, audit: AuditLog, root: Path) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal
        self._audit = audit
        self._root = root

    async def message(self, message: str) -> Said | None:
        """A message with what was corrected of it; None where there is no such."""
        async with self._reading.connect() as connection:
            row = (await connection.execute(select(messages).where(messages.c.id == message))).one_or_none()
        if row is None:
            return None
        answered = tuple(row.topics or ()) or tuple(note["topic"] for note in row.answers or ())
        done = (await self.of_conversation(row.conversation)).get(message, ())
        return Said(
            row.id, row.clinic, row.conversation, row.direction == "in", row.redacted, answered,
            runners_up(row.understood, answered), tuple(done),
        )  # fmt: skip

    async def record(
        self,
        said: Said,
        verdict: Verdict,
        asked: Sequence[tuple[str, str]] = (),
        *,
        comment: str = "",
        by: str,
        entry: Entry,
    ) -> Recorded:
        """Keep a correction, in place of an earlier one of the same kind, and propose examples where there is something to learn.

        `asked` holds up to three (intent, words): the words are the part that asks it; without any, the whole message. Raises NeedlewiseError
        on one that makes no sense, and Settled where an example of the earlier one was accepted.
        """
        _check(said, verdict, asked)
        whole = said.redacted or ""
        if verdict is Verdict.OUT_OF_SCOPE:
            asked = [(DECLINED, "")]
        proposals: list[tuple[str, str]] = []
        faults: list[Fault] = []
        if verdict not in OF_THE_ANSWER and verdict is not Verdict.URGENT:
            texts = [(intent, cleaned(words) or cleaned(whole)) for intent, words in asked]
            proposals, faults = await self._proposals(texts, replaced=said.id)
        topics = [intent for intent, _ in asked] or list(said.topics if verdict in OF_THE_ANSWER else ())
        identity, now = uuid.uuid4().hex, clock.now()
        async with self._engine.begin() as connection:
            alike = OF_THE_ANSWER if verdict in OF_THE_ANSWER else set(Verdict) - OF_THE_ANSWER
            await self._remove(connection, corrections.c.message == said.id, corrections.c.verdict.in_(alike))
            await connection.execute(
                insert(corrections).values(
                    id=identity,
                    clinic=said.clinic,
                    conversation=said.conversation,
                    message=said.id,
                    by=by,
                    at=now,
                    verdict=verdict.value,
                    topics=topics,
                    comment_sealed=self._seal.seal(comment.encode()) if comment else None,
                    # What proposes an example waits among the examples.
                    done_at=now if proposals else None,
                    done_by=by if proposals else None,
                )
            )
            await propose(connection, said.clinic, identity, proposals)
            details = {"verdict": verdict.value, "topics": topics, "examples": len(proposals)}
            await self._audit.record(replace(entry, details=details), connection)
        return Recorded(identity, len(proposals), tuple(faults))

    async def find(self, correction: str) -> Correction | None:
        """One correction; None where there is no such."""
        found = await self._all(corrections.c.id == correction, limit=1)
        return found[0] if found else None

    async def undo(self, correction: Correction, entry: Entry) -> None:
        """Take a correction back, with what it proposed. Raises Settled where an example of it was accepted."""
        async with self._engine.begin() as connection:
            await self._remove(connection, corrections.c.id == correction.id)
            await self._audit.record(entry, connection)

    async def finish(self, correction: Correction, *, by: str, entry: Entry) -> None:
        """Note that somebody has seen to it."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(corrections)
                .where(corrections.c.id == correction.id, corrections.c.done_at.is_(None))
                .values(done_at=clock.now(), done_by=by)
            )
            await self._audit.record(entry, connection)

    async def waiting(self, clinics: Collection[str], *, limit: int = 100) -> list[Correction]:
        """Those that nobody has seen to, of these clinics: urgent ones first, then the newest."""
        found = await self._all(
            corrections.c.clinic.in_(clinics), corrections.c.done_at.is_(None), limit=limit
        )
        return sorted(found, key=lambda one: one.verdict is not Verdict.URGENT)

    async def count_waiting(self, clinics: Collection[str]) -> int:
        query = select(func.count()).where(corrections.c.clinic.in_(clinics), corrections.c.done_at.is_(None))
        async with self._reading.connect() as connection:
            return int(await connection.scalar(query))

    async def of_conversation(self, conversation: str) -> Mapping[str, list[Correction]]:
        """What was corrected in a conversation, by message, the oldest first."""
        by_message: dict[str, list[Correction]] = defaultdict(list)
        for one in reversed(await self._all(corrections.c.conversation == conversation, limit=1000)):
            by_message[one.message].append(one)
        return by_message

    async def _proposals(
        self, texts: Sequence[tuple[str, str]], *, replaced: str
    ) -> tuple[list[tuple[str, str]], list[Fault]]:
        known_here = await asyncio.to_thread(known, self._root)
        # What an earlier correction of this message proposed goes away with it.
        theirs = select(examples.c.id).where(
            examples.c.correction.in_(select(corrections.c.id).where(corrections.c.message == replaced)),
            examples.c.state == PROPOSED,
        )
        async with self._reading.connect() as connection:
            going = set((await connection.execute(theirs)).scalars())
        beside = [one for one in await standing(self._engine) if one.id not in going]
        proposals, faults = [], []
        for intent, text in texts:
            fault = fault_of(text, intent, known_here, beside)
            if fault in NOTHING_TO_TEACH or fault is Fault.EMPTY:
                faults.append(fault)
                continue
            proposals.append((intent, text))
            beside.append(Example("", intent, text))
        return proposals, [fault for fault in faults if fault is not None]

    async def _remove(self, connection: AsyncConnection, *which: Any) -> None:
        ids = select(corrections.c.id).where(*which)
        of_these = examples.c.correction.in_(ids)
        settled = select(examples.c.id).where(of_these, examples.c.state.in_((ACCEPTED, PUBLISHED))).limit(1)
        if await connection.scalar(settled) is not None:
            raise Settled("An example of this correction was accepted. Take that back first, under Teach.")
        await connection.execute(delete(examples).where(of_these, examples.c.state.in_((PROPOSED, REJECTED))))
        await connection.execute(delete(corrections).where(*which))

    async def _all(self, *which: Any, limit: int) -> list[Correction]:
        query = (
            select(corrections, messages.c.redacted)
            .select_from(corrections.join(messages, messages.c.id == corrections.c.message))
            .where(*which)
            .order_by(corrections.c.at.desc(), corrections.c.id)
            .limit(limit)
        )
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [self._correction(row) for row in rows]

    def _correction(self, row: Row) -> Correction:
        return Correction(
            row.id, row.clinic, row.conversation, row.message, row.by, row.at, Verdict(row.verdict),
            tuple(row.topics), self._seal.open(row.comment_sealed).decode() if row.comment_sealed else "",
            row.redacted or "",
        )  # fmt: skip


def runners_up(understood: Mapping[str, Any] | None, answered: Collection[str]) -> tuple[str, ...]:
    """The intents that came nearest to a message as it was read (messages.understood), without those answered."""
    nearest: dict[str, float] = {}
    for part in (understood or {}).get("parts") or ():
        for intent, share in part.get("best") or ():
            if intent in INTENTS and intent != DECLINED and intent not in answered:
                nearest[intent] = max(share, nearest.get(intent, 0.0))
    return tuple(sorted(nearest, key=lambda intent: -nearest[intent])[:QUICK])


def _check(said: Said, verdict: Verdict, asked: Sequence[tuple[str, str]]) -> None:
    if verdict is Verdict.TOPICS and not asked:
        raise NeedlewiseError("Say what it should have been.")
    if len(asked) > MOST_TOPICS or len({intent for intent, _ in asked}) < len(asked):
        raise NeedlewiseError(f"Choose up to {MOST_TOPICS}, each once.")
    if any(intent not in INTENTS for intent, _ in asked):
        raise NeedlewiseError("Choose from the list: there is no such topic.")
    if verdict in OF_THE_ANSWER:
        return
    if not said.is_patients:
        raise NeedlewiseError("That is said of what a patient wrote.")
    if said.redacted is None:
        raise NeedlewiseError(
            "Its words are not there: they were erased, or names in them are still being masked. Try again in a minute."
        )
