"""What people were reminded of, and who wrote on a sheet before somebody took it over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.migrations.guards import guard
from connectors.sql.schema.columns import DOCUMENT, MARIADB, NUMBER

revision = "0006"
down_revision = "0005"

GUARDS = (
    ("former_authors", "UPDATE", None, "who wrote on a sheet stays known"),
    ("former_authors", "DELETE", None, "who wrote on a sheet stays known"),
)


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "former_authors",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["by"], ["people.id"], name=op.f("fk_former_authors_by"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["number", "revision"], ["sheets.number", "sheets.revision"], name=op.f("fk_former_authors_number_revision")
        ),
        sa.ForeignKeyConstraint(
            ["person"], ["people.id"], name=op.f("fk_former_authors_person"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("number", "revision", "person", name=op.f("pk_former_authors")),
        **MARIADB,
    )
    op.create_table(
        "reminders",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["number", "revision", "round"],
            ["submissions.number", "submissions.revision", "submissions.round"],
            name=op.f("fk_reminders_number_revision_round"),
        ),
        sa.PrimaryKeyConstraint("number", "revision", "round", "level", name=op.f("pk_reminders")),
        **MARIADB,
    )
    for table, action, condition, words in GUARDS:
        op.execute(guard(op.get_bind().dialect.name, table, action, condition, words))
