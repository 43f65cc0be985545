"""One turn of a conversation, the same for every channel: safety first, then understanding, then the dialogue.

The order is fixed: opt-out words, red flags by rule and then by what was learned, the answer to triage's own question,
understanding, Rasa. Every turn ends in one to four messages. Storing is the caller's part (conversations.log), so that a turn
can be run again after a crash.
"""

import logging
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from needlewise import clock
from needlewise.content.model import Clinic
from needlewise.content.render import Place, Renderer, shown_phone
from needlewise.content.rendered import Choice, Rendered
from needlewise.conversations.heard import Heard
from needlewise.conversations.log import Conversation, Inbound, Outgoing, Verdict
from needlewise.conversations.presence import BACK
from needlewise.conversations.state import CHOICES_KEPT, PERSONAL_SLOTS, State
from needlewise.dialogue.leaning import Leaning
from needlewise.dialogue.understanding import CHOOSE, GO_ON, Understanding
from needlewise.language.reading import read
from needlewise.nlu.taxonomy import DECLINED
from needlewise.nlu.understood import COURTESY
from needlewise.safety.net import SafetyNet
from needlewise.safety.triage import CALM, Decision, Level, Triage
from needlewise.screening.rules import Status
from needlewise.text.normalise import normalise
from needlewise.text.spanish import looks_spanish

if TYPE_CHECKING:
    from needlewise.dialogue.agent import EmbeddedAgent

logger = logging.getLogger(__name__)

URGENT_HOURS = 24
"""How long an urgent sign keeps booking behind its notice, and how long screening facts hold."""

MOST_MESSAGES = 4

_OF_ONESELF = frozenset({"first_name", "contact", "times"})
_LONGEST_ABOUT_ONESELF = 4
"""Words. A name, a number or a time is short; whoever writes more to these questions says something else."""

_CRISIS_ACTS = frozenset({Level.CRISIS, Level.VIOLENCE})
# The phrases that ask and wait: an unclear answer counts as the sign that was asked about.
_QUESTIONS = frozenset({"safety.ask_walk", "safety.ask_safe"})
# "I'm fine" does not erase an urgent notice: the number is shown again, and the talk goes on.
_REASSURANCES = frozenset(
    {"affirm", "deny", "unsure", "thanks", "goodbye", "feedback_positive", "feedback_negative"}
)
_SCREENING_SLOTS = ("card_now", "card_call", "card_tell", "facts", "facts_at", "outcome")
_AGREED_SLOTS = ("consent", "confirm")
_SMALL_TALK = frozenset({None, DECLINED, *COURTESY})
_OFFERS = frozenset({"conversation.which_topic", "conversation.which_again"})


class _Lapsed(Enum):
    """What was dropped because it was told too long ago."""

    FACTS = "facts"
    FORM = "facts and the form that was open"


@dataclass(frozen=True)
class Turn:
    """What a turn came to."""

    outgoing: tuple[Outgoing, ...]
    state: State
    heard: Heard | None
    verdict: Verdict
    opt_out: bool
    latency_ms: float
    is_silent: bool = False
    """A member of staff speaks in the conversation, and the assistant had nothing that must be said."""

    @property
    def outcome(self) -> str:
        """One word for figures: the safety level, or answered, offered, declined, choice, silent, or the act."""
        if self.verdict.level:
            return self.verdict.level
        if self.is_silent:
            return "silent"
        if self.heard is None:
            return "opt_out"
        if self.heard.topics:
            return "answered"
        if self.heard.offered:
            return "offered"
        return self.heard.act or "choice"


class Turns:
    """Runs turns. Holds no conversation: the state comes in and goes out."""

    def __init__(
        self,
        agent: "EmbeddedAgent",
        understanding: Understanding,
        leaning: Leaning,
        triage: Triage,
        safety_net: SafetyNet,
        renderer: Renderer,
    ) -> None:
        self._agent = agent
        self._understanding = understanding
        self._leaning = leaning
        self._triage = triage
        self._safety_net = safety_net
        self._renderer = renderer

    def open(self, place: Place, state: State) -> tuple[tuple[Outgoing, ...], State]:
        """The first messages of a conversation: who speaks, what it is not for, and what the clinic has to tell at present."""
        opening = self._renderer.phrase("conversation.opening", place)
        notices = self._renderer.notices(place, clock.now())[: MOST_MESSAGES - 1]
        messages = [msgspec.structs.replace(message, choices=()) for message in (opening, *notices)]
        # What to begin with is offered at the end.
        messages[-1] = msgspec.structs.replace(messages[-1], choices=opening.choices)
        return _outgoing(messages, state)

    def nearest(self, text: str) -> str:
        """The intent that these words come nearest to, for an editor of training examples: no turn is taken."""
        return self._agent.nearest(read(normalise(text)))

    async def take(
        self,
        conversation: Conversation,
        clinic: Clinic,
        inbound: Inbound,
        state: State,
        *,
        at: datetime,
        is_silent: bool = False,
    ) -> Turn:
        """Answer one message. Unknown choice ids must have been refused before.

        While staff speak in the conversation the turn `is_silent`: opt-out words and what safety says alone are answered as ever, and
        nothing else is. The dialogue stays where it was.
        """
        started = time.perf_counter()
        place = Place(clinic, conversation.channel, conversation.language)
        state, lapsed = (state, None) if is_silent else _without_old_facts(state, at)
        text = normalise(inbound.text or " ".join(inbound.fields.values()))
        opt_out = (
            bool(inbound.text) and self._leaning.is_opt_out(text) and not state.form and not inbound.choices
        )

        decision = CALM if inbound.choices or opt_out else self._triage.assess(text)
        reading = None
        if decision.level is None and not opt_out and self._is_talk(inbound, text, state):
            reading = self._understanding.read(text, state)
            decision = self._safety_net.assess(reading)
        spoken_before = state.asked
        state = msgspec.structs.replace(state, asked=None)
        if decision.level is None and spoken_before in _QUESTIONS:
            decision = self._answer_to_triage(spoken_before, inbound, state, text)
        if looks_spanish(text):
            # Words that exist in Spanish (urgent ones first of all) are said in Spanish; the others stay English.
            place = replace(place, language="es")
        if decision.level is not None and decision.speaks_alone:
            return self._urgent(decision, place, state, at, started, opt_out=opt_out)
        if is_silent and not opt_out:
            state = msgspec.structs.replace(state, asked=BACK if state.form else None)
            verdict = Verdict(decision.level.value if decision.level else None, decision.rule)
            return Turn((), state, None, verdict, False, _elapsed(started), is_silent=True)

        base = Heard(
            clinic=clinic.clinic,
            channel=conversation.channel,
            language=place.language,
            urgent=_is_recent(state.urgent_at, at),
            conversation=conversation.id,
            at=at.isoformat(),
        )
        heard = self._understanding.hear(inbound, state, base, reading=reading)
        if spoken_before:
            heard = _not_to_the_form(heard)
        if lapsed is _Lapsed.FORM:
            heard = _asks_again(heard, state)
        # Rasa copies what it is given, and the actions have no use for the rankings.
        spoken = await self._agent.speak(conversation.id, msgspec.structs.replace(heard, parts=()), state)
        rendered = list(spoken.messages)
        if decision.phrase:
            rendered.insert(0, self._renderer.phrase(decision.phrase, place))
        if base.urgent and heard.act in _REASSURANCES and (spoken_before or not state.form):
            rendered.insert(0, self._renderer.phrase("safety.again", place))
        if lapsed:
            rendered.insert(0, self._renderer.phrase("screening.lapsed", place))
        if not rendered:
            logger.error("a turn ended in silence: intent %s, form %s", heard.intent, state.form)
            rendered = [self._renderer.phrase("conversation.sorry", place)]
        heard = _as_taken(_as_answered(heard, rendered), state, spoken.state)
        rendered = _at_most(MOST_MESSAGES, rendered)
        after = spoken.state
        if after.slots.get("outcome") == "NOW" and state.slots.get("outcome") != "NOW":
            after = msgspec.structs.replace(after, urgent_at=at.isoformat())
        outgoing, after = _outgoing(rendered, after)
        verdict = Verdict(decision.level.value if decision.level else None, decision.rule)
        opt_out = opt_out or heard.act == "opt_out"
        return Turn(outgoing, after, heard, verdict, opt_out, _elapsed(started))

    def _is_talk(self, inbound: Inbound, text: str, state: State) -> bool:
        """Whether the patient wrote in their own words: no tap, no command such as "yes", no name or number for the form."""
        if inbound.choices or not inbound.text or self._leaning.command(text):
            return False
        asking = state.slots.get("requested_slot") if state.form else None
        return asking not in _OF_ONESELF or len(text.split()) > _LONGEST_ABOUT_ONESELF

    def _urgent(
        self, decision: Decision, place: Place, state: State, at: datetime, started: float, *, opt_out: bool
    ) -> Turn:
        """The urgent words alone, and first; the open form waits, so that the patient can go on afterwards."""
        assert decision.level is not None
        assert decision.phrase is not None
        rendered = [self._renderer.phrase(decision.phrase, place)]
        if decision.level is Level.ASK:
            state = msgspec.structs.replace(state, asked=decision.phrase)
            rendered = [_with_yes_and_no(rendered[0], self._renderer, place, asked=decision.phrase)]
        else:
            # An "ok" or "no" that comes next is said to these words, and must not fill the open form.
            asked = decision.phrase if state.form else None
            state = msgspec.structs.replace(state, urgent_at=at.isoformat(), asked=asked)
            rendered.append(self._renderer.phrase("safety.when_safe", place))
        outgoing, state = _outgoing(rendered, state)
        act = "crisis" if decision.level in _CRISIS_ACTS else "urgent_red_flag"
        heard = Heard(place.clinic.clinic, act=act, intent=act)
        return Turn(
            outgoing, state, heard, Verdict(decision.level.value, decision.rule), opt_out, _elapsed(started)
        )

    def _answer_to_triage(self, asked: str, inbound: Inbound, state: State, text: str) -> Decision:
        """A clear no ends it; a yes, or anything else, is treated as the urgent sign that was asked about."""
        answer = self._leaning.command(text)
        if inbound.choices:
            # Only the buttons of this question answer it; "None of these" of an earlier card does not.
            payload = state.choices[inbound.choices[0]]["leads_to"]
            answer = str(payload["answer"]) if payload.get("asked") == asked else None
        if answer in ("deny", "no"):
            return CALM
        if asked == "safety.ask_safe":
            return Decision(Level.CRISIS, "ASK.unanswered", "safety.crisis", True)
        return Decision(Level.URGENT, "ASK.unanswered", "safety.urgent", True)


def _with_yes_and_no(rendered: Rendered, renderer: Renderer, place: Place, *, asked: str) -> Rendered:
    choices = tuple(
        Choice(renderer.words(f"conversation.{word}", place), {"asked": asked, "answer": word})
        for word in ("yes", "no")
    )
    return msgspec.structs.replace(rendered, choices=choices)


def _not_to_the_form(heard: Heard) -> Heard:
    """A bare yes, no or not-sure right after safety's words answers those, not the form's question that waits behind them."""
    act = {"yes": "affirm", "no": "deny", "unsure": "unsure"}.get(heard.verdict)
    if act is None and heard.act in _REASSURANCES - {"goodbye"} and not heard.topics:
        act = heard.act
    told = any(status == Status.PRESENT.value for status in heard.facts.values())
    if act is None or told or (heard.choice and "asked" not in heard.choice):
        return heard
    return msgspec.structs.replace(
        heard, intent=act, act=act, topics=(), offered=(), command=GO_ON, verdict="none", choice={}, facts={}
    )


def _asks_again(heard: Heard, state: State) -> Heard:
    """An answer to a form whose facts have lapsed starts the screening again; a question or a wish stands as it is."""
    if heard.asks or (heard.act not in _SMALL_TALK and heard.intent != CHOOSE):
        return heard
    wants_visit = bool(state.slots.get("wants_visit") or state.slots.get("request_kind"))
    intent = "book_appointment" if wants_visit else "am_i_a_candidate"
    return msgspec.structs.replace(
        heard, intent=intent, act=intent if wants_visit else None, topics=(), more=(), offered=(), choice={}
    )


def _as_answered(heard: Heard, rendered: Sequence[Rendered]) -> Heard:
    """For the log: only the topics that were answered, and those offered if they were. A name may sound like a topic."""
    said = {note.topic for message in rendered for note in message.answers}
    return msgspec.structs.replace(
        heard,
        topics=tuple(topic for topic in heard.topics if topic in said),
        offered=heard.offered if any(message.key in _OFFERS for message in rendered) else (),
    )


def _as_taken(heard: Heard, before: State, after: State) -> Heard:
    """For the log: words that the open form took for its answer, such as a name, are no question that was declined."""
    asked = before.slots.get("requested_slot") if before.form else None
    if asked is None or heard.act != DECLINED or after.slots.get(asked) == before.slots.get(asked):
        return heard
    return msgspec.structs.replace(heard, intent=CHOOSE, act=None)


def _at_most(most: int, rendered: Sequence[Rendered]) -> list[Rendered]:
    """As few messages as allowed, with every word: neighbours that need no tap are put into one, those of one kind first."""
    messages = list(rendered)
    while len(messages) > most:
        pairs = [at for at in range(len(messages) - 1) if not messages[at].choices and not messages[at].input]
        if not pairs:
            logger.error("a turn had %d messages", len(messages))
            return [*messages[: most - 1], messages[-1]]
        at = next((at for at in pairs if messages[at].kind == messages[at + 1].kind), pairs[0])
        messages[at : at + 2] = [_joined(messages[at], messages[at + 1])]
    return messages


def _joined(first: Rendered, second: Rendered) -> Rendered:
    return msgspec.structs.replace(
        second,
        text=f"{first.text}\n\n{second.text}",
        links=(*first.links, *second.links),
        answers=(*first.answers, *second.answers),
        quick_exit=first.quick_exit or second.quick_exit,
    )


def _without_old_facts(state: State, at: datetime) -> tuple[State, "_Lapsed | None"]:
    """Screening facts lapse after 24 hours, and with them an open form that rests on them; a call back rests on none."""
    told_at = state.slots.get("facts_at")
    if told_at is None or _is_recent(str(told_at), at):
        return state, None
    slots = {name: value for name, value in state.slots.items() if name not in _SCREENING_SLOTS}
    if state.form is None or state.slots.get("request_kind") == "callback":
        return msgspec.structs.replace(state, slots=slots), _Lapsed.FACTS
    for name in (*_AGREED_SLOTS, "requested_slot"):
        slots.pop(name, None)
    return msgspec.structs.replace(state, slots=slots, form=None), _Lapsed.FORM


def _is_recent(moment: str | None, at: datetime) -> bool:
    return moment is not None and at - datetime.fromisoformat(moment) < timedelta(hours=URGENT_HOURS)


def _outgoing(rendered: Sequence[Rendered], state: State) -> tuple[tuple[Outgoing, ...], State]:
    """Messages in their wire form, and the state that knows what their choices lead to. Choice ids are opaque."""
    choices = dict(state.choices)
    messages = []
    for message in rendered:
        shown = []
        for choice in message.choices:
            identity = secrets.token_urlsafe(9)
            choices[identity] = {"label": choice.label, "leads_to": choice.leads_to}
            shown.append({"id": identity, "label": choice.label, "alone": choice.alone})
        wire: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "text": message.text,
            "kind": message.kind,
            "choices": shown,
            "input": msgspec.to_builtins(message.input),
            "links": msgspec.to_builtins(message.links),
            "answers": msgspec.to_builtins(message.answers),
        }
        if message.quick_exit:
            wire["quick_exit"] = True
        answers = tuple((note.topic, note.version) for note in message.answers)
        messages.append(Outgoing(wire, _masked(message.text, state), message.kind, answers))
    kept = dict(list(choices.items())[-CHOICES_KEPT:])
    return tuple(messages), msgspec.structs.replace(state, choices=kept)


def _masked(text: str, state: State) -> str:
    """Our own words with what the patient typed into the form masked, for reading in the log."""
    for slot, mask in PERSONAL_SLOTS.items():
        if value := str(state.slots.get(slot) or ""):
            text = text.replace(value, mask)
            if value.startswith("+"):
                text = text.replace(shown_phone(value, "sms"), mask)
    return text


def _elapsed(started: float) -> float:
    return (time.perf_counter() - started) * 1000
