"""The screening: three grouped cards, what follows from the answers, and the way on. The rules are content/screening.yml."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.aside import aside, kept_open, left
from actions.conversation import start_over
from actions.facts import facts_after, known_facts, ruling
from actions.handoff import say_change_route, say_route
from actions.outcome import CARDS, begin_screening, is_minor, say_outcome
from actions.questions import answer_all
from actions.request import begin_request
from actions.speech import Events, heard_in, place_of, say, word
from needlewise import wiring
from needlewise.content.rendered import Choice, Input
from needlewise.conversations.heard import Heard
from needlewise.screening.rules import Outcome, Status

_KNOWN = "known"
"""A card that need not be asked, since what was told before decides already."""


class ActionBeginScreening(Action):
    """A wish for a visit, or to know whether needling fits: the screening first, unless its outcome is known."""

    def name(self) -> str:
        return "action_begin_screening"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        wants_visit = heard.intent == "book_appointment"
        events = answer_all(dispatcher, heard, alone=False)
        events += [*facts_after(tracker, heard), SlotSet("wants_visit", wants_visit)]
        if heard.doctor_said_fine:
            say(dispatcher, "screening.doctor_said_fine")
        known = tracker.get_slot("outcome")
        wants_exam = heard.choice.get("request") == "exam" and not is_minor(tracker, heard)
        if wants_exam and known == Outcome.CALL.value:
            return [*events, *begin_request(dispatcher, tracker, "exam")]
        decided = ruling(known_facts(tracker, heard), heard)
        screened = known not in (None, Outcome.NOW.value) and not heard.facts
        if screened and wants_visit and decided.outcome in (Outcome.BOOK, Outcome.TELL):
            return [*events, *begin_request(dispatcher, tracker, "visit")]
        if heard.urgent:
            say(dispatcher, "safety.booking_notice")
        if not screened:
            if not heard.topics:
                say(dispatcher, "screening.intro")
            return [*events, *begin_screening()]
        say_outcome(dispatcher, heard, decided)
        return [*events, SlotSet("outcome", decided.outcome.value)]


class _AskCard:
    """Asks one card: its lines to tick, or none of them, or not sure, or any words."""

    card: str

    def name(self) -> str:
        return f"action_ask_screening_form_{self.card}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        key = f"screening.{self.card}"
        told = {name for name, status in known_facts(tracker).items() if status == Status.PRESENT}
        lines = [
            Choice(label, {"card": self.card, "item": item, "facts": conditions}, alone=False)
            for item, label, conditions in wiring.services().renderer.items(key, place_of(heard))
            # What was told already is not asked again.
            if told.isdisjoint(conditions)
        ]
        answers = [
            Choice(word("screening.none_of_these", heard), {"card": self.card, "answer": "no"}),
            Choice(word("screening.not_sure", heard), {"card": self.card, "answer": "unsure"}),
        ]
        say(dispatcher, key, choices=[*lines, *answers], input=Input("many"))
        return []


class ActionAskCardNow(_AskCard, Action):
    card = "card_now"


class ActionAskCardCall(_AskCard, Action):
    card = "card_call"


class ActionAskCardTell(_AskCard, Action):
    card = "card_tell"


class ValidateScreeningForm(Action):
    """Takes what is said to a card: an answer, a condition, a question in the middle, or a wish to stop or go back."""

    def name(self) -> str:
        return "validate_screening_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        requested = tracker.get_slot("requested_slot")
        if requested is None:
            return _decided_cards({}, known_facts(tracker), heard)
        if heard.command == "back":
            return _back(requested)
        if heard.names_private:
            say(dispatcher, "screening.private")
        card, verdict, facts = _answer(heard, requested)
        if verdict == "none":
            told = aside(dispatcher, tracker, heard, why=f"screening.why_{requested.removeprefix('card_')}")
            events = [*told.events, *facts_after(tracker, heard)]
            return left(told.left, events) if told.left else kept_open(requested, events)
        events = []
        if heard.doctor_said_fine:
            say(dispatcher, "screening.doctor_said_fine")
        if heard.topics and heard.asks:
            events += answer_all(dispatcher, heard, alone=False)
        facts = {**(tracker.get_slot("facts") or {}), **facts}
        events += [
            SlotSet("facts", facts),
            SlotSet("facts_at", tracker.get_slot("facts_at") or heard.at or None),
            SlotSet("misses", 0),
            SlotSet("left_form", None),
        ]
        cards = {name: tracker.get_slot(name) for name in CARDS} | {card: verdict}
        return events + _decided_cards(cards, facts, heard)


class ActionScreeningOutcome(Action):
    """Says what follows, and leads on: to a request, a call, or the person the patient asked for."""

    def name(self) -> str:
        return "action_screening_outcome"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        if reason := tracker.get_slot("left_form"):
            return say_left(dispatcher, tracker, reason, heard)
        decided = ruling(known_facts(tracker), heard)
        events: Events = [SlotSet("outcome", decided.outcome.value)]
        goes_on = tracker.get_slot("wants_visit") and decided.outcome in (Outcome.BOOK, Outcome.TELL)
        say_outcome(dispatcher, heard, decided, choices=not goes_on)
        if goes_on:
            return [*events, *begin_request(dispatcher, tracker, "visit", is_told=True)]
        return events


def say_left(dispatcher: CollectingDispatcher, tracker: Tracker, reason: str, heard: Heard) -> Events:
    """What is said when a form was left before its end, by why it was left."""
    if reason == "start_over":
        return start_over(dispatcher)
    if reason == "talk_to_human":
        say_route(dispatcher, tracker, heard)
    elif reason == "change_appointment":
        say_change_route(dispatcher, tracker, heard)
    elif reason == "stop":
        say(dispatcher, "booking.stopped")
    else:
        say(dispatcher, f"conversation.{reason}")
    return [SlotSet("left_form", None)]


def _answer(heard: Heard, requested: str) -> tuple[str, str, dict[str, str]]:
    """The card that is answered, its verdict, and the facts. An earlier card's button answers that card again."""
    card = str(heard.choice.get("card", requested))
    name = card.removeprefix("card_")
    if heard.ticked:
        return card, "yes", dict(heard.facts)
    if heard.verdict == "yes":
        return card, "yes", dict(heard.facts) or {name: "present"}
    if heard.verdict == "unsure":
        return card, "unsure", dict(heard.facts) or {name: "unsure"}
    if heard.verdict == "no":
        return card, "no", dict(heard.facts)
    return card, "none", {}


def _decided_cards(cards: dict[str, Any], facts: dict[str, str], heard: Heard) -> Events:
    """Cards that need not be asked: after NOW or CALL the rest decides nothing, and what decides nothing is not asked."""
    decided = ruling(facts, heard)
    skipped: tuple[str, ...] = ()
    if decided.outcome is Outcome.NOW or decided.guardian:
        skipped = CARDS
    elif decided.outcome is Outcome.CALL:
        skipped = ("card_call", "card_tell")
    values = {
        **{card: _KNOWN for card in skipped if not cards.get(card)},
        **{k: v for k, v in cards.items() if v},
    }
    return [SlotSet(card, value) for card, value in values.items()] or [SlotSet("left_form", None)]


def _back(requested: str) -> Events:
    """The card before the open one, asked again; at the first card, that one."""
    before = CARDS[max(CARDS.index(requested) - 1, 0)]
    return [SlotSet(before, None), SlotSet("left_form", None), SlotSet("requested_slot", before)]
