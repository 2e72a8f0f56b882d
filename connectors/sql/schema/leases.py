"""Offline leases: what was handed out, serial by serial, and what was reported of its use."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, UniqueConstraint

from connectors.sql.schema.columns import document, key, number, table, to

LEASES = table(
    "leases",
    key("id", primary_key=True),
    key("station", chars=131),
    key("device"),
    key("order_number", to("orders.number")),
    key("step"),
    key("setup_digest", nullable=True),
    document("body"),
    number("expires_ms"),
    number("closed_ms", nullable=True),
    Index(None, "station", "closed_ms"),
    Index(None, "setup_digest", "expires_ms"),
)

# New serials that a lease holds. Out with one lease at a time; what comes back waits for the order's next unit.
LEASE_SERIALS = table(
    "lease_serials",
    key("lease", to("leases.id")),
    key("serial"),
    key("order_number", to("orders.number")),
    key("state"),
    number("is_held", nullable=True),  # 1 while it is out, waits to be given again or is void, else NULL
    PrimaryKeyConstraint("lease", "serial"),
    UniqueConstraint("serial", "is_held"),
    CheckConstraint("is_held = 1", name="is_held"),
    Index(None, "order_number", "state", "serial"),
)

# Every visit that was reported, taken or refused. What was refused may be reported again, and is judged anew.
LEASE_VISITS = table(
    "lease_visits",
    number("id", primary_key=True, autoincrement=True),
    key("lease", to("leases.id")),
    key("serial"),
    number("entered_ms"),
    number("left_ms"),
    key("result"),
    document("reason"),
    key("outcome"),
    key("refusal", nullable=True),
    document("detail"),
    key("by"),
    number("at_ms"),
    UniqueConstraint("lease", "serial", "entered_ms", "result"),
    Index(None, "serial"),
)
