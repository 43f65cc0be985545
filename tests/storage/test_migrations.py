"""The migrations and the tables of db/tables.py say the same."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, inspect, select

from needlewise.db.engine import migrate
from needlewise.db.tables import key_check, metadata

SEARCH = "searchable_words"
"""SQLite's full-text index, and the tables that FTS5 keeps behind it."""


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new' / 'needlewise.db'}"


def test_migrating_from_nothing_gives_the_tables_of_the_code(address: str) -> None:
    migrate(address)
    with create_engine(address).connect() as connection:
        tables = {name for name in inspect(connection).get_table_names() if not name.startswith(SEARCH)}
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "include_name": lambda name, *_: not (name or "").startswith(SEARCH)},
        )
        assert compare_metadata(context, metadata) == []
    assert tables == {*metadata.tables, "alembic_version"}


def test_migrating_again_keeps_what_is_stored(address: str) -> None:
    migrate(address)
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(insert(key_check).values(id=1, sealed=b"x"))
    migrate(address)
    with engine.connect() as connection:
        assert connection.execute(select(key_check.c.sealed)).scalars().all() == [b"x"]
