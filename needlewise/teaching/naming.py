"""What staff call the ids that a patient's message is read as."""

from collections.abc import Mapping

from needlewise.content.library import Library
from needlewise.nlu.taxonomy import DECLINED, INTENTS

ACTS: Mapping[str, str] = {
    "book_appointment": "Wants to book a visit",
    "change_appointment": "Has a visit, and wants to change or check it",
    "talk_to_human": "Wants a person",
    "diagnose_me": "Asks what they have, or for advice about it",
    "opt_out": "Wants no more texts",
    "privacy": "Asks who reads this and what is kept",
    "bot_identity": "Asks whether this is a machine",
    "language": "Wants another language",
    "greet": "Says hello",
    "goodbye": "Says goodbye",
    "thanks": "Says thank you",
    "feedback_positive": "Praises the answer",
    "feedback_negative": "Says that the answer was wrong",
    "affirm": "Says yes",
    "deny": "Says no",
    "unsure": "Says that they do not know",
    "ask_why": "Asks why we ask",
    "start_over": "Wants to start over",
    DECLINED: "Nothing that we answer",
}


def names(library: Library) -> dict[str, str]:
    """A name for every id that has examples: a topic's is the title of its answer. In the order of a list to choose from."""
    topics = {name: answer.en.title for name, answer in library.answers.items() if name in INTENTS}
    return {**dict(sorted(topics.items(), key=lambda pair: pair[1].casefold())), **ACTS}


def intent_named(typed: str, library: Library) -> str | None:
    """The id that somebody means who typed its name, or the id itself; None where there is no such."""
    wanted = " ".join(typed.split()).casefold()
    for intent, name in names(library).items():
        if wanted in (intent, name.casefold()):
            return intent
    return None
