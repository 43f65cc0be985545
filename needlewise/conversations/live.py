"""A member of staff in a conversation: stepping in, speaking, stepping out, and what the patient is told of it.

Who is there stands in the conversation's row (`live_by`, `live_at`), and every change is one transaction with the message that tells the patient,
so that a crash leaves either both or neither. Turns are claimed and committed under what that row says (presence.py).
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.content.rendered import Rendered
from needlewise.conversations.log import Also, Claim, Outgoing
from needlewise.conversations.presence import BACK, SILENCE, Present, present
from needlewise.conversations.state import decode_state
from needlewise.db.audit import SERVICE, AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.news import News
from needlewise.db.outbox import WAITS, enqueue
from needlewise.db.sealing import Seal
from needlewise.db.tables import conversations, messages, threads
from needlewise.errors import NeedlewiseError
from needlewise.text.segments import cut, folded, segments

SAID = "said"
"""News: a message was said outside a turn, "conversation message"; nothing after it when news may have been lost."""

LONGEST = 1600
"""Characters of one message of staff. As texts, that is a handful."""

_PARTS = 3
"""Parts of one text, as of the assistant's."""

Say = Callable[[str, str, str], Rendered]
"""The words of a phrase for a clinic and a channel."""


class SomebodyElse(NeedlewiseError):
    """Another member of staff speaks there: `by` is their account's id, empty where nobody does any more."""

    def __init__(self, by: str) -> None:
        super().__init__(
            "another member of staff is in this conversation" if by else "nobody is in it any more"
        )
        self.by = by


class OutOfReach(NeedlewiseError):
    """Nothing that is written there gets to the patient; `why` is ended, stopped or gone."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the patient cannot be reached: {why}")
        self.why = why


@dataclass(frozen=True)
class Scene:
    """A conversation as somebody sees it who may step in."""

    conversation: str
    clinic: str
    channel: str
    by: str
    """Who is in it, by account id; empty where nobody is."""
    out_of_reach: str
    """Why nothing gets to the patient: ended, stopped or gone; empty where it does."""
    alert: str
    """The newest message in which triage found something: its id."""
    level: str
    """How grave that was."""
    alert_at: datetime | None


def notice(rendered: Rendered) -> Outgoing:
    """A phrase outside a turn's dialogue, as the log keeps it. It has no choices of its own."""
    wire = _wire(rendered.text, rendered.kind, links=msgspec.to_builtins(rendered.links))
    return Outgoing(wire, rendered.text, rendered.kind, ())


def texts_of(words: str) -> list[str]:
    """What is sent by text for these words: one text of at most three parts, or several."""
    return cut(folded(words), _PARTS)


def parts_of(words: str) -> int:
    """The parts in which a carrier sends, and bills, these words."""
    return sum(segments(text).count for text in texts_of(words))


class LiveHelp:
    """Stepping in and out of conversations, over any channel."""

    def __init__(
        self,
        engine: AsyncEngine,
        seal: Seal,
        audit: AuditLog,
        news: News,
        *,
        say: Say,
        session_hours: int,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._seal = seal
        self._audit = audit
        self._news = news
        self._say = say
        self._session = timedelta(hours=session_hours)

    async def look(self, conversation: str) -> Scene | None:
        """How it stands; None for a conversation that does not exist or was forgotten."""
        async with self._reading.connect() as connection:
            row = await self._row(connection, conversation)
            if row is None:
                return None
            why, _ = await self._reach(connection, row)
            urgent = (
                await connection.execute(
                    select(messages.c.id, messages.c.safety_level, messages.c.at)
                    .where(messages.c.conversation == conversation, messages.c.safety_level.is_not(None))
                    .order_by(messages.c.position.desc())
                    .limit(1)
                )
            ).one_or_none()
        found = present(row.live_by, row.live_at)
        return Scene(
            conversation,
            row.clinic,
            row.channel,
            found.by if found and not found.is_over else "",
            why,
            urgent.id if urgent else "",
            urgent.safety_level if urgent else "",
            urgent.at if urgent else None,
        )

    async def step_in(self, conversation: str, by: str, entry: Entry, *, over: str = "") -> None:
        """From now on `by` speaks, and the assistant is silent; the patient is told. Who is in already stays, untold.

        `over` names the colleague whose place is taken. Raises SomebodyElse when another one is in, and OutOfReach.
        """

        async def change(connection: AsyncConnection) -> list[str]:
            row = await self._writable(connection, conversation)
            found = present(row.live_by, row.live_at)
            if found is not None and not found.is_over and found.by not in (by, over):
                raise SomebodyElse(found.by)
            said = []
            if found is None:
                said.append(await self._tell(connection, row, "live.here"))
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation)
                .values(live_by=by, live_at=clock.now(), state_sealed=self._set_aside(row.state_sealed))
            )
            await self._audit.record(entry, connection)
            return said

        await self._change(conversation, change)

    async def speak(self, conversation: str, by: str, words: str, entry: Entry, *, once: str) -> None:
        """Say something to the patient. `once` is the form's own id: sent again, it is said one time.

        The words are stored sealed, and redacted for reading like a patient's: staff may write a name or a number. Raises SomebodyElse
        when `by` is not in the conversation (any more), OutOfReach, and NeedlewiseError for words that are none or too many.
        """
        words = words.strip()
        if not words or len(words) > LONGEST:
            raise NeedlewiseError(f"a message has 1 to {LONGEST} characters")

        async def change(connection: AsyncConnection) -> list[str]:
            row = await self._writable(connection, conversation)
            if row.live_by != by:
                raise SomebodyElse(row.live_by or "")
            client_id = f"staff/{once}"[:64]
            again = select(messages.c.id).where(
                messages.c.conversation == conversation, messages.c.client_id == client_id
            )
            if await connection.scalar(again) is not None:
                return []
            wire = _wire(words, "handoff", by="staff")
            await self._store(connection, row, wire, kind="staff", author=by, client_id=client_id)
            await connection.execute(
                update(conversations).where(conversations.c.id == conversation).values(live_at=clock.now())
            )
            await self._audit.record(entry, connection)
            return [str(wire["id"])]

        await self._change(conversation, change)

    async def step_out(self, conversation: str, by: str, entry: Entry) -> None:
        """The assistant is back, and the patient is told where that gets to them. Raises SomebodyElse when `by` is not in."""

        async def change(connection: AsyncConnection) -> list[str]:
            row = await self._row(connection, conversation, lock=True)
            if row is None or row.live_by != by:
                raise SomebodyElse(row.live_by or "" if row else "")
            return await self._end(connection, row, entry)

        await self._change(conversation, change)

    async def end_silent(self) -> int:
        """Step out of every conversation in which staff have said nothing for SILENCE; how many those were."""
        query = select(conversations.c.id).where(
            conversations.c.live_at <= clock.now() - SILENCE,
            conversations.c.live_by.is_not(None),
            conversations.c.forgotten_at.is_(None),
        )
        async with self._reading.connect() as connection:
            found = list((await connection.execute(query)).scalars())
        return sum([await self._end_if_silent(conversation) for conversation in found])

    async def said(self, message: str) -> tuple[dict[str, Any], ...]:
        """The wire form of a message by its id; nothing where it is gone."""
        query = select(messages.c.body_sealed).where(
            messages.c.id == message, messages.c.direction == "out", messages.c.body_sealed.is_not(None)
        )
        async with self._reading.connect() as connection:
            sealed = await connection.scalar(query)
        return () if sealed is None else (msgspec.json.decode(self._seal.open(sealed)),)

    async def newest(self, conversation: str) -> tuple[dict[str, Any], ...]:
        """The last message that was said outside a turn, in its wire form: for whoever may have missed news of it."""
        query = (
            select(messages.c.id)
            .where(
                messages.c.conversation == conversation,
                messages.c.direction == "out",
                messages.c.reply_to.is_(None),
            )
            .order_by(messages.c.position.desc())
            .limit(1)
        )
        async with self._reading.connect() as connection:
            found = await connection.scalar(query)
        return () if found is None else await self.said(found)

    def back(self, clinic: str, channel: str) -> Outgoing:
        """What the assistant says when it is back."""
        return notice(self._say(BACK, clinic, channel))

    def ends(self, conversation: str, clinic: str, claim: Claim) -> Also | None:
        """What is to be done with the commit of a message to which the assistant is back: the audit row. None for any other message."""
        if claim.live is None or not claim.live.is_over:
            return None
        entry = _because_of_silence(conversation, clinic, claim.live)

        async def record(connection: AsyncConnection, message: str) -> None:
            await self._audit.record(entry, connection)

        return record

    # -- within one transaction ------------------------------------------------------------------------------------------

    async def _change(
        self, conversation: str, change: Callable[[AsyncConnection], Any], *, tries: int = 3
    ) -> None:
        """Run a change and tell whoever listens. A message of the patient may take the place of ours at the same moment: then again."""
        for left in reversed(range(tries)):
            try:
                async with self._engine.begin() as connection:
                    said = await change(connection)
                break
            except IntegrityError:
                if not left:
                    raise
        for message in said:
            await self._news.announce(SAID, f"{conversation} {message}")
        if said:
            await self._news.announce(WAITS)

    async def _end_if_silent(self, conversation: str) -> bool:
        ended = False

        async def change(connection: AsyncConnection) -> list[str]:
            nonlocal ended
            row = await self._row(connection, conversation, lock=True)
            found = None if row is None else present(row.live_by, row.live_at)
            if row is None or found is None or not found.is_over:
                return []
            ended = True
            return await self._end(connection, row, _because_of_silence(conversation, row.clinic, found))

        await self._change(conversation, change)
        return ended

    async def _end(self, connection: AsyncConnection, row: Row, entry: Entry) -> list[str]:
        why, _ = await self._reach(connection, row)
        said = [] if why else [await self._tell(connection, row, BACK)]
        await connection.execute(
            update(conversations).where(conversations.c.id == row.id).values(live_by=None, live_at=None)
        )
        await self._audit.record(entry, connection)
        return said

    async def _writable(self, connection: AsyncConnection, conversation: str) -> Row:
        row = await self._row(connection, conversation, lock=True)
        why = "gone" if row is None else (await self._reach(connection, row))[0]
        if row is None or why:
            raise OutOfReach(why)
        return row

    async def _row(self, connection: AsyncConnection, conversation: str, *, lock: bool = False) -> Row | None:
        query = select(conversations).where(
            conversations.c.id == conversation, conversations.c.forgotten_at.is_(None)
        )
        # The conversation first, as in the log's commit: one of the two waits for the other.
        return (await connection.execute(query.with_for_update() if lock else query)).one_or_none()

    async def _reach(self, connection: AsyncConnection, row: Row) -> tuple[str, Row | None]:
        """Why nothing gets to the patient, or ""; and the thread of texts, where it is one."""
        if row.erased_at is not None or row.state_sealed is None:
            return "gone", None
        if row.channel != "sms":
            is_over = row.token_hash is None or row.last_at + self._session < clock.now()
            return ("ended" if is_over else ""), None
        thread = (
            await connection.execute(select(threads).where(threads.c.conversation == row.id))
        ).one_or_none()
        if thread is None or not thread.number_sealed:
            return "ended", None
        return ("stopped" if thread.opted_out_at is not None else ""), thread

    async def _tell(self, connection: AsyncConnection, row: Row, key: str) -> str:
        rendered = self._say(key, row.clinic, row.channel)
        outgoing = notice(rendered)
        await self._store(connection, row, outgoing.wire, kind=outgoing.kind, redacted=outgoing.text)
        return str(outgoing.wire["id"])

    async def _store(
        self,
        connection: AsyncConnection,
        row: Row,
        wire: dict[str, Any],
        *,
        kind: str,
        redacted: str | None = None,
        author: str | None = None,
        client_id: str | None = None,
    ) -> None:
        """Put a message into the log, and into the outbox where it goes by text."""
        at = clock.now()
        await connection.execute(update(conversations).where(conversations.c.id == row.id).values(last_at=at))
        last = select(func.coalesce(func.max(messages.c.position), 0) + 1)
        await connection.execute(
            insert(messages).values(
                id=wire["id"],
                clinic=row.clinic,
                conversation=row.id,
                position=last.where(messages.c.conversation == row.id).scalar_subquery(),
                direction="out",
                channel=row.channel,
                client_id=client_id,
                at=at,
                body_sealed=self._seal.seal(msgspec.json.encode(wire)),
                redacted=redacted,
                kind=kind,
                author=author,
                answers=[],
            )
        )
        _, thread = await self._reach(connection, row)
        if thread is None:
            return
        number = self._seal.open(thread.number_sealed).decode()
        for place, body in enumerate(texts_of(wire["text"])):
            payload = {
                "to": number,
                "from": thread.clinic_number,
                "body": body,
                "last": False,
                "urgent": False,
            }
            await enqueue(
                connection,
                self._seal,
                clinic=row.clinic,
                kind="sms",
                once=f"live/{wire['id']}/{place}",
                payload=payload,
                thread=thread.id,
                sender=thread.clinic_number,
            )

    def _set_aside(self, sealed: bytes) -> bytes:
        """The dialogue as it is, but that a bare yes, no or number answers nothing which the assistant asked before."""
        state = decode_state(self._seal.open(sealed))
        asked = BACK if state.form and state.asked is None else state.asked
        return self._seal.seal(msgspec.structs.replace(state, offered=(), asked=asked).encode())


def _because_of_silence(conversation: str, clinic: str, found: Present) -> Entry:
    details = {"by": found.by, "because": "silence"}
    return Entry(SERVICE, "conversation/step-out", clinic=clinic, subject=conversation, details=details)


def _wire(text: str, kind: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"choices": [], "input": None, "links": [], "answers": []}
    return {"id": uuid.uuid4().hex, "text": text, "kind": kind, **empty, **more}
