"""Answering questions: what is asked, what may be meant, and what we do not know."""

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.facts import names_condition
from actions.outcome import begin_or_keep, keep_facts
from actions.speech import Events, act_choice, heard_in, say, say_answer
from needlewise import wiring
from needlewise.content.rendered import Choice
from needlewise.conversations.heard import Heard


class ActionAnswer(Action):
    """Answers each question of the message; a condition the patient has leads on to the screening."""

    def name(self) -> str:
        return "action_answer"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        events = answer_all(dispatcher, heard)
        asks_for_it = "am_i_a_candidate" in heard.topics and heard.part == "web"
        return [*events, *begin_or_keep(dispatcher, tracker, heard, begin=asks_for_it)]


class ActionOfferTopics(Action):
    """Puts the nearest topics as choices: between two, the patient decides, not a guess."""

    def name(self) -> str:
        return "action_offer_topics"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        return [*offer_topics(dispatcher, tracker, heard), *keep_facts(dispatcher, tracker, heard)]


class ActionDecline(Action):
    """Says that it does not know, what it can do, and, the second time, how to reach a person first."""

    def name(self) -> str:
        return "action_decline"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        heard = heard_in(tracker)
        if names_condition(heard) and tracker.get_slot("outcome") is None:
            # The condition is what we do know something about.
            say(dispatcher, "screening.intro")
            return begin_or_keep(dispatcher, tracker, heard)
        return [*decline(dispatcher, tracker), *keep_facts(dispatcher, tracker, heard)]


class ActionChoose(Action):
    """A button of a question that is no longer open."""

    def name(self) -> str:
        return "action_choose"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> Events:
        say(dispatcher, "conversation.choice_over")
        return []


def answer_all(dispatcher: CollectingDispatcher, heard: Heard, *, alone: bool = True) -> Events:
    """Say the answer to each question asked, at most three, and offer the rest. Only a single answer carries choices."""
    for topic in heard.topics:
        single = alone and len(heard.topics) == 1
        say_answer(dispatcher, topic, part=heard.part, choices=None if single else ())
    if heard.more:
        titles = [Choice(wiring.services().renderer.title(topic), {"topic": topic}) for topic in heard.more]
        say(dispatcher, "conversation.more_questions", choices=titles)
    return [SlotSet("last_topics", list(heard.topics)), SlotSet("misses", 0)] if heard.topics else []


def offer_topics(dispatcher: CollectingDispatcher, tracker: Tracker, heard: Heard) -> Events:
    """The two or three nearest topics; the second time in a row the way to a person comes first."""
    misses = int(tracker.get_slot("misses") or 0)
    choices = [Choice(wiring.services().renderer.title(topic), {"topic": topic}) for topic in heard.offered]
    person = act_choice("conversation.talk_to_person", "talk_to_human", heard)
    choices = [person, *choices] if misses else [*choices, person]
    say(dispatcher, "conversation.which_again" if misses else "conversation.which_topic", choices=choices)
    return [SlotSet("misses", misses + 1)]


def decline(dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
    """Plain words for "I do not know that"; twice in a row, the person first."""
    misses = int(tracker.get_slot("misses") or 0)
    say(dispatcher, "conversation.decline_again" if misses else "conversation.decline")
    return [SlotSet("misses", misses + 1)]
