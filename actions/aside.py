"""What a patient says in the middle of a form that is no answer to its question: it is dealt with, and the question comes back."""

from dataclasses import dataclass

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.questions import answer_all, decline, offer_topics
from actions.speech import Events, say
from needlewise.conversations.heard import Heard

# Acts that end a form: the patient wants something else now.
_LEAVES = frozenset({"talk_to_human", "change_appointment", "opt_out", "start_over", "goodbye"})


@dataclass(frozen=True)
class Aside:
    """Events of an aside; `left` names why the form ends, if it does."""

    events: Events
    left: str | None = None


def aside(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard, *, why: str) -> Aside:
    """Deal with a message that is no answer. `why` is the phrase that says why the open question is asked."""
    if heard.command == "go_on":
        say(dispatcher, "conversation.notice_taken", choices=())
        return Aside([])
    if heard.command == "stop":
        return Aside([], "stop")
    if heard.intent in _LEAVES:
        return Aside([], heard.intent)
    if heard.command in ("why", "skip") or heard.intent == "ask_why":
        say(dispatcher, why)
        return Aside([])
    if heard.topics:
        return Aside(answer_all(dispatcher, heard, alone=False))
    if heard.offered:
        return Aside(offer_topics(dispatcher, tracker, heard))
    if heard.act in (None, "out_of_scope", "choose"):
        return Aside(decline(dispatcher, tracker))
    if heard.act == "book_appointment":
        return Aside([])
    if heard.act in ("affirm", "deny", "unsure"):
        # Said to something else than the open question, which is put again.
        say(dispatcher, "conversation.notice_taken", choices=())
        return Aside([])
    say(dispatcher, f"conversation.{heard.act}", choices=())
    return Aside([])


def kept_open(requested: str, events: Events) -> Events:
    """Events that keep a form at its question. Rasa rejects a form whose validation sets no slot at all."""
    return [*events, SlotSet("left_form", None), SlotSet("requested_slot", requested)]


def left(reason: str, events: Events) -> Events:
    """Events that end a form early."""
    return [*events, SlotSet("left_form", reason), SlotSet("requested_slot", None)]
