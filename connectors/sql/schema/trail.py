"""What every transaction leaves behind: sealed entries of the audit trail, and what is to be told to others."""

from __future__ import annotations

from sqlalchemy import Index

from connectors.sql.schema.columns import document, key, number, table

AUDIT = table(
    "audit",
    number("seq", primary_key=True, autoincrement=False),
    key("seal"),
    document("entry"),
)

# One row: the newest entry. Who adds entries holds it, so that each is sealed onto the one before.
AUDIT_HEAD = table(
    "audit_head",
    number("id", primary_key=True, autoincrement=False),
    number("seq"),
    key("seal"),
)

OUTBOX = table(
    "outbox",
    number("id", primary_key=True, autoincrement=True),
    key("topic"),
    key("key", chars=200),
    document("body"),
    number("created_ms"),
    # Counted up as rows are told, by the one that tells: ids are taken before their transactions end, out of order.
    number("position", nullable=True, unique=True),
    Index(None, "position", "id"),
)

# One row: the position that was given last, and up to which Kafka has acknowledged. Who gives positions holds it.
OUTBOX_HEAD = table(
    "outbox_head",
    number("id", primary_key=True, autoincrement=False),
    number("position"),
    number("told"),
)
