"""Screening facts that a conversation has gathered, and what follows from them."""

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet

from actions.speech import Events
from needlewise import wiring
from needlewise.conversations.heard import Heard
from needlewise.screening.rules import Outcome, Ruling, Status


def known_facts(tracker: Tracker, heard: Heard | None = None) -> dict[str, str]:
    """What was told so far, with what the latest message adds."""
    return {**(tracker.get_slot("facts") or {}), **(heard.facts if heard else {})}


def facts_after(tracker: Tracker, heard: Heard) -> Events:
    """Events that keep the latest message's facts; the first one starts their 24 hours."""
    if not heard.facts:
        return []
    return [
        SlotSet("facts", known_facts(tracker, heard)),
        SlotSet("facts_at", tracker.get_slot("facts_at") or heard.at or None),
    ]


def names_condition(heard: Heard) -> bool:
    """Whether the patient said that a condition of the table holds, or may hold, for them today."""
    return any(status != Status.ABSENT.value for status in heard.facts.values())


def ruling(facts: dict[str, str], heard: Heard) -> Ruling:
    """The rules' decision on these facts, with the clinic's own stricter or agreed choices."""
    services = wiring.services()
    policy = {
        name: Outcome(value) for name, value in services.library.clinic(heard.clinic).screening_policy.items()
    }
    return services.screening.decide({name: Status(value) for name, value in facts.items()}, policy)
