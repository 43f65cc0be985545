"""Filling a database: each made-up patient talks with the assistant, and staff do something with what came of it.

Every conversation goes through the service's own claim, turn and commit, at the time it is meant to have happened. Ids are given by seed
and number, and so are the messages' own: a run that was killed takes up the conversation that it was at, and nothing is said twice.
"""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise import clock
from needlewise.booking.queue import State as Stands
from needlewise.booking.requests import delivery
from needlewise.channels.service import ChatService
from needlewise.conversations.demonstration import (
    demonstration_id,
    holds_real,
    kept_mark,
    made_up,
    mark_demonstration,
)
from needlewise.conversations.figures import GRAVE
from needlewise.conversations.log import Conversation, Inbound
from needlewise.conversations.state import State
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.db.tables import conversations, outbox, requests
from needlewise.demo import words
from needlewise.demo.patients import Patient, make_patient
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

SEED = 1
_WHY = "demonstration data"
_TAGS = {
    "visit": "booking",
    "unknown": "missing answer",
    "person": "call again",
    "urgent": "urgent",
    "stop": "opt out",
}

Told = Callable[[int, int], None]
"""Is told how many conversations stand, out of how many."""


class Refused(NeedlewiseError):
    """The database is no place for made-up patients."""


@dataclass
class Hand:
    """The hand of the clock, moved by whoever holds it."""

    at: datetime

    def read(self) -> datetime:
        return self.at


async def refuse(services: Services) -> None:
    """Raise Refused in production, and over a database with a conversation that was not made up."""
    if services.settings.production:
        raise Refused("demonstration data are never put into a production database (NEEDLEWISE_PRODUCTION)")
    async with services.engine.connect() as connection:
        if await holds_real(connection):
            raise Refused(
                "the database holds conversations that are not made up: name another with NEEDLEWISE_DATABASE_URL"
            )


async def fill(
    services: Services,
    turns: Turns,
    *,
    number: int,
    clinics: list[str],
    seed: int = SEED,
    told: Told = lambda done, of: None,
) -> int:
    """Let so many made-up conversations stand in the database, oldest first; how many were added. Raises Refused.

    They fill the 90 days before the first run's time, which later runs keep.
    """
    await refuse(services)
    async with services.engine.begin() as connection:
        held = await kept_mark(connection, services.seal)
        mark = json.loads(held) if held else {"until": clock.now().isoformat(), "under_way": ""}
        until = datetime.fromisoformat(mark["until"])
        await _mark(services, connection, until, mark["under_way"])
        standing = await made_up(connection) - {mark["under_way"]}
    planned = []
    for at in range(number):
        clinic = clinics[at % len(clinics)]
        patient = make_patient(seed, at, until=until, zone=services.zone(clinic))
        planned.append((patient.begins_at, at, clinic, patient))
    planned.sort(key=lambda one: one[:2])
    waiting = [one for one in planned if demonstration_id(seed, one[1]) not in standing]
    hand = Hand(until)
    chat = ChatService(services)
    chat.turns = turns
    with clock.told_by(hand.read):
        for done, (begins_at, at, clinic, patient) in enumerate(waiting, len(planned) - len(waiting) + 1):
            id = demonstration_id(seed, at)
            async with services.engine.begin() as connection:
                await _mark(services, connection, until, id)
            hand.at = begins_at
            conversation = Conversation(id, clinic, patient.channel, "en")
            await _talk(services, chat, conversation, patient, hand)
            await _redact(services)
            await _staff(services, conversation, patient, hand, until)
            told(done, len(planned))
    async with services.engine.begin() as connection:
        await _mark(services, connection, until, "")
    return len(waiting)


async def _mark(services: Services, connection: AsyncConnection, until: datetime, under_way: str) -> None:
    held = {"until": until.isoformat(), "under_way": under_way}
    await mark_demonstration(connection, services.seal, json.dumps(held).encode())


async def _talk(
    services: Services, chat: ChatService, conversation: Conversation, patient: Patient, hand: Hand
) -> None:
    """The whole of a conversation, or what is missing of it."""
    log, place = services.log, services.place(conversation.clinic, conversation.channel, "en")
    outgoing, state = chat.turns.open(place, State()) if chat.turns else ((), State())
    if conversation.channel == "web":
        await log.begin(conversation, state, opening=outgoing)
    else:
        await log.begin(conversation, State())
    sent = 0
    for said in patient.says:
        inbound = None
        while True:
            hand.at += patient.pause()
            sent += 1
            client_id = f"demo-{conversation.id}-{sent}"
            wires = await chat.take(conversation, client_id, Inbound(said) if inbound is None else inbound)
            hand.at += timedelta(seconds=1)
            answered = [wire["id"] for wire in wires if wire.get("answers")]
            if answered and patient.rng.random() < 0.1:
                verdict = "up" if patient.rng.random() < 0.75 else "down"
                reason = (
                    patient.rng.choice(words.DISLIKES)
                    if verdict == "down" and patient.rng.random() < 0.5
                    else None
                )
                await log.rate(conversation, answered[-1], verdict, reason)
            inbound = patient.answer(wires)
            if inbound is None:
                break


async def _redact(services: Services) -> None:
    """Nobody reads a message before this: what the running service does by itself."""
    while waiting := await services.log.unredacted():
        texts = [(message, await services.redacted(said)) for message, said in waiting]
        await services.log.keep_redacted(texts)


async def _staff(
    services: Services, conversation: Conversation, patient: Patient, hand: Hand, until: datetime
) -> None:
    """What the desk did afterwards: reviewed, tagged, called back. What came in last waits still, as it would."""
    # A die of its own: how often the patient's was thrown depends on what the assistant said.
    rng = random.Random(f"staff/{conversation.id}")  # noqa: S311
    ended = hand.at
    async with services.engine.connect() as connection:
        row = (
            await connection.execute(select(conversations).where(conversations.c.id == conversation.id))
        ).one()
        sent = select(requests.c.reference).where(requests.c.conversation == conversation.id)
        references = list((await connection.execute(sent)).scalars())
    if references:
        await _not_posted(services, references)
    for reference in references:
        await _call_back(services, conversation, reference, rng, hand, until)
    hand.at = ended + timedelta(minutes=rng.randint(5, 90) if row.safety in GRAVE else rng.randint(60, 4000))
    if hand.at < until and rng.random() < (0.93 if row.safety in GRAVE else 0.7):
        clinics = [conversation.clinic]
        tag = _TAGS.get(patient.plot)
        if tag and rng.random() < 0.5:
            await services.review.tag(conversation.id, clinics, _entry("conversation/tag"), tag=tag)
        await services.review.mark_reviewed(
            conversation.id, clinics, _entry("conversation/review"), by=COMMAND_LINE
        )
    elif hand.at < until and rng.random() < 0.1:
        await services.review.flag(
            conversation.id, [conversation.clinic], _entry("conversation/flag"), on=True
        )


async def _call_back(
    services: Services,
    conversation: Conversation,
    reference: str,
    rng: random.Random,
    hand: Hand,
    until: datetime,
) -> None:
    """Most are called within a day, and most of those are booked."""
    steps = rng.choice(
        (
            (Stands.BOOKED,),
            (Stands.BOOKED,),
            (Stands.CALLED, Stands.BOOKED),
            (Stands.CALLED, Stands.BOOKED),
            (Stands.NO_ANSWER, Stands.BOOKED),
            (Stands.NO_ANSWER,),
            (Stands.CLOSED,),
            (),
        )
    )
    for to in steps:
        hand.at += timedelta(minutes=rng.randint(20, 1600))
        found = await services.bookings.show(reference)
        if hand.at >= until or found is None:
            return
        entry = Entry(
            COMMAND_LINE, "request/state", clinic=conversation.clinic, subject=reference, reason=_WHY
        )
        # A run that was killed may have done it already.
        with suppress(NeedlewiseError):
            await services.bookings.move(found.kept, to, entry)


async def _not_posted(services: Services, references: list[str]) -> None:
    """No mail and no webhook goes out for somebody who does not exist."""
    names = [name for reference in references for name in (delivery(reference), f"notice/{reference}")]
    async with services.engine.begin() as connection:
        await connection.execute(delete(outbox).where(outbox.c.once.in_(names), outbox.c.sent_at.is_(None)))


def _entry(action: str) -> Entry:
    return Entry(COMMAND_LINE, action, reason=_WHY)
