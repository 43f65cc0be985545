"""Signatures as they are kept, and which answers stand signed by them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from needlewise.content.digest import answer_text, digest_of
from needlewise.content.library import Library
from needlewise.db.tables import signatures

Kind = Literal["answer", "red_flag", "screening"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Signature:
    """One signature as it was given. `signed_as` is the name and licence that the clinician wrote."""

    id: str
    kind: Kind
    key: str
    clinic: str
    digest: str
    version: int | None
    staff: str
    signed_as: str
    at: datetime
    expires_on: date | None
    withdrawn_at: datetime | None


async def given_for(connection: AsyncConnection, clinic: str) -> list[Signature]:
    """Every signature for a clinic, the newest first, also those withdrawn."""
    query = select(signatures).where(signatures.c.clinic == clinic).order_by(signatures.c.at.desc())
    return [Signature(**row._mapping) for row in await connection.execute(query)]


async def signed_answers(connection: AsyncConnection, library: Library) -> dict[tuple[str, str], date | None]:
    """By clinic and topic, the answers that stand signed, with the last day on which they do; None where it has no end."""
    found: dict[tuple[str, str], date | None] = {}
    for clinic in library.clinics:
        digests = {topic: digest_of(answer_text(topic, clinic, library)) for topic in library.answers}
        for one in await given_for(connection, clinic):
            if one.kind == "answer" and one.withdrawn_at is None and digests.get(one.key) == one.digest:
                # The newest comes first, and counts.
                found.setdefault((clinic, one.key), one.expires_on)
    return found
