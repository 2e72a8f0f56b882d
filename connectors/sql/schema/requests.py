"""What was answered to requests that may come again."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint

from connectors.sql.schema.columns import document, key, number, table

ANSWERS = table(
    "answers",
    key("subject"),
    key("key"),
    key("request_digest"),
    document("answer"),
    number("at_ms"),
    PrimaryKeyConstraint("subject", "key"),
    Index(None, "at_ms"),
)
