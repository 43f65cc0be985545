"""What a conversation's row says of it in the staff's list: kept up with each turn, so that the list reads no messages."""

from typing import Any

from sqlalchemy import case, or_

from needlewise.conversations.heard import Heard
from needlewise.conversations.state import State
from needlewise.db.tables import conversations

GRAVEST_FIRST = ("emergency", "crisis", "violence", "poison", "urgent", "doctor", "ask")
"""Levels of triage (safety.rules.Level), in the order in which staff should look at them."""

_DECLINED, _ASKED_PERSON = "out_of_scope", "talk_to_human"


def after_turn(
    heard: Heard | None, state: State, *, safety: str | None, opted_out: bool | None
) -> dict[str, Any]:
    """Columns of `conversations` and what a turn makes of them, for the one UPDATE that a turn makes anyway.

    `opted_out` is whether the patient said stop, or start again; None where neither was said.
    """
    its = conversations.c
    values: dict[str, Any] = {"heard": its.heard + 1, "reviewed_at": None, "reviewed_by": None}
    if outcome := state.slots.get("outcome"):
        values["outcome"] = str(outcome)
    if safety is not None:
        values["safety"] = _gravest(safety)
    if opted_out is not None:
        values["opted_out"] = opted_out
    if heard is None:
        return values
    if heard.act == _DECLINED:
        values["declined"] = its.declined + 1
    if heard.offered:
        values["unsure"] = its.unsure + 1
    if heard.act == _ASKED_PERSON:
        values["asked_person"] = True
    least = or_(its.confidence.is_(None), its.confidence > heard.confidence)
    values["confidence"] = case((least, heard.confidence), else_=its.confidence)
    return values


def _gravest(level: str) -> Any:
    graver = GRAVEST_FIRST[: GRAVEST_FIRST.index(level)] if level in GRAVEST_FIRST else ()
    return case((conversations.c.safety.in_(graver), conversations.c.safety), else_=level)
