"""From a patient's message and what the conversation remembers to a Heard: what is asked, answered and told."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from needlewise.conversations.heard import Heard
from needlewise.conversations.log import Inbound
from needlewise.conversations.state import State
from needlewise.dialogue.leaning import Leaning, without_lean
from needlewise.language.reading import Reading, read
from needlewise.nlu.taxonomy import DECLINED, is_topic
from needlewise.nlu.understood import Understood
from needlewise.screening.reading import Reader
from needlewise.text.normalise import normalise

Parse = Callable[[Reading], Understood]

_ACT_WORDS = {"affirm": "yes", "deny": "no", "unsure": "unsure"}
CHOOSE = "choose"
"""The intent of a button or a form field that answers one of our questions."""


class Understanding:
    """Joins the words (NLU), the conversation (follow-ups, commands) and the facts for screening. One parse a message."""

    def __init__(self, parse: Parse, reader: Reader, leaning: Leaning) -> None:
        self._parse = parse
        self._reader = reader
        self._leaning = leaning

    def hear(self, inbound: Inbound, state: State, base: Heard) -> Heard:
        """What one message means here. `base` carries clinic, channel, language, conversation and time."""
        if inbound.choices:
            return self._chosen([state.choices[choice] for choice in inbound.choices], inbound.text, base)
        if inbound.fields:
            text = normalise(" ".join(inbound.fields.values()))
            fields = {name: normalise(value) for name, value in inbound.fields.items()}
            return msgspec.structs.replace(base, text=text, intent=CHOOSE, fields=fields)
        return self._read(normalise(inbound.text), state, base)

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
        return msgspec.structs.replace(heard, ticked=ticked, verdict=str(first.get("answer", "none")))

    def _read(self, text: str, state: State, base: Heard) -> Heard:
        command = self._leaning.command(text)
        if command in _ACT_WORDS:
            facts: Mapping[str, str] = {}
            return msgspec.structs.replace(
                base, text=text, intent=command, act=command, verdict=_ACT_WORDS[command]
            )
        last = [str(topic) for topic in state.slots.get("last_topics") or []]
        asking = state.slots.get("requested_slot") if state.form else None
        reading = read(text)
        facts = {name: status.value for name, status in self._reader.facts(reading.doc).items()}
        heard = msgspec.structs.replace(base, text=text, command=command, facts=facts, asks=_asks(text))
        if state.form == "screening_form" and asking:
            card = str(asking).removeprefix("card_")
            answer = self._reader.answer(reading.doc, card)
            recorded = {name: status.value for name, status in answer.recorded(card).items()}
            heard = msgspec.structs.replace(
                heard, verdict=answer.verdict, facts=recorded, doctor_said_fine=answer.doctor_said_fine
            )
        if command == "start_over":
            return msgspec.structs.replace(heard, intent="start_over", act="start_over")
        if command == "why" and asking:
            return msgspec.structs.replace(heard, intent="ask_why", act="ask_why")
        if command == "stop" and not state.form:
            return msgspec.structs.replace(heard, intent="opt_out", act="opt_out", command=None)
        if lean := self._leaning.follow_up(text, last):
            return msgspec.structs.replace(heard, intent=lean.topic, topics=(lean.topic,), part=lean.part)
        bare = without_lean(text) if last else text
        understood = self._parse(reading if bare == text else read(bare))
        return msgspec.structs.replace(
            heard,
            intent=understood.intent,
            topics=understood.topics,
            more=understood.more,
            offered=understood.offered,
            act=understood.act if understood.act or understood.topics or understood.offered else DECLINED,
            confidence=understood.confidence,
        )


_QUESTION = re.compile(
    r"\?|^(?:so |and |but |ok |also )*(?:what|how|when|where|who|why|which|do|does|did|is|are|can|could|will|would|should|may)\b",
    re.I,
)


def _asks(text: str) -> bool:
    return _QUESTION.search(text) is not None
