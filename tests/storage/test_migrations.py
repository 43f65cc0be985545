"""The migrations and the tables of db/tables.py say the same."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, create_engine, insert, inspect, select, text
from sqlalchemy.engine import Connection

import needlewise.db
from needlewise.db.engine import migrate
from needlewise.db.tables import (
    answers_shown,
    conversation_topics,
    conversations,
    key_check,
    metadata,
    searchable,
)
from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]

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


# -- from 0003: what was said before is listed, counted and found ------------------------------------------------------

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A database that two conversations were kept in before the version with the review, brought up to date."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'old.db'}"
    else:
        cluster: Postgres = request.getfixturevalue("postgres")
        address = cluster.new_database()
    config = Config()
    config.set_main_option("script_location", str(Path(needlewise.db.__file__).parent))
    config.attributes["database_url"] = address
    command.upgrade(config, "0003")
    engine = create_engine(address)
    with engine.begin() as connection:
        _keep_old(connection)
    migrate(address)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _keep_old(connection: Connection) -> None:
    old = {name: Table(name, MetaData(), autoload_with=connection) for name in ("conversations", "messages")}
    for identity in ("asked", "silent"):
        row = {"id": identity, "clinic": "demo", "channel": "web", "language": "en"}
        connection.execute(insert(old["conversations"]).values(**row, started_at=AT, last_at=AT))
    said: list[dict[str, Any]] = [
        {"direction": "out", "redacted": "Hello, it costs nothing to ask"},
        {
            "direction": "in",
            "redacted": "I'm [name]: does it HURT?",
            "topics": ["does_it_hurt"],
            "confidence": 0.9,
        },
        {
            "direction": "out",
            "redacted": "A little",
            "answers": [{"topic": "does_it_hurt", "version": 2}] * 2,
        },
        {"direction": "in", "redacted": "my car is broken", "act": "out_of_scope", "confidence": 0.4},
        {
            "direction": "in",
            "redacted": "cant breathe",
            "safety_level": "emergency",
            "topics": ["does_it_hurt"],
        },
        {"direction": "in", "redacted": "call me", "act": "talk_to_human", "safety_level": "doctor"},
        {"direction": "in", "redacted": None},
    ]
    for place, message in enumerate(said):
        row = {"id": f"m{place}", "clinic": "demo", "conversation": "asked", "channel": "web", "at": AT}
        connection.execute(insert(old["messages"]).values(**row, position=place + 1, **message))
    connection.execute(
        text("INSERT INTO feedback (message, clinic, verdict, at) VALUES ('m2', 'demo', 'down', :at)"),
        {"at": AT},
    )
    for reference, kind, outcome in (("A", "visit", "TELL"), ("B", "callback", None)):
        connection.execute(
            text(
                "INSERT INTO requests (reference, clinic, draft, conversation, kind, outcome, details_sealed, "
                "consent_at, created_at) VALUES (:ref, 'demo', :ref, 'asked', :kind, :outcome, :sealed, :at, :at)"
            ),
            {
                "ref": reference,
                "kind": kind,
                "outcome": outcome,
                "sealed": b"x",
                "at": AT.replace(minute=ord(reference) - 64),
            },
        )


def test_what_was_said_before_the_review_is_summed_up(upgraded: Connection) -> None:
    rows = {row.id: row._mapping for row in upgraded.execute(select(conversations))}
    expected = {
        "heard": 5,
        "outcome": "TELL",
        "request": "callback",
        "safety": "emergency",
        "declined": 1,
        "confidence": 0.4,
        "thumbs_up": 0,
        "thumbs_down": 1,
        "asked_person": True,
        "opted_out": False,
        "reviewed_at": None,
    }
    assert {name: rows["asked"][name] for name in expected} == expected
    assert (rows["silent"]["heard"], rows["silent"]["safety"], rows["silent"]["searchable"]) == (
        0,
        None,
        None,
    )


def test_topics_and_answers_of_before_the_review_stand_once(upgraded: Connection) -> None:
    assert upgraded.execute(select(conversation_topics)).all() == [("asked", "does_it_hurt", "demo")]
    shown = upgraded.execute(select(answers_shown)).one()
    assert (shown.message, shown.topic, shown.version) == ("m2", "does_it_hurt", 2)


def test_what_was_said_before_the_review_is_found(upgraded: Connection) -> None:
    row = upgraded.execute(select(searchable)).one()
    assert row.words == "im does it hurt my car is broken cant breathe call me"
    assert upgraded.execute(select(conversations.c.id).where(conversations.c.searchable == row.id)).all() == [
        ("asked",)
    ]
    if upgraded.dialect.name == "sqlite":
        query = "SELECT rowid FROM searchable_words WHERE searchable_words MATCH 'hurts'"
    else:
        query = "SELECT id FROM searchable WHERE vector @@ to_tsquery('needlewise', 'hurts')"
    assert upgraded.execute(text(query)).scalars().all() == [row.id]
