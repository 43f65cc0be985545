"""How a database is told apart that `needlewise demo-data` filled: a mark that nothing takes away, and ids that only it gives."""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise.db.sealing import Seal
from needlewise.db.tables import conversations, secrets

_MARK = "demo_data"
_BEGINS = "de300000"
"""The first digits of every id."""


def demonstration_id(seed: int, number: int) -> str:
    """The id of one conversation, the same each time."""
    return _BEGINS + sha256(f"{seed}/{number}".encode()).hexdigest()[: 32 - len(_BEGINS)]


async def is_demonstration(engine: AsyncEngine) -> bool:
    """Whether the database was ever filled with made-up conversations."""
    async with engine.connect() as connection:
        return await connection.scalar(select(secrets.c.name).where(secrets.c.name == _MARK)) is not None


async def mark_demonstration(connection: AsyncConnection, seal: Seal, held: bytes) -> None:
    """Say so from now on. `held` is what the next run has to know."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    sealed = seal.seal(held)
    marked = dialect.insert(secrets).values(name=_MARK, sealed=sealed)
    await connection.execute(marked.on_conflict_do_update(index_elements=["name"], set_={"sealed": sealed}))


async def kept_mark(connection: AsyncConnection, seal: Seal) -> bytes | None:
    """What the last run left; None where there was none."""
    sealed = await connection.scalar(select(secrets.c.sealed).where(secrets.c.name == _MARK))
    return None if sealed is None else seal.open(sealed)


async def made_up(connection: AsyncConnection) -> set[str]:
    """The ids of the conversations that were made up."""
    query = select(conversations.c.id).where(conversations.c.id.like(f"{_BEGINS}%"))
    return set((await connection.execute(query)).scalars())


async def holds_real(connection: AsyncConnection) -> bool:
    """Whether there is any conversation that was not made up."""
    query = select(conversations.c.id).where(conversations.c.id.not_like(f"{_BEGINS}%")).limit(1)
    return await connection.scalar(query) is not None
