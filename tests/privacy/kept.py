"""Everything that may be kept of one patient, with a word in it that can be looked for in the files of the database."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import insert, update

from needlewise import clock
from needlewise.booking.requests import Details, Request
from needlewise.conversations.log import Conversation, Inbound, Outgoing, Verdict
from needlewise.conversations.state import State
from needlewise.conversations.threads import KEPT_AS, conversation_id, thread_id
from needlewise.db.outbox import enqueue
from needlewise.db.sealing import kept_secret
from needlewise.db.tables import (
    candidates,
    consent_changes,
    conversation_tags,
    corrections,
    examples,
    inbox,
    notes,
    outbox,
    threads,
)
from needlewise.wiring import Services

NUMBER, OURS = "+14105550123", "+12025550100"


@dataclass
class Patient:
    """One with a conversation; `word` is in everything that is written in it and about it."""

    services: Services
    word: str
    clinic: str = "demo"
    channel: str = "web"
    conversation: str = ""
    token: str = ""
    said: list[str] = field(default_factory=list)
    """Ids of what they said."""
    references: list[str] = field(default_factory=list)

    @property
    def _conversation(self) -> Conversation:
        return Conversation(self.conversation, self.clinic, self.channel, "en")

    async def arrives(self) -> "Patient":
        """A chat on the website."""
        conversation, self.token = await self.services.log.open(self.clinic, "web", "en", state=State())
        self.conversation = conversation.id
        return self

    async def texts(self, *, epoch: int = 1, number: str = NUMBER) -> str:
        """A conversation by text, and the row of its number; the thread."""
        services, at = self.services, clock.now()
        thread = thread_id(await kept_secret(services.engine, services.seal, KEPT_AS), OURS, number)
        self.channel, self.conversation = "sms", conversation_id(thread, epoch)
        await services.log.begin(self._conversation, State())
        values: dict[str, Any] = {"epoch": epoch, "conversation": self.conversation, "last_at": at}
        async with services.engine.begin() as connection:
            if epoch > 1:
                await connection.execute(update(threads).where(threads.c.id == thread).values(**values))
                return thread
            await connection.execute(
                insert(threads).values(
                    id=thread,
                    clinic=self.clinic,
                    clinic_number=OURS,
                    number_sealed=services.seal.seal(number.encode()),
                    first_at=at,
                    **values,
                )
            )
        return thread

    async def says(self, words: str) -> str:
        """A message and its answer, redacted and searchable, with a thumb down; the message's id."""
        log = self.services.log
        claim = await log.claim(self._conversation, uuid.uuid4().hex, Inbound(f"{words} {self.word}"))
        wire = {"id": uuid.uuid4().hex, "text": f"You said {self.word}", "kind": "answer", "choices": []}
        await log.commit(
            self._conversation,
            claim,
            state=State(slots={"first_name": self.word}),
            outgoing=[Outgoing(wire, str(wire["text"]), "answer", ())],
            heard=None,
            verdict=Verdict(),
            latency_ms=1.0,
        )
        await log.keep_redacted([(claim.message, claim.inbound.text)])
        self.said.append(claim.message)
        await log.rate(self._conversation, str(wire["id"]), "down", f"because {self.word}")
        return claim.message

    async def is_spoken_of(self) -> None:
        """Staff note, tag, correct and propose, and a candidate's report quotes it."""
        seal, at = self.services.seal, clock.now()
        correction = uuid.uuid4().hex
        own = {"clinic": self.clinic, "conversation": self.conversation}

        def sealed() -> bytes:
            return seal.seal(f"a word on {self.word}".encode())

        rows: list[Any] = [
            insert(notes).values(id=uuid.uuid4().hex, author="m", at=at, body_sealed=sealed(), **own),
            insert(conversation_tags).values(tag=self.word, **own),
            insert(corrections).values(
                id=correction,
                message=self.said[0],
                by="m",
                at=at,
                verdict="topics",
                topics=["cost"],
                comment_sealed=sealed(),
                **own,
            ),
            insert(candidates).values(
                id=uuid.uuid4().hex,
                by="m",
                at=at,
                state="ready",
                state_at=at,
                progress=1.0,
                examples=[],
                report_sealed=sealed(),
            ),
        ]
        rows += [
            insert(examples).values(
                id=uuid.uuid4().hex,
                clinic=self.clinic,
                correction=correction,
                intent="cost",
                text=words,
                state=state,
                created_at=at,
            )
            for state, words in (
                ("proposed", self.word),
                ("rejected", self.word),
                ("accepted", "what is the fee"),
                ("published", "what is the price"),
            )
        ]
        async with self.services.engine.begin() as connection:
            for row in rows:
                await connection.execute(row)

    async def asks_for_a_visit(self, contact: str = "(410) 555-0123") -> str:
        """A request; its reference."""
        details = Details(self.word, contact, f"after {self.word}")
        request = Request(self.clinic, uuid.uuid4().hex, self.conversation, "visit", details)
        kept = await self.services.requests.submit(request, self.services.library.clinic(self.clinic))
        self.references.append(kept.reference)
        return kept.reference

    async def is_texted(self, thread: str, *, sent: bool = True) -> None:
        """A text in the outbox, and one in the inbox that never got its turn."""
        services, at = self.services, clock.now()
        once = uuid.uuid4().hex
        payload = {"to": NUMBER, "from": OURS, "body": f"hello {self.word}"}
        parcel = {"clinic": self.clinic, "kind": "sms", "once": once, "payload": payload, "thread": thread}
        async with services.engine.begin() as connection:
            await enqueue(connection, services.seal, **parcel)  # type: ignore[arg-type]
            if sent:
                done = update(outbox).where(outbox.c.once == once)
                await connection.execute(done.values(sent_at=at, next_try_at=None))
            await connection.execute(
                insert(inbox).values(
                    provider_id=once,
                    clinic=self.clinic,
                    thread=thread,
                    payload_sealed=services.seal.seal(msgspec.json.encode(payload)),
                    received_at=at,
                    ready_at=at,
                    tries=0,
                )
            )

    async def says_stop(self, thread: str) -> None:
        """The number opts out."""
        at = clock.now()
        async with self.services.engine.begin() as connection:
            await connection.execute(update(threads).where(threads.c.id == thread).values(opted_out_at=at))
            await connection.execute(
                insert(consent_changes).values(
                    id=uuid.uuid4().hex,
                    thread=thread,
                    clinic=self.clinic,
                    clinic_number=OURS,
                    at=at,
                    change="out",
                    wording="keyword",
                    source="patient",
                )
            )


async def everything(services: Services, word: str, *, clinic: str = "demo") -> Patient:
    """A chat of which there is everything."""
    patient = await Patient(services, word, clinic).arrives()
    await patient.says("does it hurt")
    await patient.says("and how much")
    await patient.is_spoken_of()
    await patient.asks_for_a_visit()
    return patient
