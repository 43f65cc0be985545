"""review: what staff see of conversations, and what they do with them"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# An index over another table's text ("external content"), kept by triggers; the same shape in FTS5's own documentation.
_SQLITE = (
    """
    CREATE VIRTUAL TABLE searchable_words USING fts5(
        words, content='searchable', content_rowid='id', tokenize="porter unicode61 remove_diacritics 2"
    )
    """,
    """
    CREATE TRIGGER searchable_new AFTER INSERT ON searchable BEGIN
        INSERT INTO searchable_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER searchable_gone AFTER DELETE ON searchable BEGIN
        INSERT INTO searchable_words (searchable_words, rowid, words) VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER searchable_changed AFTER UPDATE ON searchable BEGIN
        INSERT INTO searchable_words (searchable_words, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO searchable_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
)

# English stems, and no word left out: who searches for "does it hurt" means all three.
_POSTGRESQL = (
    "CREATE TEXT SEARCH DICTIONARY needlewise_stems (TEMPLATE = snowball, LANGUAGE = english)",
    "CREATE TEXT SEARCH CONFIGURATION needlewise (COPY = english)",
    """
    ALTER TEXT SEARCH CONFIGURATION needlewise
        ALTER MAPPING FOR asciiword, word WITH needlewise_stems
    """,
    # Kept, not only indexed: a phrase is looked for in every row that has its words.
    """
    ALTER TABLE searchable ADD COLUMN vector tsvector
        GENERATED ALWAYS AS (to_tsvector('needlewise'::regconfig, words)) STORED
    """,
    "CREATE INDEX ix_searchable_vector ON searchable USING gin (vector)",
)

_LISTED = (
    *("last_at", "id", "clinic", "heard", "channel", "outcome", "request", "safety", "declined", "unsure"),
    *("confidence", "thumbs_down", "asked_person", "opted_out", "reviewed_at", "assigned_to", "flagged_at"),
    *("live_by", "searchable"),
)

# What was said before this version is listed, counted and found as well.
_COUNTED = """
    UPDATE conversations SET
        heard = (SELECT count(*) FROM messages m WHERE m.conversation = conversations.id AND m.direction = 'in'),
        declined = (SELECT count(*) FROM messages m WHERE m.conversation = conversations.id AND m.act = 'out_of_scope'),
        asked_person = EXISTS (
            SELECT 1 FROM messages m WHERE m.conversation = conversations.id AND m.act = 'talk_to_human'
        ),
        opted_out = EXISTS (SELECT 1 FROM messages m WHERE m.conversation = conversations.id AND m.act = 'opt_out'),
        confidence = (SELECT min(m.confidence) FROM messages m WHERE m.conversation = conversations.id),
        thumbs_up = (
            SELECT count(*) FROM feedback f JOIN messages m ON m.id = f.message
            WHERE m.conversation = conversations.id AND f.verdict = 'up'
        ),
        thumbs_down = (
            SELECT count(*) FROM feedback f JOIN messages m ON m.id = f.message
            WHERE m.conversation = conversations.id AND f.verdict = 'down'
        ),
        request = (
            SELECT r.kind FROM requests r WHERE r.conversation = conversations.id ORDER BY r.created_at DESC LIMIT 1
        ),
        outcome = (
            SELECT r.outcome FROM requests r WHERE r.conversation = conversations.id AND r.outcome IS NOT NULL
            ORDER BY r.created_at DESC LIMIT 1
        )
"""
_GRAVEST_FIRST = ("emergency", "crisis", "violence", "poison", "urgent", "doctor", "ask")


def upgrade() -> None:
    op.create_table(
        "candidates",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("base", sa.String(length=16), nullable=True),
        sa.Column("examples", sa.JSON(), nullable=False),
        sa.Column("report_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidates")),
    )
    op.create_table(
        "content_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_state")),
    )
    op.create_table(
        "content_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_versions")),
        sa.UniqueConstraint(
            "kind",
            "key",
            "clinic",
            "language",
            "version",
            name=op.f("uq_content_versions_kind_key_clinic_language_version"),
        ),
    )
    op.create_table(
        "live_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate", sa.String(length=32), nullable=True),
        sa.Column("previous", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_model")),
    )
    op.create_table(
        "purges",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    op.create_table(
        "signatures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("staff", sa.String(length=32), nullable=False),
        sa.Column("signed_as", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
    )
    op.create_index("ix_signatures_clinic_kind_key", "signatures", ["clinic", "kind", "key"])
    op.create_table(
        "conversation_tags",
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_conversation_tags_conversation")
        ),
        sa.PrimaryKeyConstraint("conversation", "tag", name=op.f("pk_conversation_tags")),
    )
    op.create_index("ix_conversation_tags_clinic_tag", "conversation_tags", ["clinic", "tag", "conversation"])
    op.create_table(
        "conversation_topics",
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_conversation_topics_conversation")
        ),
        sa.PrimaryKeyConstraint("conversation", "topic", name=op.f("pk_conversation_topics")),
    )
    op.create_index(
        "ix_conversation_topics_clinic_topic", "conversation_topics", ["clinic", "topic", "conversation"]
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_notes_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_conversation"), "notes", ["conversation"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("staff", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.id"], name=op.f("fk_saved_views_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("staff", "name", name=op.f("uq_saved_views_staff_name")),
    )
    op.create_index(op.f("ix_saved_views_staff"), "saved_views", ["staff"])
    op.create_table(
        "searchable",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_searchable_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searchable")),
        sa.UniqueConstraint("conversation", name=op.f("uq_searchable_conversation")),
    )
    op.create_table(
        "answers_shown",
        sa.Column("message", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_answers_shown_message")),
        sa.PrimaryKeyConstraint("message", "topic", name=op.f("pk_answers_shown")),
    )
    op.create_index("ix_answers_shown_clinic_topic_at", "answers_shown", ["clinic", "topic", "at"])
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("message", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("comment_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_corrections_conversation")
        ),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_corrections_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index("ix_corrections_clinic_at", "corrections", ["clinic", "at"])
    op.create_index(op.f("ix_corrections_conversation"), "corrections", ["conversation"])
    op.create_index(op.f("ix_corrections_message"), "corrections", ["message"])
    op.create_table(
        "examples",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("correction", sa.String(length=32), nullable=True),
        sa.Column("intent", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["correction"], ["corrections.id"], name=op.f("fk_examples_correction")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examples")),
    )
    op.create_index(op.f("ix_examples_state"), "examples", ["state"])
    op.add_column("conversations", sa.Column("heard", sa.Integer(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("outcome", sa.String(length=8), nullable=True))
    op.add_column("conversations", sa.Column("request", sa.String(length=16), nullable=True))
    op.add_column("conversations", sa.Column("safety", sa.String(length=16), nullable=True))
    op.add_column("conversations", sa.Column("declined", sa.Integer(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("unsure", sa.Integer(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("confidence", sa.Float(), nullable=True))
    op.add_column("conversations", sa.Column("thumbs_up", sa.Integer(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("thumbs_down", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "conversations", sa.Column("asked_person", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "conversations", sa.Column("opted_out", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("conversations", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("reviewed_by", sa.String(length=32), nullable=True))
    op.add_column("conversations", sa.Column("assigned_to", sa.String(length=32), nullable=True))
    op.add_column("conversations", sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("live_by", sa.String(length=32), nullable=True))
    op.add_column("conversations", sa.Column("live_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("searchable", sa.Integer(), nullable=True))
    op.drop_index("ix_conversations_clinic", "conversations")
    op.drop_index("ix_conversations_last_at", "conversations")
    op.create_index("ix_conversations_live_at", "conversations", ["live_at"])
    op.create_index("ix_conversations_listed", "conversations", _LISTED)
    op.create_index(
        "ix_messages_unredacted",
        "messages",
        ["at"],
        sqlite_where=sa.text("redacted IS NULL AND body_sealed IS NOT NULL"),
        postgresql_where=sa.text("redacted IS NULL AND body_sealed IS NOT NULL"),
    )
    op.add_column("messages", sa.Column("understood", sa.JSON(), nullable=True))
    op.add_column("messages", sa.Column("author", sa.String(length=32), nullable=True))
    op.add_column("requests", sa.Column("state", sa.String(length=12), server_default="new", nullable=False))
    op.add_column("requests", sa.Column("state_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("requests", sa.Column("owner", sa.String(length=32), nullable=True))
    op.add_column("requests", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_requests_clinic_state", "requests", ["clinic", "state"])
    op.create_index("ix_audit_subject_seq", "audit", ["subject", "seq"])
    connection = op.get_bind()
    for statement in _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
    _fill(connection)


def _fill(connection: sa.engine.Connection) -> None:
    op.execute(_COUNTED)
    for level in reversed(_GRAVEST_FIRST):
        connection.execute(
            sa.text(
                "UPDATE conversations SET safety = :level WHERE EXISTS (SELECT 1 FROM messages m "
                "WHERE m.conversation = conversations.id AND m.safety_level = :level)"
            ),
            {"level": level},
        )
    meta = sa.MetaData()
    messages, conversations, topics, shown, searchable = (
        sa.Table(name, meta, autoload_with=connection)
        for name in ("messages", "conversations", "conversation_topics", "answers_shown", "searchable")
    )
    columns = [
        messages.c[name]
        for name in ("id", "clinic", "direction", "channel", "at", "redacted", "topics", "answers")
    ]
    for conversation in connection.execute(sa.select(conversations.c.id)).scalars().all():
        query = sa.select(columns).where(messages.c.conversation == conversation)
        rows = connection.execute(query.order_by(messages.c.position)).all()
        about = {topic: row.clinic for row in rows for topic in row.topics or ()}
        _insert(
            connection,
            topics,
            [{"conversation": conversation, "topic": topic, "clinic": about[topic]} for topic in about],
        )
        _insert(
            connection,
            shown,
            [
                {
                    "message": row.id,
                    "topic": topic,
                    "clinic": row.clinic,
                    "channel": row.channel,
                    "version": version,
                    "at": row.at,
                }
                for row in rows
                for topic, version in {note["topic"]: note["version"] for note in row.answers or ()}.items()
            ],
        )
        words = " ".join(_folded(row.redacted) for row in rows if row.direction == "in" and row.redacted)
        if words.strip():
            row = searchable.insert().values(conversation=conversation, clinic=rows[0].clinic, words=words)
            identity = connection.execute(row).inserted_primary_key[0]
            connection.execute(
                conversations.update().where(conversations.c.id == conversation).values(searchable=identity)
            )


def _insert(connection: sa.engine.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _folded(text: str) -> str:
    """As conversations.search.folded does it."""
    text = re.sub(r"['’`´]", "", re.sub(r"\[[a-z_]{1,20}\]", " ", text))
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(word[:60] for word in re.findall(r"[^\W_]+", plain))
