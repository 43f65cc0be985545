"""What a conversation remembers between two messages: one small value, stored encrypted with each turn."""

from typing import Any

import msgspec
from msgspec import Struct

CHOICES_KEPT = 60
"""Buttons of earlier messages that still lead somewhere; older ones get a kind sentence."""


class State(Struct, frozen=True):
    """Rasa's slots and open form, what the buttons lead to, and what safety asked or saw."""

    slots: dict[str, Any] = {}
    form: str | None = None
    choices: dict[str, dict[str, Any]] = {}
    urgent_at: str | None = None
    """When an urgent sign was last seen, ISO 8601 in UTC."""
    asked: str | None = None
    """The phrase of triage's own question, while its answer is awaited."""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def decode_state(data: bytes) -> State:
    """The state that `encode` wrote. Raises msgspec.ValidationError on anything else."""
    return msgspec.json.decode(data, type=State)
