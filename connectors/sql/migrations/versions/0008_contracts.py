"""Layouts of labels, contracts as they were told, and who has read which instruction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.migrations.guards import guard
from connectors.sql.schema.columns import DOCUMENT, KEPT, MARIADB, NUMBER

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "contracts",
        sa.Column("setup_digest", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("setup_digest", name=op.f("pk_contracts")),
        **MARIADB,
    )
    op.create_table(
        "layouts",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("template", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_layouts_created_by"), **KEPT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_layouts")),
        **MARIADB,
    )
    op.create_table(
        "readings",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("instruction", DOCUMENT, nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_readings_person"), **KEPT),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name=op.f("fk_readings_order_number"), **KEPT),
        sa.PrimaryKeyConstraint("person", "digest", name=op.f("pk_readings")),
        **MARIADB,
    )
    for table in ("contracts", "layouts", "readings"):
        for action in ("UPDATE", "DELETE"):
            op.execute(guard(op.get_bind().dialect.name, table, action, None, "what a station was told never changes"))
