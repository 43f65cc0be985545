"""The beginning of a request for a visit: our form, or the clinic's own scheduler where it has one."""

from rasa_sdk import Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.facts import known_facts, ruling
from actions.speech import Events, heard_in, place_of, say, word
from needlewise.content.rendered import Choice


def begin_request(
    dispatcher: CollectingDispatcher, tracker: Tracker, kind: str, *, is_told: bool = False
) -> Events:
    """Events that lead on to a visit or an exam.

    A clinic with a scheduler of its own gets its patients by a link, and we ask them for nothing: neither name nor number nor
    times would reach it. `is_told` says that this turn has said already what to tell the therapist. Call-backs never come here:
    no scheduler takes them.
    """
    heard = heard_in(tracker)
    booking = place_of(heard).clinic.booking
    if booking.way != "link" or booking.link is None:
        return [SlotSet("request_kind", kind), FollowupAction("booking_form")]
    if heard.urgent:
        say(dispatcher, "safety.booking_notice")
    call_me = Choice(word("booking.call_me", heard), {"act": "talk_to_human", "request": "callback"})
    key = "booking.link_exam" if kind == "exam" else "booking.link"
    say(dispatcher, key, choices=[call_me], link=booking.link)
    decided = ruling(known_facts(tracker), heard)
    if decided.tell and kind == "visit" and not is_told:
        # Nothing of it goes with the link: only the patient can tell.
        what = " ".join(word(phrase, heard) for phrase in decided.tell)
        say(dispatcher, "booking.tell_reminder", what=what)
    return [SlotSet("wants_visit", None)]
