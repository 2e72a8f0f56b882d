"""Technical sheets: templates, revisions, submissions and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.schema.columns import DOCUMENT, KEPT, MARIADB, NUMBER

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "documents",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("newest", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_documents")),
        **MARIADB,
    )
    op.create_index(op.f("ix_documents_product_step"), "documents", ["product", "step"], unique=False)
    op.create_table(
        "workflows",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_workflows_created_by"), **KEPT),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_workflows")),
        **MARIADB,
    )
    op.create_table(
        "templates",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("workflow_version", NUMBER, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_templates_created_by"), **KEPT),
        sa.ForeignKeyConstraint(
            ["workflow", "workflow_version"],
            ["workflows.name", "workflows.version"],
            name=op.f("fk_templates_workflow_workflow_version"),
        ),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_templates")),
        **MARIADB,
    )
    op.create_table(
        "sheets",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("template_version", NUMBER, nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("workflow", sa.String(length=64), nullable=True),
        sa.Column("workflow_version", NUMBER, nullable=True),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("level", sa.String(length=64), nullable=True),
        sa.Column("opened_ms", NUMBER, nullable=True),
        sa.Column("escalated", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["author"], ["people.id"], name=op.f("fk_sheets_author"), **KEPT),
        sa.ForeignKeyConstraint(["number"], ["documents.number"], name=op.f("fk_sheets_number"), **KEPT),
        sa.ForeignKeyConstraint(
            ["template", "template_version"],
            ["templates.name", "templates.version"],
            name=op.f("fk_sheets_template_template_version"),
        ),
        sa.ForeignKeyConstraint(
            ["workflow", "workflow_version"],
            ["workflows.name", "workflows.version"],
            name=op.f("fk_sheets_workflow_workflow_version"),
        ),
        sa.PrimaryKeyConstraint("number", "revision", name=op.f("pk_sheets")),
        **MARIADB,
    )
    op.create_index(op.f("ix_sheets_status"), "sheets", ["status"], unique=False)
    op.create_table(
        "approved_sheets",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("in_force", NUMBER, nullable=True),
        sa.Column("approved_ms", NUMBER, nullable=False),
        sa.CheckConstraint("in_force = 1", name=op.f("ck_approved_sheets_in_force")),
        sa.ForeignKeyConstraint(
            ["number", "revision"],
            ["sheets.number", "sheets.revision"],
            name=op.f("fk_approved_sheets_number_revision"),
        ),
        sa.PrimaryKeyConstraint("number", "revision", name=op.f("pk_approved_sheets")),
        sa.UniqueConstraint("number", "in_force", name=op.f("uq_approved_sheets_number_in_force")),
        sa.UniqueConstraint("number", "revision", "digest", name=op.f("uq_approved_sheets_number_revision_digest")),
        **MARIADB,
    )
    op.create_table(
        "submissions",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_submissions_by"), **KEPT),
        sa.ForeignKeyConstraint(
            ["number", "revision"], ["sheets.number", "sheets.revision"], name=op.f("fk_submissions_number_revision")
        ),
        sa.PrimaryKeyConstraint("number", "revision", "round", name=op.f("pk_submissions")),
        **MARIADB,
    )
    op.create_table(
        "decisions",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("counts_for", sa.String(length=64), nullable=False),
        sa.Column("meaning", DOCUMENT, nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["counts_for"], ["people.id"], name=op.f("fk_decisions_counts_for"), **KEPT),
        sa.ForeignKeyConstraint(
            ["number", "revision", "round"],
            ["submissions.number", "submissions.revision", "submissions.round"],
            name=op.f("fk_decisions_number_revision_round"),
        ),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_decisions_person"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint(
            "number",
            "revision",
            "round",
            "level",
            "counts_for",
            name=op.f("uq_decisions_number_revision_round_level_counts_for"),
        ),
        sa.UniqueConstraint(
            "number",
            "revision",
            "round",
            "level",
            "person",
            name=op.f("uq_decisions_number_revision_round_level_person"),
        ),
        **MARIADB,
    )
