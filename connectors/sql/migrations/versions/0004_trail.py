"""The audit trail, what is told to others, and what was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.schema.columns import DOCUMENT, MARIADB, NUMBER

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "answers",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("answer", DOCUMENT, nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name=op.f("pk_answers")),
        **MARIADB,
    )
    op.create_index(op.f("ix_answers_at_ms"), "answers", ["at_ms"], unique=False)
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("entry", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        **MARIADB,
    )
    op.create_table(
        "audit_head",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        **MARIADB,
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("position", name=op.f("uq_outbox_position")),
        **MARIADB,
    )
    op.create_index(op.f("ix_outbox_position_id"), "outbox", ["position", "id"], unique=False)
