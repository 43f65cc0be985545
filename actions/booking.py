"""The request form: where, what, who, how to reach them, when, consent, and a summary to confirm or correct."""

import re
import uuid
from zoneinfo import ZoneInfo

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.aside import aside, kept_open, left
from actions.facts import facts_after, known_facts, names_condition, ruling
from actions.outcome import say_outcome
from actions.screening import say_left
from actions.speech import Events, heard_in, place_of, say, text_field, word
from needlewise import wiring
from needlewise.booking import fields
from needlewise.booking.requests import Details, Kept, Request
from needlewise.content.model import DAYS, Clinic, VisitKind
from needlewise.content.render import labelled, shown_phone
from needlewise.content.rendered import Choice, Input
from needlewise.conversations.heard import Heard
from needlewise.screening.rules import Outcome

SLOTS = ("location", "visit_kind", "first_name", "contact", "times", "consent", "confirm")
_ANY = "any"
_YES_OR_NO = ("consent", "confirm")
_PLAINLY = 0.95
_NEVER_TIMES = frozenset(
    {"talk_to_human", "goodbye", "opt_out", "privacy", "bot_identity", "language", "ask_why", "diagnose_me"}
)
_WH = re.compile(r"(?:so|and|but|ok|also)?\s*(?:what|how|when|where|who|why|which)\b", re.I)
_CHANGEABLE = ("location", "visit_kind", "first_name", "contact", "times")
_RESET: Events = [
    SlotSet(name, None) for name in (*SLOTS, "request_kind", "request_draft", "left_form", "wants_visit")
]


class _Ask:
    """Asks for one slot of the request."""

    slot: str

    def name(self) -> str:
        return f"action_ask_booking_form_{self.slot}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        self.ask(dispatcher, tracker, heard, _clinic(heard))
        return []

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        raise NotImplementedError


class ActionAskLocation(_Ask, Action):
    slot = "location"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        say(
            dispatcher, "booking.ask_location", choices=_location_choices(tracker, clinic), input=Input("one")
        )


class ActionAskVisitKind(_Ask, Action):
    slot = "visit_kind"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        choices = [
            _choice("visit_kind", kind.id, labelled(kind.label, heard.language))
            for kind in _visit_kinds(tracker, clinic)
        ]
        say(dispatcher, "booking.ask_visit_kind", choices=choices, input=Input("one"))


class ActionAskFirstName(_Ask, Action):
    slot = "first_name"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        field = text_field("first_name", word("booking.field_first_name", heard), autocomplete="given-name")
        say(dispatcher, "booking.ask_first_name", input=field)


class ActionAskContact(_Ask, Action):
    slot = "contact"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        field = text_field("contact", word("booking.field_contact", heard), autocomplete="tel")
        say(dispatcher, "booking.ask_contact", input=field)


class ActionAskTimes(_Ask, Action):
    slot = "times"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        any_time = word("booking.any_time", heard)
        field = text_field("times", word("booking.field_times", heard))
        say(dispatcher, "booking.ask_times", choices=[_choice("times", any_time, any_time)], input=field)


class ActionAskConsent(_Ask, Action):
    slot = "consent"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        choices = [
            _choice("consent", answer, word(f"conversation.{answer}", heard), answer=answer)
            for answer in ("yes", "no")
        ]
        reach = _shown_contact(tracker.get_slot("contact"))
        say(dispatcher, "booking.ask_consent", choices=choices, input=Input("one"), reach=reach)


class ActionAskConfirm(_Ask, Action):
    slot = "confirm"

    def ask(self, dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> None:
        if _wants_change(heard):
            say(dispatcher, "booking.ask_change", choices=_change_choices(tracker, heard))
            return
        lines = [
            f"- {word(f'booking.line_{slot}', heard, value=value)}"
            for slot, value in _summary(tracker, heard, clinic)
        ]
        choices = [
            _choice("confirm", "yes", word("booking.send", heard), answer="yes"),
            _choice("confirm", "change", word("booking.change", heard)),
            _choice("confirm", "no", word("booking.stop", heard), answer="no"),
        ]
        say(dispatcher, "booking.summary", choices=choices, input=Input("one"), lines="\n".join(lines))


class ValidateBookingForm(Action):
    """Takes an answer to the open question, a form's fields, a correction, a question in the middle, or a wish to stop."""

    def name(self) -> str:
        return "validate_booking_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        clinic = _clinic(heard)
        requested = tracker.get_slot("requested_slot")
        if requested is None:
            return _begin(dispatcher, tracker, heard, clinic)
        if heard.command == "back":
            return _back(tracker, requested)
        if slot_to_change := _named_correction(tracker, heard, requested):
            return _reopen(slot_to_change)
        told, ends = _told(tracker, heard)
        if ends:
            return left("screening", told)
        slot, answer = _answered(heard, requested)
        if requested == "confirm" and _wants_change(heard):
            return kept_open("confirm", told)
        if answer == "no" and slot == "confirm":
            return left("stop", told)
        if answer == "no" and slot == "consent":
            return left("no_consent", told)
        taken = _taken(dispatcher, tracker, heard, clinic, slot, answer)
        if taken:
            return [*told, *taken, SlotSet("misses", 0), SlotSet("left_form", None)]
        if answer is not None and not _is_side_question(heard, slot):
            _say_what_is_needed(dispatcher, clinic, slot, answer)
            return [*told, *kept_open(requested, [])]
        done = aside(dispatcher, tracker, heard, why="booking.why")
        events = [*told, *done.events]
        return left(done.left, events) if done.left else kept_open(requested, events)


class ActionSendRequest(Action):
    """Stores the confirmed request and says its reference number, or says why nothing was sent."""

    def name(self) -> str:
        return "action_send_request"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        if reason := tracker.get_slot("left_form"):
            if reason == "screening":
                say_outcome(dispatcher, heard, ruling(known_facts(tracker), heard))
            elif reason == "no_consent":
                say(dispatcher, "booking.no_consent")
            else:
                return [*say_left(dispatcher, tracker, reason, heard), *_RESET]
            return _RESET
        kept = await wiring.services().requests.submit(_request(tracker, heard), _clinic(heard))
        key = "booking.received_callback" if kept.request.kind == "callback" else "booking.received"
        say(dispatcher, key, reference=kept.reference, expect=_expectation(kept, heard))
        if kept.request.details.tell:
            what = " ".join(word(phrase, heard) for phrase in kept.request.details.tell)
            say(dispatcher, "booking.tell_reminder", what=what)
        return _RESET


def _begin(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, clinic: Clinic) -> Events:
    """What is known or not needed before the first question."""
    kind = tracker.get_slot("request_kind") or "visit"
    if heard.urgent and kind != "callback":
        say(dispatcher, "safety.booking_notice")
    say(
        dispatcher,
        {"visit": "booking.intro", "exam": "booking.intro_exam", "callback": "booking.intro_callback"}[kind],
    )
    # A request that was not sent for an error of ours leaves its consent behind; a new one is agreed to anew.
    fresh = [SlotSet(name, None) for name in _YES_OR_NO]
    events: Events = [*fresh, SlotSet("request_kind", kind), SlotSet("request_draft", uuid.uuid4().hex)]
    if kind == "callback" or not clinic.locations:
        events.append(SlotSet("location", _ANY))
    elif len(clinic.locations) == 1:
        events.append(SlotSet("location", clinic.locations[0].id))
    kinds = _visit_kinds(tracker, clinic, request_kind=kind)
    if kind == "callback" or len(kinds) < 2:
        events.append(SlotSet("visit_kind", kinds[0].id if kinds and kind != "callback" else _ANY))
    return events


def _told(tracker: Tracker, heard: Heard) -> tuple[Events, bool]:
    """What a message in the form tells of the patient's health, and whether the request must end for it."""
    kind = tracker.get_slot("request_kind")
    if kind == "callback" or not names_condition(heard):
        return facts_after(tracker, heard), False
    decided = ruling(known_facts(tracker, heard), heard)
    events = [*facts_after(tracker, heard), SlotSet("outcome", decided.outcome.value)]
    # After CALL an exam without needles may still be asked for.
    allowed = (Outcome.BOOK, Outcome.TELL, *((Outcome.CALL,) if kind == "exam" else ()))
    return events, decided.guardian or decided.outcome not in allowed


def _answered(heard: Heard, requested: str) -> tuple[str, str | None]:
    """Which slot the message answers and with what; None when it cannot be an answer."""
    if "slot" in heard.choice:
        slot, value = str(heard.choice["slot"]), str(heard.choice["value"])
        # An older "Yes, send it" agrees to what stood there then, not to what is asked now.
        agrees_to_other = slot in _YES_OR_NO and slot != requested and value == "yes"
        return slot, None if agrees_to_other else value
    if heard.fields:
        return requested, heard.fields.get(requested, "")
    if heard.choice:
        return requested, None
    if requested in _YES_OR_NO:
        return requested, heard.verdict if heard.verdict in ("yes", "no") else None
    if heard.command == "skip" and requested == "times":
        return requested, _ANY
    if heard.command or heard.act == "start_over":
        return requested, None
    return requested, heard.text


def _taken(
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    heard: Heard,
    clinic: Clinic,
    slot: str,
    answer: str | None,
) -> Events:
    """The slots that the message fills; none when its words do not do."""
    if heard.fields:
        given = {name: text for name, text in heard.fields.items() if name in _CHANGEABLE}
        values = {name: _value(tracker, heard, clinic, name, text) for name, text in given.items()}
        filled = [event for name, value in values.items() if value for event in _filled(tracker, name, value)]
        wrong = [name for name, value in values.items() if value is None]
        if filled and wrong:
            _say_what_is_needed(dispatcher, clinic, wrong[0], given[wrong[0]])
        return filled
    if answer is None:
        return []
    if slot.startswith("change_"):
        return _reopen(slot.removeprefix("change_"))
    if "slot" not in heard.choice and slot not in _YES_OR_NO and _is_side_question(heard, slot):
        return []
    value = _value(tracker, heard, clinic, slot, answer)
    return [] if value is None else _filled(tracker, slot, value)


def _filled(tracker: Tracker, slot: str, value: str) -> Events:
    """Events that fill a slot. Whoever gives another way to reach them is asked anew whether we may use it."""
    events: Events = [SlotSet(slot, value)]
    if slot == "contact" and tracker.get_slot("contact") != value:
        events.append(SlotSet("consent", None))
    return events


def _value(tracker: Tracker, heard: Heard, clinic: Clinic, slot: str, text: str) -> str | None:
    """A slot's value from the patient's words or from a button's."""
    if slot == "location":
        offered = _requestable(tracker, clinic)
        if text in offered:
            return text
        index = fields.pick(text, [location.name for location in clinic.locations])
        return (
            clinic.locations[index].id
            if index is not None and clinic.locations[index].id in offered
            else None
        )
    if slot == "visit_kind":
        kinds = _visit_kinds(tracker, clinic)
        if text in {kind.id for kind in kinds}:
            return text
        index = fields.pick(text, [labelled(kind.label, heard.language) for kind in kinds])
        return None if index is None else kinds[index].id
    if slot == "first_name":
        # "No" and "ok" answer something else, and few people are called so; "Will" only sounds a little like them.
        answers = heard.act in ("affirm", "deny", "unsure") and heard.confidence >= _PLAINLY
        return None if answers and not heard.fields else fields.first_name(text)
    if slot == "contact":
        return fields.email(text) or fields.phone(text)
    if slot == "times":
        if text == _ANY:
            return word("booking.any_time", heard)
        return None if heard.act in ("affirm", "deny") and not heard.fields else fields.times(text)
    return text if text in ("yes", "no") else None


def _is_side_question(heard: Heard, slot: str) -> bool:
    """Whether words typed at a question are rather a question or an act of their own. Names and times may sound like topics."""
    if heard.choice or heard.fields:
        return False
    if slot in _YES_OR_NO:
        return True
    if heard.part != "web":
        return True
    means_something = bool(heard.topics or heard.offered or heard.act not in (None, "out_of_scope"))
    if slot == "contact" and (fields.email(heard.text) or fields.phone(heard.text)):
        return False
    if slot == "times":
        asks_plainly = "?" in heard.text or (bool(heard.topics) and bool(_WH.match(heard.text)))
        if heard.asks and asks_plainly and (heard.topics or heard.offered):
            return True
        never = heard.act in _NEVER_TIMES and heard.confidence >= _PLAINLY
        return never and not fields.speaks_of_time(heard.text)
    if slot == "first_name" and fields.first_name(heard.text):
        # Bill, Will and April are names: only what is plainly something else is no name.
        introduced = fields.first_name(heard.text) != heard.text.strip(" .,!")
        sure = heard.confidence >= _PLAINLY and heard.act not in ("affirm", "deny", "unsure", "out_of_scope")
        return "?" in heard.text or (sure and not introduced)
    if heard.asks and means_something:
        return True
    return heard.act not in (None, "out_of_scope", "greet", "affirm", "deny") and heard.confidence >= 0.7


def _named_correction(tracker: Tracker, heard: Heard, requested: str) -> str | None:
    """The answered question that the patient wants to correct, by words such as "wrong number"."""
    if not (heard.command or "").startswith("change_"):
        return None
    slot = str(heard.command).removeprefix("change_")
    if tracker.get_slot(slot) in (None, _ANY):
        return None
    # A single word ("email", "times") is meant so where nothing else is asked.
    return slot if requested in _YES_OR_NO or " " in heard.text else None


def _say_what_is_needed(dispatcher: CollectingDispatcher, clinic: Clinic, slot: str, answer: str) -> None:
    """A hint beside the question, which the form then asks again."""
    if slot == "location":
        index = fields.pick(answer, [location.name for location in clinic.locations])
        if index is not None:
            say(dispatcher, "booking.location_ask", choices=(), place=clinic.locations[index].name)
        else:
            say(dispatcher, "booking.bad_location", choices=())
    elif slot == "contact":
        say(dispatcher, "booking.bad_phone" if fields.looks_like_phone(answer) else "booking.bad_contact")
    elif slot in ("visit_kind", "first_name", "times"):
        say(dispatcher, f"booking.bad_{slot}")


def _back(tracker: Tracker, requested: str) -> Events:
    """The question before the open one that was asked; at the first, that one again."""
    asked = [slot for slot in SLOTS[: SLOTS.index(requested)] if tracker.get_slot(slot) not in (None, _ANY)]
    before = asked[-1] if asked else requested
    return [SlotSet(before, None), SlotSet("left_form", None), SlotSet("requested_slot", before)]


def _reopen(slot: str) -> Events:
    """Ask one slot again; the form returns to the summary by itself. A new contact needs a new consent."""
    events: Events = [SlotSet(slot, None), SlotSet("confirm", None)]
    if slot == "contact":
        events.append(SlotSet("consent", None))
    return [*events, SlotSet("left_form", None), SlotSet("requested_slot", slot)]


def _requestable(tracker: Tracker, clinic: Clinic) -> list[str]:
    """Locations a request may name: for needling those that offer it, for an exam all."""
    if tracker.get_slot("request_kind") == "visit":
        return [location.id for location in clinic.locations if location.needling == "yes"]
    return [location.id for location in clinic.locations]


def _location_choices(tracker: Tracker, clinic: Clinic) -> list[Choice]:
    offered = _requestable(tracker, clinic)
    return [
        _choice("location", location.id, location.name)
        for location in clinic.locations
        if location.id in offered
    ]


def _visit_kinds(tracker: Tracker, clinic: Clinic, *, request_kind: str | None = None) -> list[VisitKind]:
    """Kinds of visit that may be asked for: after CALL only those without needles."""
    if (request_kind or tracker.get_slot("request_kind")) == "exam":
        return [kind for kind in clinic.booking.visit_kinds if not kind.needling]
    return clinic.booking.visit_kinds


def _wants_change(heard: Heard) -> bool:
    """Whether the patient wants to correct the summary, but has not said what."""
    tapped = (heard.choice.get("slot"), heard.choice.get("value"))
    return heard.command == "change" or tapped == ("confirm", "change")


def _change_choices(tracker: Tracker, heard: Heard) -> list[Choice]:
    return [
        _choice(f"change_{slot}", "yes", word(f"booking.change_{slot}", heard))
        for slot in _CHANGEABLE
        if tracker.get_slot(slot) not in (None, _ANY)
    ]


def _summary(tracker: Tracker, heard: Heard, clinic: Clinic) -> list[tuple[str, str]]:
    """The lines of the summary: slot and what the patient reads."""
    places = {location.id: location.name for location in clinic.locations}
    kinds = {kind.id: labelled(kind.label, heard.language) for kind in clinic.booking.visit_kinds}
    values = {
        slot: str(tracker.get_slot(slot))
        for slot in _CHANGEABLE
        if tracker.get_slot(slot) not in (None, _ANY)
    }
    shown = {
        "location": places.get(values.get("location", "")),
        "visit_kind": kinds.get(values.get("visit_kind", "")),
        "contact": _shown_contact(values.get("contact")),
    }
    return [(slot, shown.get(slot) or value) for slot, value in values.items()]


def _request(tracker: Tracker, heard: Heard) -> Request:
    kind = tracker.get_slot("request_kind")
    decided = ruling(known_facts(tracker), heard)
    values = {slot: tracker.get_slot(slot) for slot in SLOTS}
    details = Details(
        first_name=values["first_name"],
        contact=values["contact"],
        times=values["times"],
        tell=decided.tell if kind == "visit" else (),
    )
    return Request(
        clinic=_clinic(heard).clinic,
        draft=tracker.get_slot("request_draft"),
        conversation=heard.conversation,
        kind=kind,
        details=details,
        outcome=tracker.get_slot("outcome"),
        location=None if values["location"] == _ANY else values["location"],
        visit_kind=None if values["visit_kind"] == _ANY else values["visit_kind"],
    )


def _expectation(kept: Kept, heard: Heard) -> str:
    """When the clinic aims to answer, and how to reach it sooner."""
    place = place_of(heard)
    sooner = word("booking.expect_contact", heard)
    if kept.expected_by is None:
        return f"{word('booking.expect_unknown', heard)} {sooner}"
    local = kept.expected_by.astimezone(ZoneInfo(place.clinic.timezone))
    day = word(f"clinic.day_{DAYS[local.weekday()]}", heard)
    return f"{word('booking.expect_day', heard, day=day)} {sooner}"


def _shown_contact(contact: str | None) -> str:
    if contact is None:
        return ""
    return shown_phone(contact, "sms") if contact.startswith("+") else contact


def _choice(slot: str, value: str, label: str, *, answer: str | None = None) -> Choice:
    return Choice(label, {"slot": slot, "value": value} | ({"answer": answer} if answer else {}))


def _clinic(heard: Heard) -> Clinic:
    return place_of(heard).clinic
