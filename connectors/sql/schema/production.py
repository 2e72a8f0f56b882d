"""Production: products and routings, orders, serials, units on their way, setup sheets, and what stations are told."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint

from connectors.sql.schema.columns import document, key, number, table, to

PRODUCTS = table(
    "products",
    key("id", primary_key=True),
    key("display", chars=128),
    key("gtin", nullable=True),
    number("version"),
    number("created_ms"),
    UniqueConstraint("gtin"),
)

BOMS = table(
    "boms",
    key("product", to("products.id")),
    number("revision"),
    document("body"),
    key("created_by", to("people.id")),
    number("created_ms"),
    PrimaryKeyConstraint("product", "revision"),
)

ROUTINGS = table(
    "routings",
    key("product", to("products.id")),
    number("revision"),
    document("body"),
    key("created_by", to("people.id")),
    number("created_ms"),
    PrimaryKeyConstraint("product", "revision"),
)

SERIAL_RANGES = table(
    "serial_ranges",
    key("id", primary_key=True),
    key("prefix"),
    number("digits"),
    number("first"),
    number("last"),
    number("next"),
    key("check"),
    number("version"),
)

# The parent that every unit of an order is begun and counted under.
ORDERS = table(
    "orders",
    key("number", primary_key=True),
    key("product"),
    number("routing_revision"),
    number("planned_qty"),
    number("over_qty"),
    key("line", chars=131),
    key("serial_range", to("serial_ranges.id")),
    key("customer", chars=128),
    number("priority"),
    number("due_ms", nullable=True),
    key("status"),
    number("begun_qty"),
    number("good_qty"),
    number("scrap_qty"),
    number("version"),
    number("created_ms"),
    number("changed_ms"),
    ForeignKeyConstraint(["product", "routing_revision"], ["routings.product", "routings.revision"]),
    CheckConstraint("begun_qty <= planned_qty + over_qty + scrap_qty", name="begun"),
    Index(None, "status"),
    Index(None, "line", "status"),
)

# A serial is a row, and a row is never deleted: it is given once, ever.
UNITS = table(
    "units",
    key("serial", primary_key=True),
    key("order_number", to("orders.number")),
    key("product"),
    number("routing_revision"),
    key("status"),
    number("place"),
    key("rework", nullable=True),
    key("at_step", nullable=True),
    key("at_station", chars=131, nullable=True),
    document("attempts"),
    document("stopped_reason"),
    key("failed_step", nullable=True),
    number("version"),
    number("created_ms"),
    number("changed_ms"),
    Index(None, "order_number", "status"),
    Index(None, "at_station"),
)

# What was done to a unit, step by step; a row is added on entering and completed on leaving.
UNIT_STEPS = table(
    "unit_steps",
    number("id", primary_key=True, autoincrement=True),
    key("serial", to("units.serial")),
    key("step"),
    number("attempt"),
    key("station", chars=131),
    key("setup_digest", nullable=True),
    key("by"),
    number("entered_ms"),
    number("left_ms", nullable=True),
    key("result", nullable=True),
    document("reason"),
    Index(None, "serial", "id"),
    Index(None, "setup_digest"),
)

UNIT_LINKS = table(
    "unit_links",
    number("id", primary_key=True, autoincrement=True),
    key("parent", to("units.serial")),
    key("kind"),  # a unit, or material of a lot
    key("child"),
    key("lot"),
    key("relation"),
    key("position"),
    key("by"),
    number("at_ms"),
    UniqueConstraint("parent", "kind", "child", "lot", "position"),
    Index(None, "child"),
    Index(None, "lot"),
)

# Derives from an approved sheet and from nothing else: the reference is to the row that its approval left.
SETUPS = table(
    "setups",
    number("id", primary_key=True, autoincrement=True),
    key("order_number", to("orders.number")),
    key("station", chars=131),
    key("step"),
    key("sheet_number"),
    number("sheet_revision"),
    key("sheet_digest"),
    key("digest"),
    document("items"),
    document("ticks"),
    number("is_current", nullable=True),  # 1, or NULL once it is obsolete
    key("created_by"),
    number("version"),
    number("created_ms"),
    number("changed_ms"),
    UniqueConstraint("order_number", "station", "step", "is_current"),
    CheckConstraint("is_current = 1", name="is_current"),
    ForeignKeyConstraint(
        ["sheet_number", "sheet_revision", "sheet_digest"],
        ["approved_sheets.number", "approved_sheets.revision", "approved_sheets.digest"],
    ),
    Index(None, "digest"),
    Index(None, "station", "is_current"),
    Index(None, "sheet_number", "sheet_revision"),
)

# How strictly a station is ruled while the system comes in: it observes, warns, or enforces.
STATIONS = table(
    "stations",
    key("id", chars=131, primary_key=True),
    key("mode"),
    number("version"),
    number("changed_ms"),
)

# A supervisor lets one refusal pass, so often and so long; every use is counted.
BYPASSES = table(
    "bypasses",
    number("id", primary_key=True, autoincrement=True),
    key("station", chars=131),
    key("refusal"),
    key("serial", nullable=True),
    document("reason"),
    key("by", to("people.id")),
    number("created_ms"),
    number("until_ms"),
    number("uses_max"),
    number("uses"),
    Index(None, "station", "until_ms"),
)

# Every refusal, and what became of it: refused, or let pass while a station only observes or warns, or by a bypass.
REFUSALS = table(
    "refusals",
    number("id", primary_key=True, autoincrement=True),
    key("station", chars=131),
    key("serial"),
    key("reason"),
    document("detail"),
    key("outcome"),
    number("bypass", to("bypasses.id"), nullable=True),
    key("by"),
    number("at_ms"),
    Index(None, "station", "at_ms"),
)
