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
    Column("token_hash", String(64), unique=True),  # NULL for a text conversation: its number speaks for it
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
    Column("kind", String(16), nullable=False),  # email, sms
    Column("once", String(80), nullable=False, unique=True),
    Column("payload_sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_try_at", UtcDateTime, index=True),  # NULL when there is nothing more to try
    Column("tries", Integer, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("last_error", String(200)),
    # Of a text message only: what must leave in order, from which number, and what the provider made of it.
    Column("thread", String(32)),
    Column("position", Integer),
    Column("sender", String(20)),
    Column("begun_at", UtcDateTime),  # a send began, and its outcome is not known (yet)
    Column("provider_id", String(64), unique=True),
    Column("status", String(16)),
    UniqueConstraint("thread", "position"),
    Index("ix_outbox_sender_next_try_at", "sender", "next_try_at"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("provider_id", String(64), nullable=False, unique=True),
    Column("clinic", String(64), nullable=False),
    Column("thread", String(32), nullable=False),
    Column("payload_sealed", LargeBinary),  # NULL once its turn is committed: the words are in messages then
    Column("received_at", UtcDateTime, nullable=False),
    Column("ready_at", UtcDateTime),  # NULL once its turn is committed
    Column("tries", Integer, nullable=False),
    Column("message", String(32)),  # the row of messages that it became, or became part of
    Index("ix_inbox_ready_at", "ready_at"),
    Index("ix_inbox_thread_seq", "thread", "seq"),
)

threads = Table(
    "threads",
    metadata,
    Column("id", String(32), primary_key=True),  # a keyed hash of the two numbers
    Column("clinic", String(64), nullable=False),
    Column("clinic_number", String(20), nullable=False),
    Column("number_sealed", LargeBinary, nullable=False),
    Column("epoch", Integer, nullable=False),  # counts the people who had the number, as far as we can tell
    Column("conversation", String(32)),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("opted_out_at", UtcDateTime),
    Index("ix_threads_clinic_last_at", "clinic", "last_at"),
)

consent_changes = Table(
    "consent_changes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread", String(32), ForeignKey("threads.id"), nullable=False, index=True),
    Column("clinic", String(64), nullable=False),
    Column("clinic_number", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("change", String(8), nullable=False),  # out, in
    Column("wording", String(32), nullable=False),  # the class of words: keyword, natural…
    Column("source", String(16), nullable=False),  # patient, provider
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

key_check = Table(
    "key_check",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

staff = Table(
    "staff",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),  # what they sign in with, in small letters
    Column("password_hash", String(255)),  # argon2id; NULL until chosen, and after a reset
    Column("password_at", UtcDateTime),
    Column("totp_sealed", LargeBinary),  # the secret of the second factor; NULL until set up
    Column("totp_step", Integer),  # the half minute of the newest code taken: each code is good once
    Column("setup_hash", String(64)),  # of the one-time code with which a password is chosen
    Column("setup_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

staff_roles = Table(
    "staff_roles",
    metadata,
    Column("staff", String(32), ForeignKey("staff.id"), primary_key=True),
    Column("clinic", String(64), primary_key=True, index=True),
    Column("role", String(16), primary_key=True),  # reader, reviewer, editor, clinician, admin
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff", String(32), ForeignKey("staff.id"), nullable=False, index=True),
    Column("stage", String(8), nullable=False),  # password, enrol, code: what is still asked; full: signed in
    Column("pending_sealed", LargeBinary),  # while enrolling: the secret of the second factor to be
    Column("browser", String(40), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
)

staff_devices = Table(
    "staff_devices",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff", String(32), ForeignKey("staff.id"), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

staff_recovery = Table(
    "staff_recovery",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("staff", String(32), ForeignKey("staff.id"), nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

staff_throttle = Table(
    "staff_throttle",
    metadata,
    Column("key", String(64), primary_key=True),  # a keyed hash of who tried and from where
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(40), nullable=False),  # a staff id, or what else acted
    Column("clinic", String(64), nullable=False),  # "" where it concerns no one clinic
    Column("action", String(64), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("reason", String(300), nullable=False),
    Column("outcome", String(8), nullable=False),  # success, failure
    Column("details", Text, nullable=False),  # a JSON object, as it was hashed
    Column("purged_through", Integer),  # of a purge: the newest row that it removed
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_clinic_seq", "clinic", "seq"),
    Index("ix_audit_actor_seq", "actor", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
)
