"""What clinicians sign: answers, red-flag rules and rows of the screening table, each as one text with one digest.

A signature holds for exactly the words that it was given for. Another word makes another digest, and the text is unsigned again by itself.
Nothing counts as reviewed but what stands signed here.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.content.digest import answer_text, digest_of, red_flag_texts, screening_texts
from needlewise.content.library import Library
from needlewise.content.revisions import Revisions, next_number
from needlewise.content.signatures import KINDS, Kind, Signature, given_for
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.tables import signatures
from needlewise.errors import NeedlewiseError

SOON = timedelta(days=30)
"""How long before it ends a signature counts as ending soon."""

LONGEST_NAME = 120


class State(StrEnum):
    """How a text stands."""

    UNSIGNED = "unsigned"
    CHANGED = "changed"
    """Other words were signed."""
    EXPIRED = "expired"
    EXPIRING = "expiring"
    """Signed, and to be signed again within SOON."""
    SIGNED = "signed"

    @property
    def holds(self) -> bool:
        return self in (State.SIGNED, State.EXPIRING)


class Changed(NeedlewiseError):
    """The text is another one than that which was read."""


@dataclass(frozen=True)
class Paper:
    """One text to be signed for a clinic, and how it stands. `text` is plain data: content.digest says its shape."""

    kind: Kind
    key: str
    title: str
    text: Mapping[str, Any]
    digest: str
    is_decision: bool
    """Set on the cautious side without a source: these wait for a clinician most of all."""
    version: int | None = None
    state: State = State.UNSIGNED
    signature: Signature | None = None
    """The one that stands, or stood last."""


def papers_of(content: Path, library: Library, *, clinic: str) -> list[Paper]:
    """Everything that a clinic's clinician signs, by kind, what rests on a decision first. Takes most of a second.

    Raises ContentError where a file is no YAML, and where there is no such clinic.
    """
    found = answer_papers(library, clinic)
    for rule, text in red_flag_texts(content, library).items():
        found.append(_paper("red_flag", rule, str(text["rule"]["title"]), text))
    for row, text in screening_texts(content, library, clinic=clinic).items():
        found.append(_paper("screening", row, _title_of_row(text), text))
    return sorted(found, key=lambda paper: (KINDS.index(paper.kind), not paper.is_decision))


def answer_papers(library: Library, clinic: str) -> list[Paper]:
    """The answers alone, which are quick to read."""
    return [
        _paper(
            "answer",
            topic,
            answer.en.title,
            answer_text(topic, clinic, library),
            version=library.answer(topic, clinic).version,
        )
        for topic, answer in library.answers.items()
    ]


class Signatures:
    """Gives and reads signatures."""

    def __init__(
        self, engine: AsyncEngine, reading: AsyncEngine, audit: AuditLog, revisions: Revisions
    ) -> None:
        self._engine = engine
        self._reading = reading
        self._audit = audit
        self._revisions = revisions

    async def given(self, clinic: str) -> Sequence[Signature]:
        """Every signature for a clinic, the newest first, also those withdrawn."""
        async with self._reading.connect() as connection:
            return await given_for(connection, clinic)

    async def standing(self, papers: Iterable[Paper], clinic: str, zone: ZoneInfo) -> list[Paper]:
        """The papers with their state today, by the clinic's own calendar."""
        return assessed(papers, await self.given(clinic), today=clock.now().astimezone(zone).date())

    async def of_answers(self, library: Library, clinic: str, zone: ZoneInfo) -> dict[str, State]:
        """How each topic's answer stands at a clinic today."""
        papers = answer_papers(library, clinic)
        return {paper.key: paper.state for paper in await self.standing(papers, clinic, zone)}

    async def sign(
        self,
        papers: Sequence[Paper],
        clinic: str,
        *,
        read: Mapping[tuple[str, str], str],
        signed_as: str,
        expires_on: date | None,
        today: date,
        entry: Entry,
    ) -> None:
        """Sign these papers as they were `read`: digests by kind and key. All of them or none; each is a row of the audit log.

        Raises Changed where a text is not what was read any more, and NeedlewiseError without a name or with a day that is over.
        """
        name = " ".join(signed_as.split())
        if not 5 <= len(name) <= LONGEST_NAME:
            raise NeedlewiseError("Write your name and licence, as on a chart: Ana Ruiz, PT, DPT.")
        if expires_on is not None and expires_on <= today:
            raise NeedlewiseError("The day on which it ends must lie ahead.")
        if not papers:
            raise NeedlewiseError("Tick what you have read and sign.")
        for paper in papers:
            if read.get((paper.kind, paper.key)) != paper.digest:
                raise Changed(f"“{paper.title}” was changed while you read it. Read it once more.")
        async with self._engine.begin() as connection:
            for paper in papers:
                await connection.execute(
                    insert(signatures).values(
                        id=uuid.uuid4().hex,
                        kind=paper.kind,
                        key=paper.key,
                        clinic=clinic,
                        digest=paper.digest,
                        version=paper.version,
                        staff=entry.actor,
                        signed_as=name,
                        at=clock.now(),
                        expires_on=expires_on,
                    )
                )
                details = {"digest": paper.digest, "expires": expires_on.isoformat() if expires_on else None}
                subject = f"{paper.kind}/{paper.key}"
                row = replace(entry, clinic=clinic, subject=subject, details=details)
                await self._audit.record(row, connection)
            # Where signatures are demanded, every process must learn what may be said now.
            await next_number(connection)
        await self._revisions.told()

    async def withdraw(self, identity: str, clinics: Collection[str], entry: Entry) -> str:
        """Take a signature back; its clinic. Raises NeedlewiseError where there is none to take back at these clinics."""
        async with self._engine.begin() as connection:
            row = (
                await connection.execute(select(signatures).where(signatures.c.id == identity))
            ).one_or_none()
            if row is None or row.clinic not in clinics or row.withdrawn_at is not None:
                raise NeedlewiseError("there is no such signature, or it was withdrawn")
            await connection.execute(
                update(signatures).where(signatures.c.id == identity).values(withdrawn_at=clock.now())
            )
            about = replace(entry, clinic=row.clinic, subject=f"{row.kind}/{row.key}")
            await self._audit.record(about, connection)
            await next_number(connection)
        await self._revisions.told()
        return str(row.clinic)


def assessed(papers: Iterable[Paper], given: Iterable[Signature], *, today: date) -> list[Paper]:
    """The papers with the state that these signatures give them."""
    by_key: dict[tuple[str, str], list[Signature]] = {}
    for signature in given:
        if signature.withdrawn_at is None:
            by_key.setdefault((signature.kind, signature.key), []).append(signature)
    return [_assessed(paper, by_key.get((paper.kind, paper.key), []), today) for paper in papers]


def _assessed(paper: Paper, given: Sequence[Signature], today: date) -> Paper:
    if not given:
        return replace(paper, state=State.UNSIGNED)
    newest = max(given, key=lambda one: one.at)
    same = [one for one in given if one.digest == paper.digest]
    if not same:
        return replace(paper, state=State.CHANGED, signature=newest)
    found = max(same, key=lambda one: one.at)
    state = State.SIGNED
    if found.expires_on is not None:
        if found.expires_on < today:
            state = State.EXPIRED
        elif found.expires_on - today <= SOON:
            state = State.EXPIRING
    return replace(paper, state=state, signature=found)


def _paper(kind: Kind, key: str, title: str, text: Mapping[str, Any], *, version: int | None = None) -> Paper:
    is_decision = bool(text.get("rule", {}).get("decision")) or any(
        condition.get("decision") for condition in text.get("conditions", ())
    )
    return Paper(kind, key, title, text, digest_of(text), is_decision, version)


def _title_of_row(text: Mapping[str, Any]) -> str:
    if "card" in text:
        return f"The question “{text['card']['id']}”"
    return "; ".join(str(condition["title"]) for condition in text["conditions"])
