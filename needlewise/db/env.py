"""What Alembic runs: migrations over our own engine, so that both databases get them the same way."""

import asyncio

from alembic import context
from sqlalchemy.engine import Connection

from needlewise.db.engine import open_engine
from needlewise.db.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    engine = open_engine(context.config.attributes["database_url"])
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
