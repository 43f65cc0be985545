"""Whether a member of staff speaks in a conversation, and the assistant is silent there: what a message is claimed and committed under."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_

from needlewise import clock
from needlewise.db.tables import conversations

SILENCE = timedelta(minutes=20)
"""After so long without a word of theirs, the assistant is back."""

BACK = "live.back"
"""The phrase that tells so. As State.asked it says that a bare yes or no answers nothing that was asked before they came."""


@dataclass(frozen=True)
class Present:
    """The member of staff who speaks, by account id, and when they did something there last."""

    by: str
    at: datetime
    is_over: bool
    """They were silent too long: the assistant answers again, and the patient is still to be told."""


def present(live_by: str | None, live_at: datetime | None) -> Present | None:
    """Who is there, by the columns of a conversation."""
    if live_by is None or live_at is None:
        return None
    return Present(live_by, live_at, clock.now() - live_at >= SILENCE)


def still(found: Present | None) -> Any:
    """In SQL: that staff are there, or not, as they were found. Where the assistant takes over, they have said nothing since either."""
    if found is None:
        return conversations.c.live_by.is_(None)
    if not found.is_over:
        return conversations.c.live_by.is_not(None)
    return and_(conversations.c.live_by == found.by, conversations.c.live_at == found.at)


def left(found: Present | None) -> dict[str, Any]:
    """What a committed turn changes: where they were silent too long, nobody is there any more."""
    return {"live_by": None, "live_at": None} if found is not None and found.is_over else {}
