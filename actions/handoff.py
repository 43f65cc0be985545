"""The way to a person: by phone, by the clinic's hours, or a request to be contacted."""

from datetime import datetime

from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.outcome import is_minor, keep_facts
from actions.questions import answer_all
from actions.speech import Events, heard_in, place_of, say, word
from needlewise import clock, wiring
from needlewise.content.rendered import Choice
from needlewise.conversations.heard import Heard


class ActionTalkToHuman(Action):
    """The contact route for this clinic and hour, and the offer of a call back."""

    def name(self) -> str:
        return "action_talk_to_human"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        if heard.choice.get("request") == "callback" and not is_minor(tracker, heard):
            return [SlotSet("request_kind", "callback"), SlotSet("misses", 0), FollowupAction("booking_form")]
        events = answer_all(dispatcher, heard, alone=False)
        say_route(dispatcher, tracker, heard)
        return [*events, *keep_facts(dispatcher, tracker, heard), SlotSet("misses", 0)]


class ActionChangeAppointment(Action):
    """The route to change or cancel a visit: the assistant sees no calendar."""

    def name(self) -> str:
        return "action_change_appointment"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        events = answer_all(dispatcher, heard, alone=False)
        say_change_route(dispatcher, tracker, heard)
        return [*events, *keep_facts(dispatcher, tracker, heard), SlotSet("misses", 0)]


def say_route(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard) -> None:
    """How to reach a person now: another sentence when the front desk is open, closed, or its hours are not known."""
    place = place_of(heard)
    at = datetime.fromisoformat(heard.at) if heard.at else clock.now()
    opening = wiring.services().renderer.opening(
        place, at.astimezone(wiring.services().zone(place.clinic.clinic))
    )
    key = "handoff.route" if opening == "unknown" else f"handoff.route_{opening}"
    say(dispatcher, key, choices=_call_me(tracker, heard))


def say_change_route(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard) -> None:
    """How to change a visit, with the clinic's own rule where it has set one."""
    say(dispatcher, "handoff.change_visit", choices=_call_me(tracker, heard))
    if wiring.services().renderer.setting("cancellation", place_of(heard)):
        say(dispatcher, "handoff.change_rule")


def _call_me(tracker: Tracker, heard: Heard) -> list[Choice]:
    """The offer of a call back; none to someone under 18, of whom nothing more is asked."""
    if is_minor(tracker, heard):
        return []
    return [Choice(word("booking.call_me", heard), {"act": "talk_to_human", "request": "callback"})]
