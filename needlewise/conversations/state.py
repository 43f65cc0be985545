"""What a conversation remembers between two messages: one small value, stored encrypted with each turn."""

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import Struct

CHOICES_KEPT = 60
"""Buttons of earlier messages that still lead somewhere; older ones get a kind sentence."""


PERSONAL_SLOTS = {"first_name": "[name]", "contact": "[contact]", "times": "[times]"}
"""What a form asks of a person, and what stands in its place where the log is read."""


class State(Struct, frozen=True):
    """Rasa's slots and open form, what the buttons lead to, and what safety asked or saw."""

    slots: dict[str, Any] = {}
    form: str | None = None
    choices: dict[str, dict[str, Any]] = {}
    urgent_at: str | None = None
    """When an urgent sign was last seen, ISO 8601 in UTC."""
    asked: str | None = None
    """The phrase of triage's own question, while its answer is awaited."""
    offered: tuple[str, ...] = ()
    """The choices that the last text message numbered, in that order; none where it numbered none."""
    offered_at: str | None = None
    """When they were put, ISO 8601 in UTC: a number sent before answers something else."""
    told: tuple[str, ...] = ()
    """What is said once in a text conversation, and was."""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def decode_state(data: bytes) -> State:
    """The state that `encode` wrote. Raises msgspec.ValidationError on anything else."""
    return msgspec.json.decode(data, type=State)


def personal_answer(fields: Collection[str], before: State, after: State, *, understood: bool) -> str | None:
    """What staff may read of an answer to a personal question of a form; None for a message that redaction has to read.

    `fields` are the form fields it filled, if it did; `understood` is whether it asked or meant something else. A name that
    nobody would take for one is known by the question that it answers.
    """
    if any(name in PERSONAL_SLOTS for name in fields):
        return ", ".join(PERSONAL_SLOTS.get(name, f"[{name}]") for name in fields)
    asked = str(before.slots.get("requested_slot"))
    if before.form is None or asked not in PERSONAL_SLOTS:
        return None
    filled = after.slots.get(asked) != before.slots.get(asked)
    return PERSONAL_SLOTS[asked] if filled or not understood else None
