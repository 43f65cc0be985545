"""How often answers were shown, and what patients thought of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise.db.tables import answers_shown, feedback


@dataclass
class Figures:
    """Of one answer: how many messages showed it, and the thumbs that those messages got."""

    shown: int = 0
    up: int = 0
    down: int = 0

    @property
    def is_badly_rated(self) -> bool:
        """Two thumbs down at least, and more than up."""
        return self.down >= 2 and self.down > self.up


async def figures(
    connection: AsyncConnection, clinics: Collection[str], *, since: datetime
) -> dict[str, Figures]:
    """By topic, of messages at these clinics since then. A topic that was not shown is left out."""
    of_these = (answers_shown.c.clinic.in_(clinics), answers_shown.c.at >= since)
    shown = select(answers_shown.c.topic, func.count()).where(*of_these).group_by(answers_shown.c.topic)
    found = {topic: Figures(count) for topic, count in await connection.execute(shown)}
    rated = (
        select(answers_shown.c.topic, feedback.c.verdict, func.count())
        .join(feedback, feedback.c.message == answers_shown.c.message)
        .where(*of_these)
        .group_by(answers_shown.c.topic, feedback.c.verdict)
    )
    for topic, verdict, count in await connection.execute(rated):
        setattr(found[topic], "up" if verdict == "up" else "down", count)
    return found
