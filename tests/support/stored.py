"""What a deployment's SQLite file holds, read the way somebody who stole it would: without our code."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from needlewise.settings import Settings

_JSON = ("topics", "answers", "understood")


def database(settings: Settings) -> Path:
    """The database's file."""
    return Path(make_url(settings.database_url).database)


def rows(settings: Settings, table: str, order: str = "rowid") -> list[dict[str, Any]]:
    """Every row of a table, JSON columns decoded."""
    connection = sqlite3.connect(database(settings))
    connection.row_factory = sqlite3.Row
    try:
        found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]  # noqa: S608
    finally:
        connection.close()
    for row in found:
        row.update({name: json.loads(row[name]) for name in _JSON if row.get(name) is not None})
    return found


def messages(settings: Settings, conversation: str) -> list[dict[str, Any]]:
    """The log of one conversation, in order."""
    return [row for row in rows(settings, "messages", "position") if row["conversation"] == conversation]


def directions(settings: Settings, conversation: str) -> list[str]:
    """Who spoke, in order: in for the patient, out for us."""
    return [row["direction"] for row in messages(settings, conversation)]


def raw(settings: Settings) -> bytes:
    """The bytes of the database's file and of its write-ahead log."""
    path = database(settings)
    files = (path, path.with_name(f"{path.name}-wal"))
    return b"".join(file.read_bytes() for file in files if file.exists())
