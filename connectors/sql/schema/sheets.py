"""Technical sheets: their templates and workflows, revisions, what was submitted, and what people decided."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint

from connectors.sql.schema.columns import document, key, number, table, to

WORKFLOWS = table(
    "workflows",
    key("name"),
    number("version"),
    document("body"),
    key("created_by", to("people.id")),
    number("created_ms"),
    PrimaryKeyConstraint("name", "version"),
)

TEMPLATES = table(
    "templates",
    key("name"),
    number("version"),
    document("body"),
    key("workflow"),
    number("workflow_version"),
    key("created_by", to("people.id")),
    number("created_ms"),
    PrimaryKeyConstraint("name", "version"),
    ForeignKeyConstraint(["workflow", "workflow_version"], ["workflows.name", "workflows.version"]),
)

# The parent that every change of a sheet locks first; its revisions take turns by it.
DOCUMENTS = table(
    "documents",
    key("number", primary_key=True),
    key("template"),
    key("product"),
    key("step"),
    number("newest"),
    number("created_ms"),
    Index(None, "product", "step"),
)

SHEETS = table(
    "sheets",
    key("number", to("documents.number")),
    number("revision"),
    key("template"),
    number("template_version"),
    key("status"),
    key("author", to("people.id")),
    document("body"),
    key("digest", nullable=True),
    # Where the approval stands; nothing of it before the first submission.
    key("workflow", nullable=True),
    number("workflow_version", nullable=True),
    number("round"),
    key("level", nullable=True),  # the one that is open, or was last
    number("opened_ms", nullable=True),
    number("escalated"),
    number("version"),
    number("created_ms"),
    number("changed_ms"),
    PrimaryKeyConstraint("number", "revision"),
    ForeignKeyConstraint(["template", "template_version"], ["templates.name", "templates.version"]),
    ForeignKeyConstraint(["workflow", "workflow_version"], ["workflows.name", "workflows.version"]),
    Index(None, "status"),
)

# Who wrote on a revision before somebody took it over; they are kept apart from its approval like its author.
FORMER_AUTHORS = table(
    "former_authors",
    key("number"),
    number("revision"),
    key("person", to("people.id")),
    key("by", to("people.id")),
    document("reason"),
    number("at_ms"),
    PrimaryKeyConstraint("number", "revision", "person"),
    ForeignKeyConstraint(["number", "revision"], ["sheets.number", "sheets.revision"]),
)

SUBMISSIONS = table(
    "submissions",
    key("number"),
    number("revision"),
    number("round"),
    document("body"),
    key("digest"),
    key("by", to("people.id")),
    number("at_ms"),
    PrimaryKeyConstraint("number", "revision", "round"),
    ForeignKeyConstraint(["number", "revision"], ["sheets.number", "sheets.revision"]),
)

DECISIONS = table(
    "decisions",
    number("id", primary_key=True, autoincrement=True),
    key("number"),
    number("revision"),
    number("round"),
    key("level"),  # empty: the author's own, such as a withdrawal
    key("kind"),
    key("person", to("people.id")),
    key("counts_for", to("people.id")),
    document("meaning"),
    document("reason"),
    key("digest"),
    number("at_ms"),
    # One decision per person and level, whoever they decide for, and one voice per person and level.
    UniqueConstraint("number", "revision", "round", "level", "person"),
    UniqueConstraint("number", "revision", "round", "level", "counts_for"),
    ForeignKeyConstraint(
        ["number", "revision", "round"], ["submissions.number", "submissions.revision", "submissions.round"]
    ),
)

# People were reminded of a level, once; of two that remind at a time, one has the row.
REMINDERS = table(
    "reminders",
    key("number"),
    number("revision"),
    number("round"),
    key("level"),
    number("at_ms"),
    PrimaryKeyConstraint("number", "revision", "round", "level"),
    ForeignKeyConstraint(
        ["number", "revision", "round"], ["submissions.number", "submissions.revision", "submissions.round"]
    ),
)

# A row says that a sheet was approved, with which digest: a setup sheet derives from such a row and from nothing else.
APPROVED_SHEETS = table(
    "approved_sheets",
    key("number"),
    number("revision"),
    key("digest"),
    number("in_force", nullable=True),  # 1, or NULL once it is superseded or revoked
    number("approved_ms"),
    PrimaryKeyConstraint("number", "revision"),
    UniqueConstraint("number", "in_force"),
    UniqueConstraint("number", "revision", "digest"),
    CheckConstraint("in_force = 1", name="in_force"),
    ForeignKeyConstraint(["number", "revision"], ["sheets.number", "sheets.revision"]),
)
