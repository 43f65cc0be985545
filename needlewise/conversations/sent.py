"""The requests that were sent from a conversation."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.db.tables import requests


@dataclass(frozen=True)
class Sent:
    """One of them, without anything personal."""

    reference: str
    kind: str
    """visit, exam or callback."""
    state: str


async def load_sent(reading: AsyncEngine, conversation: str) -> tuple[Sent, ...]:
    """The oldest first. Whose conversation it is, the caller has seen."""
    query = (
        select(requests.c.reference, requests.c.kind, requests.c.state)
        .where(requests.c.conversation == conversation)
        .order_by(requests.c.created_at)
    )
    async with reading.connect() as connection:
        return tuple(Sent(row.reference, row.kind, row.state) for row in await connection.execute(query))
