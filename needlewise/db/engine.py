"""The database connection: SQLite in WAL mode, or PostgreSQL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from needlewise.db.locks import LOCK_CONNECTIONS, FileLocks, Locks, PostgresLocks, file_of_locks
from needlewise.errors import NeedlewiseError

BUSY_SECONDS = 5
"""How long a statement waits for another process's lock before it gives up."""

COMMAND_SECONDS = 30
"""How long a statement may take in PostgreSQL."""

VACUUM_SECONDS = 600
"""How long PostgreSQL may take to free the rows of one table."""

LOCK_SECONDS = 60
"""How long a turn waits for another process's turn of the same conversation."""

_ONLY_READS = "needlewise_only_reads"

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


def open_engine(database_url: str) -> AsyncEngine:
    """An engine for sqlite:///… or postgresql://…; raises NeedlewiseError for any other address."""
    url = _with_driver(database_url)
    if url.drivername.startswith("sqlite"):
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        # One connection, kept open: SQLite has one writer at a time, and a pool's queue is fairer than its lock, on which
        # the unlucky of several connections wait until they give up.
        engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"timeout": BUSY_SECONDS},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_at_once)
        return engine
    return create_async_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "command_timeout": COMMAND_SECONDS},
    )


def open_reading(database_url: str) -> AsyncEngine:
    """An engine for what only reads and may take long: the staff's lists and figures. Its connections are its own: no patient waits."""
    url = _with_driver(database_url)
    if not url.drivername.startswith("sqlite"):
        readers = create_async_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "timeout": BUSY_SECONDS,
                "command_timeout": COMMAND_SECONDS,
                # How to go about a list depends on what is filtered by: a plan for any value is a bad one for a rare word.
                "server_settings": {"plan_cache_mode": "force_custom_plan"},
            },
        )
        return reading(readers)
    readers = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=2,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(readers.sync_engine, "connect", _prepare_reader)
    event.listen(readers.sync_engine, "begin", _begin_at_once)
    return reading(readers)


def open_locks(database_url: str) -> Locks:
    """The locks that every process over this database shares. Raises NeedlewiseError like open_engine."""
    url = _with_driver(database_url)
    if url.drivername.startswith("sqlite"):
        return FileLocks(file_of_locks(database_url))
    engine = create_async_engine(
        url,
        pool_size=LOCK_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "command_timeout": LOCK_SECONDS},
    )
    return PostgresLocks(engine)


def _with_driver(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise NeedlewiseError(
            "NEEDLEWISE_DATABASE_URL must look like sqlite:///file or postgresql://…"
        ) from error
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise NeedlewiseError(
            f"NEEDLEWISE_DATABASE_URL: {url.drivername} is not supported; use sqlite or postgresql"
        )
    return url.set(drivername=driver)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own implicit transactions would begin too late (see _begin_at_once).
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: a committed turn outlasts a power cut, not only a crash of the process.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_reader(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_at_once(connection: Any) -> None:
    # A transaction that reads first and writes later fails at once when another wrote in between; taking the
    # write lock at the start waits for it instead. One that only reads needs no lock in WAL mode, and waits for nobody.
    only_reads = connection.get_execution_options().get(_ONLY_READS)
    try:
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
    except DBAPIError:
        # SQLAlchemy forgets a connection whose transaction could not begin; ours is the only one, and must go back.
        connection.close()
        raise


def reading(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for what only reads. It goes on while another process writes; each statement sees the present state."""
    if engine.dialect.name == "postgresql":
        # No transaction: one round trip to the server in place of three.
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(**{_ONLY_READS: True})


_MERGED_PAGES = 200
"""Of the search index, rewritten at a time: about 40 ms for the index of 100,000 conversations, and 18 times as much for all of it."""


async def scrub(engine: AsyncEngine) -> bool:
    """After an erasure: have the words leave SQLite's search index and its write-ahead log, where they would stand until overwritten.

    False while another connection reads or writes: then they are left to the next time. PostgreSQL: see vacuum.
    """
    if engine.dialect.name != "sqlite":
        return True
    pages = -_MERGED_PAGES
    while await _merge_search_index(engine, pages):
        pages = _MERGED_PAGES
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        # Not through SQLAlchemy, which would begin a transaction, inside which there is no checkpoint.
        cursor = await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, _, _ = await cursor.fetchone()
        return not is_busy


async def _merge_search_index(engine: AsyncEngine, pages: int) -> bool:
    """One step towards an index in one piece; whether there was something to do.

    What is deleted from FTS5 is only marked, until the piece that has it is merged with the mark. A negative number begins the merging of
    all pieces, positive ones go on with it (https://www.sqlite.org/fts5.html#the_merge_command).
    """
    async with engine.begin() as connection:
        before = await connection.scalar(text("SELECT total_changes()"))
        merge = "INSERT INTO searchable_words (searchable_words, rank) VALUES ('merge', :pages)"
        await connection.execute(text(merge), {"pages": pages})
        after = await connection.scalar(text("SELECT total_changes()"))
        return int(after - before) > 1


async def vacuum(engine: AsyncEngine, tables: Sequence[str]) -> None:
    """After a purge: have PostgreSQL free the rows that hold what was erased. Without the right to, it leaves that to its own vacuum."""
    if engine.dialect.name != "postgresql":
        return
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        for table in tables:
            # On the driver: it may take longer than a statement of ours.
            await driver.execute(f'VACUUM "{table}"', timeout=VACUUM_SECONDS)


def migrate(database_url: str) -> None:
    """Bring the database to this version's tables. Safe to run at every start, also with no database yet."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
