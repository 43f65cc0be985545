"""Every table. Each row carries its clinic; what a patient wrote is in `*_sealed` columns (db.sealing) or redacted."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, also in SQLite, which keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("token_hash", String(64), unique=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
    Column("state_sealed", LargeBinary),
    Column("forgotten_at", UtcDateTime),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("conversation", String(32), ForeignKey("conversations.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("direction", String(3), nullable=False),  # in, out
    Column("channel", String(16), nullable=False),
    Column("client_id", String(64)),
    Column("reply_to", String(32)),
    Column("at", UtcDateTime, nullable=False),
    Column("answered", Boolean),  # of an inbound message: its reply is committed
    Column("body_sealed", LargeBinary),
    Column("redacted", Text),  # NULL until redaction ran; nobody reads the message before
    Column("kind", String(16)),
    Column("topics", JSON),
    Column("answers", JSON),
    Column("act", String(32)),
    Column("confidence", Float),
    Column("safety_level", String(16)),
    Column("safety_rule", String(64)),
    Column("latency_ms", Float),
    UniqueConstraint("conversation", "client_id"),
    UniqueConstraint("conversation", "position"),
    Index("ix_messages_clinic_at", "clinic", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("message", String(32), ForeignKey("messages.id"), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("verdict", String(4), nullable=False),
    Column("reason_sealed", LargeBinary),
    Column("at", UtcDateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("reference", String(12), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("draft", String(64), nullable=False, unique=True),
    Column("conversation", String(32), nullable=False),
    Column("kind", String(16), nullable=False),  # visit, exam, callback
    Column("outcome", String(8)),
    Column("location", String(64)),
    Column("visit_kind", String(64)),
    Column("details_sealed", LargeBinary, nullable=False),  # name, contact, times, what to tell the therapist
    Column("consent_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expected_by", UtcDateTime),
    Index("ix_requests_clinic_created_at", "clinic", "created_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # email
    Column("once", String(80), nullable=False, unique=True),
    Column("payload_sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_try_at", UtcDateTime, index=True),  # NULL when there is nothing more to try
    Column("tries", Integer, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("last_error", String(200)),
)

key_check = Table(
    "key_check",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
