"""What one inbound message was taken to mean: made once a turn, read by the actions, kept by the log."""

from typing import Any

from msgspec import Struct

KEY = "heard"
"""Where Rasa's parse data carries a Heard, as plain builtins."""


class Part(Struct, frozen=True):
    """One question of a message, or the whole of it, as the model ranked it; what staff see of it."""

    topic: str | None
    """The topic that was taken from it, if one was."""
    best: tuple[tuple[str, float], ...]
    """The likeliest intents, each with its share of probability, from 0 to 1."""


class Heard(Struct, frozen=True):
    """Everything the actions may know of a message. Nothing here is identity or permission: patients write what they like."""

    clinic: str
    channel: str = "web"
    language: str = "en"
    text: str = ""
    intent: str = "out_of_scope"
    """The one intent that the dialogue rules see."""
    topics: tuple[str, ...] = ()
    part: str = "web"
    """Which part of an answer is asked for: web, more, why, how_long."""
    more: tuple[str, ...] = ()
    """Topics beyond the three that one message may ask."""
    offered: tuple[str, ...] = ()
    behind: str | None = None
    """The topic answered before, where the message was read as a question after that answer."""
    parts: tuple[Part, ...] = ()
    """How the model ranked it, for the log alone: the actions are given none."""
    act: str | None = None
    confidence: float = 1.0
    command: str | None = None
    """A word to the form: stop, back, skip, why, more, or change_<field>."""
    verdict: str = "none"
    """The answer to the open screening card, or to a yes/no question: yes, no, unsure, none."""
    facts: dict[str, str] = {}
    """Screening facts the words hold (condition or card id -> present, absent, unsure)."""
    doctor_said_fine: bool = False
    """"My doctor said it's fine": thanked for, and it changes nothing."""
    names_private: bool = False
    """An illness is named that we neither ask about nor note (row C43 of content/screening.yml)."""
    asks: bool = False
    """Whether the words are put as a question."""
    choice: dict[str, Any] = {}
    """What a tapped choice leads to; made by us, never by the patient."""
    ticked: tuple[str, ...] = ()
    """Ids of screening lines that were ticked."""
    fields: dict[str, str] = {}
    urgent: bool = False
    """An urgent sign was seen in this conversation within 24 hours."""
    conversation: str = ""
    at: str = ""
    """When it was received, ISO 8601 in UTC."""
