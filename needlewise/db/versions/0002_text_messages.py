"""text messages"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:

    op.create_table(
        "inbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("thread", sa.String(length=32), nullable=False),
        sa.Column("payload_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_inbox")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_inbox_provider_id")),
    )
    op.create_index("ix_inbox_ready_at", "inbox", ["ready_at"])
    op.create_index("ix_inbox_thread_seq", "inbox", ["thread", "seq"])

    op.create_table(
        "threads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("clinic_number", sa.String(length=20), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.String(length=32), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
    )
    op.create_index("ix_threads_clinic_last_at", "threads", ["clinic", "last_at"])

    op.create_table(
        "consent_changes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("thread", sa.String(length=32), nullable=False),
        sa.Column("clinic", sa.String(length=64), nullable=False),
        sa.Column("clinic_number", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.String(length=8), nullable=False),
        sa.Column("wording", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["thread"], ["threads.id"], name=op.f("fk_consent_changes_thread")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_changes")),
    )
    op.create_index(op.f("ix_consent_changes_thread"), "consent_changes", ["thread"])

    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("thread", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("position", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("sender", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("provider_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("status", sa.String(length=16), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_outbox_provider_id"), ["provider_id"])
        batch_op.create_unique_constraint(batch_op.f("uq_outbox_thread_position"), ["thread", "position"])
        batch_op.create_index("ix_outbox_sender_next_try_at", ["sender", "next_try_at"])


def downgrade() -> None:

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_sender_next_try_at")
        batch_op.drop_constraint(batch_op.f("uq_outbox_thread_position"), type_="unique")
        batch_op.drop_constraint(batch_op.f("uq_outbox_provider_id"), type_="unique")
        for column in ("status", "provider_id", "begun_at", "sender", "position", "thread"):
            batch_op.drop_column(column)

    op.drop_table("secrets")
    op.drop_index(op.f("ix_consent_changes_thread"), "consent_changes")
    op.drop_table("consent_changes")
    op.drop_index("ix_threads_clinic_last_at", "threads")
    op.drop_table("threads")
    op.drop_index("ix_inbox_thread_seq", "inbox")
    op.drop_index("ix_inbox_ready_at", "inbox")
    op.drop_table("inbox")
