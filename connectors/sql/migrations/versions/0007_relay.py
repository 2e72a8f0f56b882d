"""Who tells Kafka what was agreed, and how far they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.schema.columns import MARIADB, NUMBER

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "duties",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duties")),
        **MARIADB,
    )
    op.create_table(
        "outbox_head",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("told", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_head")),
        **MARIADB,
    )
    head = sa.table("outbox_head", sa.column("id"), sa.column("position"), sa.column("told"))
    op.execute(head.insert().values(id=1, position=0, told=0))
