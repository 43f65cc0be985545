"""What the screening comes to, in words, and what a condition leads to that is named outside of it."""

from rasa_sdk import Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.facts import facts_after, known_facts, names_condition, ruling
from actions.speech import Events, act_choice, say, word
from needlewise.content.rendered import Choice
from needlewise.conversations.heard import Heard
from needlewise.screening.rules import Outcome, Ruling

CARDS = ("card_now", "card_call", "card_tell")


def keep_facts(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard) -> Events:
    """Keep what a message tells. Once the screening is over, a condition that changes its outcome changes what is said."""
    events = facts_after(tracker, heard)
    before = tracker.get_slot("outcome")
    if before is None or not names_condition(heard):
        return events
    decided = ruling(known_facts(tracker, heard), heard)
    if decided != ruling(known_facts(tracker), heard):
        say_outcome(dispatcher, heard, decided)
    return [*events, SlotSet("outcome", decided.outcome.value)]


def begin_or_keep(
    dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, *, begin: bool = False
) -> Events:
    """As `keep_facts`; where no screening was done yet, a condition, or `begin`, leads on to it."""
    events = keep_facts(dispatcher, tracker, heard)
    if (begin or names_condition(heard)) and tracker.get_slot("outcome") is None:
        return [*events, *begin_screening()]
    return events


def begin_screening() -> Events:
    """Events that put every card afresh, less what is known."""
    return [*(SlotSet(card, None) for card in CARDS), FollowupAction("screening_form")]


def is_minor(tracker: Tracker, heard: Heard) -> bool:
    """Whether a parent or guardian has to call: nothing more is asked then."""
    return ruling(known_facts(tracker, heard), heard).guardian


def say_outcome(
    dispatcher: CollectingDispatcher, heard: Heard, decided: Ruling, *, choices: bool = True
) -> None:
    """The outcome's phrase with the ways on that it allows (none when the dialogue goes on by itself)."""
    if decided.guardian:
        say(dispatcher, "screening.outcome_guardian")
    elif decided.outcome is Outcome.NOW:
        say(dispatcher, "screening.outcome_now")
    elif decided.outcome is Outcome.CALL:
        key = "screening.outcome_call_doctor" if decided.doctor_first else "screening.outcome_call"
        exam = Choice(word("booking.exam_only", heard), {"act": "book_appointment", "request": "exam"})
        call = Choice(word("booking.call_me", heard), {"act": "talk_to_human", "request": "callback"})
        say(dispatcher, key, choices=[call, exam])
    else:
        visit = [act_choice("conversation.ask_for_visit", "book_appointment", heard)] if choices else []
        if decided.outcome is Outcome.TELL:
            what = " ".join(word(key, heard) for key in decided.tell)
            say(dispatcher, "screening.outcome_tell", choices=visit, what=what)
        else:
            say(dispatcher, "screening.outcome_book", choices=visit)
