"""How a message was read, as the log keeps it for staff: intents, shares and ids, and not a word of the patient's."""

from typing import Any

import msgspec
from msgspec import Struct

from needlewise.conversations.heard import Heard, Part
from needlewise.conversations.state import State


class AsUnderstood(Struct, frozen=True):
    """What `messages.understood` holds."""

    intent: str
    """The one intent that the dialogue rules saw."""
    parts: tuple[Part, ...] = ()
    """The questions that the message was split into, or the whole. None where no model was asked: a tap, a command."""
    offered: tuple[str, ...] = ()
    """Topics that were put as choices, because we were not sure."""
    more: tuple[str, ...] = ()
    """Topics beyond the three that one message may ask."""
    behind: str | None = None
    """The topic of the answer before, where the message was read as a question after it."""
    command: str | None = None
    """A word to the open form: stop, back, skip, why…"""
    form: str | None = None
    """The form that was open when the message came."""
    asked: str | None = None
    """The question of that form which waited for an answer."""


def as_understood(heard: Heard, before: State) -> dict[str, Any]:
    """For the log, as plain builtins; `before` is the state that the message met."""
    read = AsUnderstood(
        intent=heard.intent,
        parts=heard.parts,
        offered=heard.offered,
        more=heard.more,
        behind=heard.behind,
        command=heard.command,
        form=before.form,
        asked=str(before.slots.get("requested_slot") or "") or None if before.form else None,
    )
    plain: dict[str, Any] = msgspec.to_builtins(read)
    return plain


def read_understood(stored: Any) -> AsUnderstood | None:
    """What `as_understood` wrote; None for nothing, and for what an older version wrote."""
    try:
        return None if stored is None else msgspec.convert(stored, AsUnderstood)
    except msgspec.ValidationError:
        return None
