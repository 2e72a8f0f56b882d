"""What one process at a time does for all of them, and which one does it now."""

from __future__ import annotations

from connectors.sql.schema.columns import key, number, table

DUTIES = table(
    "duties",
    key("name", primary_key=True),
    key("holder"),
    number("until_ms"),
)
