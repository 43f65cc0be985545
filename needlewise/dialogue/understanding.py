"""From a patient's message and what the conversation remembers to a Heard: what is asked, answered and told."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from needlewise.conversations.heard import Heard, Part
from needlewise.conversations.log import Inbound
from needlewise.conversations.state import State
from needlewise.dialogue.following import followed, may_follow
from needlewise.dialogue.leaning import Leaning, correction, leans, without_lean
from needlewise.language.pipeline import load_pipeline
from needlewise.language.reading import Reading, read
from needlewise.nlu.taxonomy import DECLINED, is_topic
from needlewise.nlu.understood import Understood
from needlewise.screening.reading import Reader
from needlewise.screening.rules import Outcome, Status
from needlewise.text.normalise import normalise


@dataclass(frozen=True)
class Parsed:
    """What the model makes of words alone."""

    understood: Understood
    parts: tuple[Part, ...] = ()
    """How the questions in it ranked, or the whole; for the log."""


Parse = Callable[[Reading], Parsed]

_ACT_WORDS = {"affirm": "yes", "deny": "no", "unsure": "unsure"}
CHOOSE = "choose"
"""The intent of a button or a form field that answers one of our questions."""

GO_ON = "go_on"
"""The command of a word that was said to safety's notice: the form's question is put again."""

_YES_AND_NO = {"affirm": "yes", "deny": "no"}
_YES_OR_NO = frozenset({"consent", "confirm"})
_SURE = 0.7
_BUT = re.compile(r"\b(?:but|except|instead|not yet|wait)\b", re.I)


class Understanding:
    """Joins the words (NLU), the conversation (follow-ups, commands) and the facts for screening. One parse a message."""

    def __init__(self, parse: Parse, reader: Reader, leaning: Leaning, title: Callable[[str], str]) -> None:
        """`title` gives the words that a topic is offered with."""
        self._parse = parse
        self._title = title
        self._reader = reader
        self._leaning = leaning

    def read(self, text: str, state: State) -> Reading:
        """The reading of a normalised message of this conversation: also behind the last answer, where it may lean on it."""
        last = state.slots.get("last_topics")
        return read(text, title=self._title(str(last[-1])) if last and may_follow(text) else None)

    def hear(self, inbound: Inbound, state: State, base: Heard, *, reading: Reading | None = None) -> Heard:
        """What one message means here. `base` carries clinic, channel, language, conversation and time.

        `reading` is what `read` made of the message's text, where it was made already.
        """
        if inbound.choices:
            return self._chosen([state.choices[choice] for choice in inbound.choices], inbound.text, base)
        if inbound.fields:
            text = normalise(" ".join(inbound.fields.values()))
            fields = {name: normalise(value) for name, value in inbound.fields.items()}
            told = self._reader.facts(load_pipeline()(text))
            facts = {name: status.value for name, status in told.items()}
            return msgspec.structs.replace(base, text=text, intent=CHOOSE, fields=fields, facts=facts)
        text = normalise(inbound.text)
        if (typed := self._typed_label(text, state)) is not None:
            return self._chosen([typed], text, base)
        return self._read(text, state, base, reading)

    def _typed_label(self, text: str, state: State) -> dict[str, Any] | None:
        """The newest button whose label was typed word for word, if it does something or answers the open question."""
        if self._leaning.command(text) in _ACT_WORDS:
            return None
        asking = state.slots.get("requested_slot") if state.form else None
        for choice in reversed(state.choices.values()):
            leads_to = choice["leads_to"]
            open_now = "act" in leads_to or (asking and leads_to.get("slot") == asking)
            if open_now and str(choice["label"]).casefold() == text.casefold():
                return choice
        return None

    def _chosen(self, choices: list[dict[str, Any]], text: str, base: Heard) -> Heard:
        """A tapped button, or several ticked lines. The payload is ours: it was never sent to the patient."""
        payloads = [choice["leads_to"] for choice in choices]
        first = payloads[0]
        facts = {condition: "present" for payload in payloads for condition in payload.get("facts", ())}
        heard = msgspec.structs.replace(base, text=text, intent=CHOOSE, choice=first, facts=facts)
        if "topic" in first and is_topic(first["topic"]):
            part = first.get("follow_up", "web")
            return msgspec.structs.replace(heard, intent=first["topic"], topics=(first["topic"],), part=part)
        if "act" in first:
            return msgspec.structs.replace(heard, intent=first["act"], act=first["act"])
        ticked = tuple(str(payload["item"]) for payload in payloads if "item" in payload)
        answers = [str(payload["answer"]) for payload in payloads if "answer" in payload]
        verdict = "unsure" if "unsure" in answers else next(iter(answers), "none")
        return msgspec.structs.replace(heard, ticked=ticked, verdict=verdict)

    def _read(self, text: str, state: State, base: Heard, reading: Reading | None) -> Heard:
        command = self._leaning.command(text)
        if command in _ACT_WORDS:
            return msgspec.structs.replace(
                base, text=text, intent=command, act=command, verdict=_ACT_WORDS[command]
            )
        last = [str(topic) for topic in state.slots.get("last_topics") or []]
        asking = state.slots.get("requested_slot") if state.form else None
        if command is None and asking in _YES_OR_NO:
            command = correction(text)
            if command == "change" and _asks(text):
                command = None
            elif command == "change" and asking == "consent":
                # What stands in "may we contact you at…" is how to reach them.
                command = "change_contact"
        reading = reading or self.read(text, state)
        facts = {name: status.value for name, status in self._reader.facts(reading.doc).items()}
        heard = msgspec.structs.replace(base, text=text, command=command, facts=facts, asks=_asks(text))
        if state.form == "screening_form" and asking:
            card = str(asking).removeprefix("card_")
            answer = self._reader.answer(reading.doc, card)
            recorded = {name: status.value for name, status in answer.recorded(card).items()}
            if command == "skip":
                # What somebody would rather not say is not known, and counts like a not-sure.
                return msgspec.structs.replace(
                    heard, intent="unsure", act="unsure", verdict="unsure", facts={card: Status.UNSURE.value}
                )
            heard = msgspec.structs.replace(
                heard,
                verdict=answer.verdict,
                facts=recorded,
                doctor_said_fine=answer.doctor_said_fine,
                names_private=self._reader.names_private(reading.doc),
            )
        if command == "start_over":
            return msgspec.structs.replace(heard, intent="start_over", act="start_over")
        if command == "why" and asking:
            return msgspec.structs.replace(heard, intent="ask_why", act="ask_why")
        if command == "opt_out" or (command == "stop" and not state.form):
            return msgspec.structs.replace(heard, intent="opt_out", act="opt_out", command=None)
        if not state.form and state.slots.get("outcome") == Outcome.CALL and self._doctor_said_fine(reading):
            return msgspec.structs.replace(
                heard, intent="book_appointment", act="book_appointment", doctor_said_fine=True
            )
        if lean := self._leaning.follow_up(text, last):
            return msgspec.structs.replace(
                heard, intent=lean.topic, topics=(lean.topic,), part=lean.part, behind=last[-1]
            )
        bare = without_lean(text) if last else text
        parsed = self._parse(reading if bare == text else self.read(bare, state))
        understood = parsed.understood
        heard = msgspec.structs.replace(heard, parts=parsed.parts)
        if last and (topic := _followed(bare, understood, last[-1], in_form=bool(state.form))):
            part = "more" if topic == last[-1] and topic not in understood.topics else "web"
            return msgspec.structs.replace(heard, intent=topic, topics=(topic,), part=part, behind=last[-1])
        if asking in _YES_OR_NO and not command and understood.confidence >= _SURE and not _BUT.search(text):
            heard = msgspec.structs.replace(heard, verdict=_YES_AND_NO.get(understood.intent, "none"))
        return msgspec.structs.replace(
            heard,
            intent=understood.intent,
            topics=understood.topics,
            more=understood.more,
            offered=understood.offered,
            act=understood.act if understood.act or understood.topics or understood.offered else DECLINED,
            confidence=understood.confidence,
        )

    def _doctor_said_fine(self, reading: Reading) -> bool:
        return self._reader.answer(reading.doc, "call").doctor_said_fine


_QUESTION = re.compile(
    r"\?|(?:^|[,.;!:] ?|\b(?:so|and|but|ok|also|plus|then) )(?:what|how|when|where|who|why|which|do|does|did|is|are|can|could|will|would|should|may)\b",
    re.I,
)


def _followed(text: str, understood: Understood, last: str, *, in_form: bool) -> str | None:
    """The topic of a message that comes after an answer; None where its own words say enough or it asks for none."""
    if len(understood.topics) > 1 or not understood.behind or (in_form and not (_asks(text) or leans(text))):
        return None
    topic = followed(understood.shares, understood.behind, last, text)
    return topic if is_topic(topic) else None


def _asks(text: str) -> bool:
    return _QUESTION.search(text) is not None
