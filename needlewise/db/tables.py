"""Every table. Each row carries its clinic; what a patient wrote is in `*_sealed` columns (db.sealing) or redacted."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
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
    false,
    text,
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
    Column("clinic", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("token_hash", String(64), unique=True),  # NULL for a text conversation: its number speaks for it
    Column("started_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("state_sealed", LargeBinary),
    Column("forgotten_at", UtcDateTime),
    # What the staff's list shows and filters by: kept up in the transaction of each turn, so that no list reads messages.
    Column("heard", Integer, nullable=False, server_default="0"),  # messages of the patient
    Column("outcome", String(8)),  # the newest outcome of screening: BOOK, TELL, CALL, NOW…
    Column("request", String(16)),  # the newest request that was sent: visit, exam, callback
    Column("safety", String(16)),  # the gravest level that triage found
    Column("declined", Integer, nullable=False, server_default="0"),
    Column("unsure", Integer, nullable=False, server_default="0"),  # messages to which topics were offered
    Column("confidence", Float),  # of the message that was understood least surely
    Column("thumbs_up", Integer, nullable=False, server_default="0"),
    Column("thumbs_down", Integer, nullable=False, server_default="0"),
    Column("asked_person", Boolean, nullable=False, server_default=false()),
    Column("opted_out", Boolean, nullable=False, server_default=false()),
    Column("searchable", Integer),  # the id of its row in searchable, by which a search finds it
    # What staff did with it.
    Column("reviewed_at", UtcDateTime),  # NULL again when the patient writes on
    Column("reviewed_by", String(32)),
    Column("assigned_to", String(32)),
    Column("flagged_at", UtcDateTime),
    Column("held_at", UtcDateTime),  # a legal hold: nothing of it is purged
    Column("erased_at", UtcDateTime),  # its words left by retention
    # While a member of staff speaks in it, the assistant is silent.
    Column("live_by", String(32)),
    Column("live_at", UtcDateTime, index=True),  # when they did something in it last
    # The staff's list in its order, with all it is filtered by: a page of it reads this and nothing else (conversations.listing).
    Index(
        "ix_conversations_listed",
        *(
            "last_at",
            "id",
            "clinic",
            "heard",
            "channel",
            "outcome",
            "request",
            "safety",
            "declined",
            "unsure",
        ),
        *(
            "confidence",
            "thumbs_down",
            "asked_person",
            "opted_out",
            "reviewed_at",
            "assigned_to",
            "flagged_at",
        ),
        *("live_by", "searchable"),
    ),
)

conversation_topics = Table(
    "conversation_topics",
    metadata,
    Column("conversation", String(32), ForeignKey("conversations.id"), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Index("ix_conversation_topics_clinic_topic", "clinic", "topic", "conversation"),
)

conversation_tags = Table(
    "conversation_tags",
    metadata,
    Column("conversation", String(32), ForeignKey("conversations.id"), primary_key=True),
    Column("tag", String(40), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Index("ix_conversation_tags_clinic_tag", "clinic", "tag", "conversation"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("clinic", String(64), nullable=False),
    Column("author", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
)

# The patient's redacted words of a conversation as one text, folded for full-text search (conversations.search): SQLite has an FTS5
# index over it, kept by triggers, and PostgreSQL a column `vector` with an index (migration 0004).
searchable = Table(
    "searchable",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation", String(32), ForeignKey("conversations.id"), nullable=False, unique=True),
    Column("clinic", String(64), nullable=False),
    Column("words", Text, nullable=False),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("staff", String(32), ForeignKey("staff.id"), nullable=False, index=True),
    Column("name", String(60), nullable=False),
    Column("query", String(1000), nullable=False),  # as in the URL of the list
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("staff", "name"),
)

_UNREDACTED = text("redacted IS NULL AND body_sealed IS NOT NULL")

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
    Column(
        "understood", JSON
    ),  # of an inbound message: how it was read (conversations.understood), no word of the patient's
    Column("author", String(32)),  # of an outbound message: the member of staff who wrote it
    UniqueConstraint("conversation", "client_id"),
    UniqueConstraint("conversation", "position"),
    Index("ix_messages_clinic_at", "clinic", "at"),
    # Those that wait for redaction: few, and looked for after every turn.
    Index("ix_messages_unredacted", "at", sqlite_where=_UNREDACTED, postgresql_where=_UNREDACTED),
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
    Column(
        "state", String(12), nullable=False, server_default="new"
    ),  # new, called, no_answer, booked, closed
    Column("state_at", UtcDateTime),
    Column("owner", String(32)),
    Column("erased_at", UtcDateTime),  # its details are empty since then: retention or erasure took them
    Index("ix_requests_clinic_created_at", "clinic", "created_at"),
    Index("ix_requests_clinic_state", "clinic", "state"),
)

# One row for each time that an answer was shown: what the figures of an answer are counted from.
answers_shown = Table(
    "answers_shown",
    metadata,
    Column("message", String(32), ForeignKey("messages.id"), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_answers_shown_clinic_topic_at", "clinic", "topic", "at"),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("conversation", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("message", String(32), ForeignKey("messages.id"), nullable=False, index=True),
    Column("by", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column(
        "verdict", String(16), nullable=False
    ),  # topics, out_of_scope, urgent, wrong_answer, unclear_answer
    Column("topics", JSON, nullable=False),  # those that should have been answered, or the act
    Column("comment_sealed", LargeBinary),
    Column("done_at", UtcDateTime),  # nothing of it waits for anybody
    Column("done_by", String(32)),
    Index("ix_corrections_clinic_at", "clinic", "at"),
)

examples = Table(
    "examples",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("correction", String(32), ForeignKey("corrections.id")),
    Column("intent", String(64), nullable=False),
    Column("text", Text, nullable=False),  # redacted, and read by a person before it is accepted
    Column("state", String(12), nullable=False, index=True),  # proposed, accepted, rejected, published
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_by", String(32)),
    Column("decided_at", UtcDateTime),
)

candidates = Table(
    "candidates",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("by", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", String(12), nullable=False),  # training, replaying, ready, failed, stopped, live, retired
    Column("state_at", UtcDateTime, nullable=False),  # the last sign of life while it works
    Column("progress", Float, nullable=False),
    Column("model", String(64)),  # the file's name in var/models
    Column(
        "base", String(16)
    ),  # of the files it was trained from, beside its examples: the model's fingerprint
    Column("examples", JSON, nullable=False),  # ids
    Column("report_sealed", LargeBinary),  # what the replay found; it quotes redacted messages
    Column("error", String(300)),
)

live_model = Table(
    "live_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("candidate", String(32)),  # NULL: the model that was trained from the files
    Column("previous", String(32)),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(32), nullable=False),
)

# Texts that were changed in the console. The newest row of a key stands in place of the file, unless it was withdrawn.
content_versions = Table(
    "content_versions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(12), nullable=False),  # answer, clinic
    Column("key", String(64), nullable=False),  # a topic, or a clinic's id
    Column("clinic", String(64), nullable=False),  # "" for every clinic
    Column("language", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),  # as in the file
    Column("by", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("note", String(300), nullable=False),
    Column("withdrawn_at", UtcDateTime),
    UniqueConstraint("kind", "key", "clinic", "language", "version"),
)

content_state = Table(
    "content_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", Integer, nullable=False),  # one more with each change: who has another one reads again
)

signatures = Table(
    "signatures",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # answer, red_flag, screening
    Column("key", String(64), nullable=False),
    Column("clinic", String(64), nullable=False),
    Column("digest", String(64), nullable=False),  # of the text that was signed: another text is not signed
    Column("version", Integer),
    Column("staff", String(32), nullable=False),
    Column("signed_as", String(120), nullable=False),  # name and licence, as the clinician wrote them
    Column("at", UtcDateTime, nullable=False),
    Column("expires_on", Date),
    Column("withdrawn_at", UtcDateTime),
    Index("ix_signatures_clinic_kind_key", "clinic", "kind", "key"),
)

purges = Table(
    "purges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("what", String(16), nullable=False),  # retention, erasure, audit
    Column("begun_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # NULL: under way, or cut off; the next run goes on with it
    Column("removed", JSON, nullable=False),  # counts by kind
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
    Index("ix_audit_subject_seq", "subject", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
)
