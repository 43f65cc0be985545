"""What Alembic runs: migrations over our own engine, so that both databases get them the same way."""

import asyncio

from alembic import context
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from needlewise.db.engine import open_engine
from needlewise.db.tables import metadata

_MIGRATION = 7_237_001
"""Names the lock of migrations; any number that nothing else uses."""


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Of several processes that start at once, one migrates and the others wait. SQLite's write lock does the same.
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION)))
        context.run_migrations()


async def _main() -> None:
    engine = open_engine(context.config.attributes["database_url"])
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
