"""Training examples: proposed by corrections, accepted by editors, written as Rasa reads them.

An example is what a patient wrote, with everything masked that tells who it was, and read by a person before anything learns from it.
"""

import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.content.checks.shapes import FILL_IN
from needlewise.conversations.redaction import ADDRESS, DOB, EMAIL, NAME, NUMBER, PHONE
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.tables import corrections, examples
from needlewise.errors import NeedlewiseError
from needlewise.nlu.corpus import plain
from needlewise.nlu.taxonomy import INTENTS
from needlewise.teaching.copies import Known, Shelf, copies
from needlewise.text.patterns import (
    find_addresses,
    find_birth_dates,
    find_emails,
    find_long_numbers,
    find_numbers,
    find_phones,
)

PROPOSED, ACCEPTED, REJECTED, PUBLISHED = "proposed", "accepted", "rejected", "published"
LONGEST = 400
"""Characters. The encoder reads about as much at a time; a longer message is to be cut down to what it asks."""
PAGE = 25

_STAND_INS: Mapping[str, str] = {
    NAME: "Sam",
    PHONE: "my number",
    EMAIL: "my email",
    ADDRESS: "my address",
    DOB: "my birthday",
    NUMBER: "my number",
}
_MASK = re.compile(rf"\[({'|'.join(kind.lower() for kind in _STAND_INS)})\]", re.IGNORECASE)
_FINDERS = (find_emails, find_phones, find_addresses, find_birth_dates, find_numbers, find_long_numbers)


class Fault(StrEnum):
    """Why a text cannot be an example as it stands."""

    EMPTY = "There are no words in it."
    LONG = f"It is longer than {LONGEST} characters. Keep only what asks."
    MASKED = "A mask such as [name] stands in it. Write something neutral in its place."
    BRACKETS = "Square brackets mean something to the training. Write it without them."
    UNFINISHED = f"{FILL_IN} marks what is still to be written. Write it without."
    PERSONAL = "It seems to hold a phone number, an address, a date of birth or the like. Take that out."
    NO_INTENT = "Choose what it asks from the list."
    TEST = "It is one of the sentences that the assistant is tested with, or nearly. Teaching it would make the tests say nothing."
    TAUGHT = "The assistant was taught this already, or nearly."
    WAITING = "Another example says the same, or nearly."
    ELSEWHERE = "The same words are an example of something else already."


NOTHING_TO_TEACH = frozenset({Fault.TEST, Fault.TAUGHT, Fault.WAITING})
"""With these a correction proposes no example; the others are mended by whoever accepts it."""


class Unfit(NeedlewiseError):
    """An example that cannot be accepted as it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class Gone(NeedlewiseError):
    """There is no such example in the state it was seen in: somebody else has decided meanwhile."""


@dataclass(frozen=True)
class Example:
    """What somebody may say, and what it asks for."""

    id: str
    intent: str
    text: str


@dataclass(frozen=True)
class Kept:
    """An example as staff see it."""

    id: str
    clinic: str
    intent: str
    text: str
    state: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    conversation: str | None
    """None when what proposed it is gone."""
    has_siblings: bool
    """Whether the same correction proposed others: the message asked several things."""

    @property
    def stand_in(self) -> str:
        """The text with something neutral for each mask, to begin editing with."""
        return stand_in(self.text)

    @property
    def is_masked(self) -> bool:
        return is_masked(self.text)


def cleaned(text: str) -> str:
    """One line of printable characters: what the lines of a YAML file can hold, whatever a patient wrote."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def is_masked(text: str) -> bool:
    """Whether something was taken out of a redacted text."""
    return _MASK.search(text) is not None


def stand_in(text: str) -> str:
    """A redacted text with neutral words for its masks: "im [name], call [phone]" becomes "im Sam, call my number"."""
    return _MASK.sub(lambda mask: _STAND_INS[mask[1].upper()], text)


def fault_of(text: str, intent: str, known: Known, beside: Iterable[Example] = ()) -> Fault | None:
    """What keeps a cleaned text from being an example of this intent; `beside` are the other examples of the console."""
    if not any(letter.isalnum() for letter in text):
        return Fault.EMPTY
    if intent not in INTENTS:
        return Fault.NO_INTENT
    return _copied(text, intent, known, beside) or _unfit_words(text)


def _unfit_words(text: str) -> Fault | None:
    if len(text) > LONGEST:
        return Fault.LONG
    if is_masked(text):
        return Fault.MASKED
    if "[" in text or "]" in text:
        return Fault.BRACKETS
    if FILL_IN in text:
        return Fault.UNFINISHED
    if any(next(find(text), None) for find in _FINDERS):
        return Fault.PERSONAL
    return None


def _copied(text: str, intent: str, known: Known, beside: Iterable[Example]) -> Fault | None:
    one = Shelf.of([text])
    if known.tests is not None and copies(one, known.tests):
        return Fault.TEST
    taught = [copy for _, copy in copies(one, known.taught, bare_words=0)]
    if any(known.intents[copy] == intent for copy in taught):
        return Fault.TAUGHT
    others = {example.text: example.intent for example in beside}
    waiting = [copy for _, copy in copies(one, Shelf.of(others), bare_words=0)]
    if any(others[copy] == intent for copy in waiting):
        return Fault.WAITING
    if any(plain(copy) == plain(text) for copy in (*taught, *waiting)):
        return Fault.ELSEWHERE
    return None


# -- keeping them ----------------------------------------------------------------------------------------------------


async def accepted(engine: AsyncEngine) -> list[Example]:
    """All that editors accepted, at every clinic, the published ones among them: a model is trained from the files and all of these.

    Those of a deployment whose examples were exported may stand in data/nlu as well.
    """
    return await _examples(engine, (ACCEPTED, PUBLISHED))


async def mark_published(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Note, in the transaction that puts a model live, that it was trained with these. One taken back meanwhile stays so."""
    await connection.execute(
        update(examples).where(examples.c.id.in_(ids), examples.c.state == ACCEPTED).values(state=PUBLISHED)
    )


async def standing(engine: AsyncEngine) -> list[Example]:
    """All that was not rejected, at every clinic: what a new proposal may not say again."""
    return await _examples(engine, (PROPOSED, ACCEPTED, PUBLISHED))


async def _examples(engine: AsyncEngine, states: Collection[str]) -> list[Example]:
    query = (
        select(examples.c.id, examples.c.intent, examples.c.text)
        .where(examples.c.state.in_(states))
        .order_by(examples.c.created_at, examples.c.id)
    )
    async with reading(engine).connect() as connection:
        return [Example(*row) for row in await connection.execute(query)]


async def propose(
    connection: AsyncConnection, clinic: str, correction: str, proposals: Iterable[tuple[str, str]]
) -> None:
    """Keep (intent, text) pairs for an editor to decide about."""
    for intent, text in proposals:
        await connection.execute(
            insert(examples).values(
                id=uuid.uuid4().hex,
                clinic=clinic,
                correction=correction,
                intent=intent,
                text=text,
                state=PROPOSED,
                created_at=clock.now(),
            )
        )


async def kept(
    engine: AsyncEngine, clinics: Collection[str], states: Collection[str], *, limit: int, after: int = 0
) -> list[Kept]:
    """Examples of these clinics in these states, the newest first."""
    other = examples.alias()
    siblings = (
        select(other.c.correction)
        .where(other.c.correction == examples.c.correction, other.c.id != examples.c.id)
        .exists()
    )
    query = (
        select(examples, corrections.c.conversation, siblings.label("has_siblings"))
        .select_from(examples.outerjoin(corrections, corrections.c.id == examples.c.correction))
        .where(examples.c.clinic.in_(clinics), examples.c.state.in_(states))
        .order_by(examples.c.created_at.desc(), examples.c.id)
        .limit(limit)
        .offset(after)
    )
    async with reading(engine).connect() as connection:
        rows = (await connection.execute(query)).all()
    return [
        Kept(
            row.id, row.clinic, row.intent, row.text, row.state, row.created_at,
            row.decided_by, row.decided_at, row.conversation, bool(row.has_siblings),
        )
        for row in rows
    ]  # fmt: skip


async def count(engine: AsyncEngine, clinics: Collection[str], state: str) -> int:
    """How many examples of these clinics are in this state."""
    query = select(func.count()).where(examples.c.clinic.in_(clinics), examples.c.state == state)
    async with reading(engine).connect() as connection:
        return int(await connection.scalar(query))


async def clinic_of(engine: AsyncEngine, example: str) -> str | None:
    """Whose example this is; None where there is no such."""
    query = select(examples.c.clinic).where(examples.c.id == example)
    async with reading(engine).connect() as connection:
        clinic: str | None = await connection.scalar(query)
    return clinic


async def decide(
    engine: AsyncEngine,
    audit: AuditLog,
    example: str,
    *,
    state: str,
    by: str,
    entry: Entry,
    intent: str | None = None,
    text: str | None = None,
) -> None:
    """Accept or reject a proposal, or reject what was accepted or published before. The caller has checked the text.

    Raises Gone when it is not (any more) in a state from which that is possible.
    """
    before = (PROPOSED,) if state == ACCEPTED else (PROPOSED, ACCEPTED, PUBLISHED)
    values = {"state": state, "decided_by": by, "decided_at": clock.now()}
    if state == ACCEPTED:
        values.update(intent=intent, text=text)
    async with engine.begin() as connection:
        changed = await connection.execute(
            update(examples).where(examples.c.id == example, examples.c.state.in_(before)).values(**values)
        )
        if changed.rowcount == 0:
            raise Gone("somebody has decided about this example meanwhile")
        await audit.record(entry, connection)
