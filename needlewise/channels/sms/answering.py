"""Runs the turns of text messages: in order within a thread, whichever process they came in by, each committed once.

A turn's reply, the log's rows, the texts in the outbox, the thread's state and the end of the wait in the inbox are one transaction. A
crash before it leaves a text that waits; a crash after it leaves texts in the outbox. Between the two there is nothing.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise import clock, metrics
from needlewise.channels.service import ChatService, known_redacted
from needlewise.channels.silence import turn_of, with_return
from needlewise.channels.sms.consent import Wish, load_wishes
from needlewise.channels.sms.inbox import Inbox, Waiting, first_turn, joined
from needlewise.channels.sms.numbers import LAST, labelled, number_in
from needlewise.channels.sms.protocol import TextIn
from needlewise.channels.sms.texts import planned, said
from needlewise.channels.sms.threads import ConsentChange, Thread, Threads
from needlewise.content.render import Place
from needlewise.conversations.heard import Heard
from needlewise.conversations.log import (
    Claim,
    Conversation,
    Inbound,
    Meanwhile,
    Outgoing,
    UnknownToken,
    Verdict,
)
from needlewise.conversations.state import State
from needlewise.db.outbox import WAITS, drop_waiting, enqueue
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

TOGETHER = 4
"""Turns that run beside each other in one process. More would only wait for the processor."""

SWEEP_SECONDS = 0.5
"""How often the inbox is looked at without any news."""

_AGAIN = timedelta(seconds=2)
_MOST_TRIES = 4
"""Turns that failed before the patient gets an apology in place of an answer."""

INBOX = "inbox"
"""News between processes: a text waits there."""

_HEALTH_FORM = "screening_form"
_HELLO, _PRIVACY = "hello", "privacy"


_CALM = Verdict()


@dataclass(frozen=True)
class Reply:
    """What a text came to: what is logged and sent, and what is remembered."""

    state: State
    outgoing: tuple[Outgoing, ...] = ()
    heard: Heard | None = None
    verdict: Verdict = _CALM
    latency_ms: float = 0.0
    outcome: str = "notice"
    change: ConsentChange | None = None
    redacted: str | None = None


class Answering:
    """Answers what waits in the inbox. Several processes may run it over one database."""

    def __init__(self, services: Services, chat: ChatService, inbox: Inbox, threads: Threads) -> None:
        self._services = services
        self._chat = chat
        self._inbox = inbox
        self._threads = threads
        self._wishes = load_wishes(services.settings.content)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}
        """Threads to leave alone until a moment of time.monotonic: another process has them, or something failed."""
        self.woken = asyncio.Event()
        """Set when a text came in."""
        self.to_send = asyncio.Event()
        """Set when a turn left texts in the outbox."""
        services.news.hear(INBOX, lambda _: self.woken.set())

    async def run(self, stopping: asyncio.Event) -> None:
        """Answer until the service stops; then let the turns that run come to their end."""
        while not stopping.is_set():
            self.woken.clear()
            try:
                await self._begin_ready(stopping)
            except Exception as error:
                # Whatever it is, such as a database that starts again, the next look may find it gone.
                logger.error("the inbox cannot be read: %s", type(error).__name__)
            await clock.is_set(self.woken, within=SWEEP_SECONDS)
        if self._running:
            await asyncio.wait(self._running.values())

    async def _begin_ready(self, stopping: asyncio.Event) -> None:
        turns = self._chat.turns
        room = TOGETHER - len(self._running)
        if turns is None or room <= 0:
            return
        now = time.monotonic()
        self._resting = {thread: until for thread, until in self._resting.items() if until > now}
        but = [*self._running, *self._resting]
        for thread in await self._inbox.ready(clock.now(), but=but, limit=room):
            task = asyncio.create_task(self._answer_thread(thread, turns, stopping))
            self._running[thread] = task
            task.add_done_callback(partial(self._ended, thread))

    def _ended(self, thread: str, task: "asyncio.Task[None]") -> None:
        self._running.pop(thread, None)
        # Whatever came for it after our last look is found by the next one, which comes after the lock was given back.
        self.woken.set()

    async def _answer_thread(self, thread: str, turns: Turns, stopping: asyncio.Event) -> None:
        try:
            async with self._services.locks.tried(f"thread/{thread}") as mine:
                waiting = await self._inbox.waiting(thread) if mine else []
                while waiting and not stopping.is_set():
                    group = first_turn(waiting, clock.now())
                    if not group:
                        break
                    try:
                        await self._answer(group, turns)
                    except Meanwhile:
                        # Staff came, or went: it is taken once more.
                        continue
                    waiting = waiting[len(group) :]
            if mine and not waiting:
                return
        except (SQLAlchemyError, OSError, NeedlewiseError) as error:
            logger.error("a text waits: %s", type(getattr(error, "orig", None) or error).__name__)
        except Exception as error:
            # The error's text may hold a patient's words: only its type and where it happened are logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a text waits: %s\n%s", type(error).__name__, where)
        self._resting[thread] = time.monotonic() + SWEEP_SECONDS

    async def _answer(self, group: Sequence[Waiting], turns: Turns) -> None:
        """The turn of one text, from the claim in the log to the commit."""
        first, text = group[0], joined(group)
        at = clock.now()
        thread = await self._threads.of(text, first.clinic, first.received_at)
        wish = self._wishes.of(text.body, opted_out=thread.opted_out_at is not None)
        if wish is not None and wish.kind == "start" and thread.opted_out_at is not None:
            thread = replace(thread, epoch=thread.epoch + 1)
        thread, conversation, claim = await self._claimed(thread, group, text)
        place = self._services.place(thread.clinic, "sms", "en")
        try:
            reply = await self._reply(turns, thread, conversation, claim, text, wish, first.received_at)
        except (SQLAlchemyError, OSError, NeedlewiseError):
            raise
        except Exception as error:
            if first.tries < _MOST_TRIES:
                await self._inbox.failed(group, again_at=at + _AGAIN)
                raise
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a text cannot be answered: %s\n%s", type(error).__name__, where)
            reply = self._said("conversation.sorry", place, claim.state)
        if reply.change is None:
            # The confirmation of a stop stays the one text that goes out after it.
            outgoing = with_return(self._services, conversation, claim, reply.outgoing)
            reply = replace(reply, outgoing=outgoing)
        await self._commit(thread, conversation, claim, group, reply, at)
        metrics.turns.labels("sms", reply.outcome).inc()
        if reply.heard is not None:
            metrics.turn_seconds.labels("sms").observe(reply.latency_ms / 1000)
        self._chat.to_redact.set()
        if reply.outgoing:
            self.to_send.set()
            await self._services.news.tell(WAITS)

    async def _claimed(
        self, thread: Thread, group: Sequence[Waiting], text: TextIn
    ) -> tuple[Thread, Conversation, Claim]:
        """The text in the log of its conversation, which is begun with its first text, and anew when it was forgotten."""

        async def tie(connection: AsyncConnection, message: str) -> None:
            await self._inbox.begun(connection, group, message)

        inbound = Inbound(text.body)
        client_id = group[0].text.provider_id
        while True:
            conversation = Conversation(thread.conversation, thread.clinic, "sms", "en")
            try:
                claim = await self._services.log.claim(conversation, client_id, inbound, also=tie)
                return thread, conversation, claim
            except UnknownToken:
                if await self._services.log.begin(conversation, State()):
                    metrics.conversations.labels("sms").inc()
                else:
                    thread = replace(thread, epoch=thread.epoch + 1)

    async def _commit(
        self,
        thread: Thread,
        conversation: Conversation,
        claim: Claim,
        group: Sequence[Waiting],
        reply: Reply,
        at: datetime,
    ) -> None:
        texts = planned(reply.outgoing)
        change = reply.change
        leaves = change is not None and change.change == "out"
        ends = self._services.live_help.ends(conversation.id, conversation.clinic, claim)
        urgent = any(message.kind in ("urgent", "crisis") for message in reply.outgoing)

        async def also(connection: AsyncConnection, message: str) -> None:
            if leaves:
                await drop_waiting(connection, thread.id, "opted out")
            for number, body in enumerate(texts.texts):
                await enqueue(
                    connection,
                    self._services.seal,
                    clinic=thread.clinic,
                    kind="sms",
                    once=f"reply/{message}/{number}",
                    payload={
                        "to": thread.number,
                        "from": thread.clinic_number,
                        "body": body,
                        # The confirmation of a stop is the one text that goes out after it.
                        "last": leaves,
                        "urgent": urgent,
                    },
                    thread=thread.id,
                    sender=thread.clinic_number,
                )
            await self._threads.keep(connection, thread, group[0].received_at, change)
            await self._inbox.done(connection, group)
            if ends is not None:
                await ends(connection, message)

        state = msgspec.structs.replace(
            reply.state, offered=texts.offered, offered_at=clock.now().isoformat()
        )
        await self._services.log.commit(
            conversation,
            claim,
            state=state,
            outgoing=reply.outgoing,
            heard=reply.heard,
            verdict=reply.verdict,
            latency_ms=reply.latency_ms,
            redacted=reply.redacted,
            opted_out=None if change is None else leaves,
            also=also,
        )

    async def _reply(
        self,
        turns: Turns,
        thread: Thread,
        conversation: Conversation,
        claim: Claim,
        text: TextIn,
        wish: Wish | None,
        received_at: datetime,
    ) -> Reply:
        """What is said to a text. Consent comes first, then what is not words, then a number, then the turn."""
        place = self._services.place(thread.clinic, "sms", "en")
        state = claim.state
        if wish is not None and wish.alone:
            return self._wished(wish, thread, text, place, state)
        if thread.opted_out_at is not None:
            # They said stop: what they write is kept for staff, and nothing is sent until they say start.
            return Reply(state, outcome="opted_out")
        body = claim.inbound.text
        if not body.strip():
            if claim.is_silent and not text.media:
                return Reply(state, outcome="silent")
            return self._introduced(
                self._said("sms.no_media" if text.media else "conversation.empty", place, state), place
            )
        if claim.is_silent:
            inbound: Inbound | None = Inbound(body)
        elif wish is None and not state.form and self._services.leaning.command(body) == "stop":
            # "Never mind" ends nothing here, and is no stop to texts: content/opt_out.yml knows what is.
            return self._introduced(self._said("conversation.deny", place, state), place)
        else:
            inbound = self._with_choice(body, state, received_at)
        if inbound is None:
            return self._put_again(place, state)
        turn = await turn_of(self._services, turns, conversation, claim, inbound, at=clock.now())
        reply = Reply(
            turn.state,
            turn.outgoing,
            turn.heard,
            turn.verdict,
            turn.latency_ms,
            turn.outcome,
            redacted=known_redacted(claim, turn),
        )
        if text.media and turn.verdict.level is None:
            reply = replace(reply, outgoing=(self._phrase("sms.no_media", place), *reply.outgoing))
        if wish is not None:
            return self._left(reply, wish, place)
        if turn.opt_out:
            # Understanding alone is too unsure to stop somebody's texts: "never mind" sounds like it.
            reply = replace(reply, outgoing=(self._phrase("sms.ask_stop", place),))
        return self._introduced(self._with_privacy(reply, state, place), place)

    def _wished(self, wish: Wish, thread: Thread, text: TextIn, place: Place, state: State) -> Reply:
        """The answer to a keyword; none where the provider gave it already, or where stop is said twice."""
        opted_out = thread.opted_out_at is not None
        heard = Heard(thread.clinic, channel="sms", act="opt_out" if wish.kind == "stop" else None)
        if wish.kind == "stop":
            change = None if opted_out else ConsentChange("out", wish.wording, "patient")
            silent = opted_out or text.handled == "STOP"
            outgoing = () if silent else (self._stopped(wish, place),)
            # A form that was open is left: its question would not be understood weeks later.
            left = msgspec.structs.replace(state, form=None, asked=None, slots=_without_question(state))
            return Reply(left, outgoing, heard, outcome="opt_out", change=change)
        if wish.kind == "start":
            change = ConsentChange("in", wish.wording, "patient") if opted_out else None
            told = (*state.told, _HELLO) if _HELLO not in state.told else state.told
            outgoing = () if text.handled == "START" else (self._phrase("sms.started", place),)
            return Reply(msgspec.structs.replace(state, told=told), outgoing, outcome="opt_in", change=change)
        outgoing = () if text.handled == "HELP" else (self._phrase("sms.help", place),)
        return Reply(state, outgoing, outcome="help")

    def _left(self, reply: Reply, wish: Wish, place: Place) -> Reply:
        """Words that ask for no more texts: the one confirmation, after what safety had to say."""
        urgent = tuple(message for message in reply.outgoing if message.kind in ("urgent", "crisis"))
        return replace(
            reply,
            outgoing=(*urgent, self._stopped(wish, place)),
            change=ConsentChange("out", wish.wording, "patient"),
            outcome="opt_out",
        )

    def _stopped(self, wish: Wish, place: Place) -> Outgoing:
        """The one confirmation of a stop, in the language it was asked in."""
        spanish = wish.wording in ("spanish", "phrase_spanish")
        return self._phrase("sms.stopped", replace(place, language="es") if spanish else place)

    def _with_choice(self, body: str, state: State, received_at: datetime) -> Inbound | None:
        """The text as the tap of a numbered choice, where it is one; None for a number that means none of them."""
        offered = [identity for identity in state.offered if identity in state.choices]
        if not offered:
            return Inbound(body)
        number = number_in(body)
        if number is not None:
            place = len(offered) if number == LAST else number
            is_old = state.offered_at is not None and received_at < datetime.fromisoformat(state.offered_at)
            if is_old or not 1 <= place <= len(offered):
                return None
            return Inbound(body, (offered[place - 1],))
        if self._services.leaning.command(body) is not None or self._services.triage.assess(body).level:
            return Inbound(body)
        labels = [str(state.choices[identity]["label"]) for identity in offered]
        found = labelled(body, labels)
        return Inbound(body) if found is None else Inbound(body, (offered[found],))

    def _put_again(self, place: Place, state: State) -> Reply:
        """A number that is none of those on offer: the same choices once more."""
        asked = self._phrase("sms.which_number", place)
        choices = [
            {"id": identity, "label": state.choices[identity]["label"], "alone": True}
            for identity in state.offered
            if identity in state.choices
        ]
        again = replace(asked, wire={**asked.wire, "choices": choices})
        return Reply(state, (again,), outcome="which_number")

    def _introduced(self, reply: Reply, place: Place) -> Reply:
        """The first reply says who speaks, that it is no person and not for emergencies, how to stop, and what the clinic has to tell."""
        if _HELLO in reply.state.told or not reply.outgoing:
            return reply
        hello = self._phrase("sms.hello", place)
        urgent = reply.outgoing[0].kind in ("urgent", "crisis")
        notices = [said(one) for one in self._services.renderer.notices(place, clock.now())[:1]]
        outgoing = (*reply.outgoing, hello) if urgent else (hello, *notices, *reply.outgoing)
        return replace(reply, outgoing=outgoing, state=_telling(reply.state, _HELLO))

    def _with_privacy(self, reply: Reply, before: State, place: Place) -> Reply:
        """Before the first question about health: that texts are not private, and the other ways."""
        begins = reply.state.form == _HEALTH_FORM and before.form != _HEALTH_FORM
        if not begins or _PRIVACY in reply.state.told:
            return reply
        privacy = self._phrase("sms.privacy", place)
        at = len(reply.outgoing) - 1
        outgoing = (*reply.outgoing[:at], privacy, *reply.outgoing[at:])
        return replace(reply, outgoing=outgoing, state=_telling(reply.state, _PRIVACY))

    def _said(self, key: str, place: Place, state: State) -> Reply:
        return Reply(state, (self._phrase(key, place),))

    def _phrase(self, key: str, place: Place) -> Outgoing:
        return said(self._services.renderer.phrase(key, place))


def _telling(state: State, what: str) -> State:
    return msgspec.structs.replace(state, told=(*state.told, what))


def _without_question(state: State) -> dict[str, object]:
    return {name: value for name, value in state.slots.items() if name != "requested_slot"}
