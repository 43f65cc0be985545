"""Talk around the questions: hello, thanks, who we are, what happens with words, starting over."""

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.outcome import begin_or_keep
from actions.questions import answer_all
from actions.speech import Events, heard_in, say

# Everything a conversation was told; the last topics stay, so that "why?" still leans on something.
PRIVATE_SLOTS = (
    "card_now",
    "card_call",
    "card_tell",
    "facts",
    "facts_at",
    "outcome",
    "wants_visit",
    "left_form",
    "request_kind",
    "request_draft",
    "location",
    "visit_kind",
    "first_name",
    "contact",
    "times",
    "consent",
    "confirm",
)


class ActionConverse(Action):
    """One phrase an act, chosen by the act's name."""

    def name(self) -> str:
        return "action_converse"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        events = answer_all(dispatcher, heard, alone=False)
        to_a_notice = heard.urgent and heard.intent in ("affirm", "deny", "unsure")
        say(dispatcher, "conversation.notice_taken" if to_a_notice else f"conversation.{heard.intent}")
        return [*events, *begin_or_keep(dispatcher, tracker, heard)]


class ActionStartOver(Action):
    """Drops what was told and begins afresh."""

    def name(self) -> str:
        return "action_start_over"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        return start_over(dispatcher)


def start_over(dispatcher: CollectingDispatcher) -> Events:
    """Forget the screening and the request under way, and greet again."""
    say(dispatcher, "conversation.start_over")
    say(dispatcher, "conversation.greet")
    return [SlotSet(name, None) for name in PRIVATE_SLOTS] + [
        SlotSet("misses", 0),
        SlotSet("last_topics", None),
    ]
