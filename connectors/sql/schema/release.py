"""The release of lots: with what units were measured and found how, their seals, lots with their samples, and files."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint

from connectors.sql.schema.columns import document, key, number, table, to

# Until when a bench, or a reference standard, is good by a certificate; a later one is a row of its own.
CERTIFICATES = table(
    "certificates",
    number("id", primary_key=True, autoincrement=True),
    key("kind"),  # bench or standard
    key("equipment"),
    key("certificate"),
    key("standard", nullable=True),  # the one on a bench
    number("valid_from_ms"),
    number("valid_until_ms"),
    document("withdrawn_reason"),
    key("by"),
    number("created_ms"),
    number("version"),
    UniqueConstraint("kind", "equipment", "certificate"),
)

# The error of a unit at a load point, as it was measured once: never changed, and measured again is another row.
CALIBRATIONS = table(
    "calibrations",
    number("id", primary_key=True, autoincrement=True),
    key("serial", to("units.serial")),
    key("point"),
    key("bench"),
    key("standard"),
    key("station", chars=131),
    key("setup_digest", nullable=True),
    document("record"),
    number("is_good"),  # within the limits that the bench held it against
    number("measured_ms"),
    key("by"),
    number("created_ms"),
    Index(None, "serial", "id"),
    Index(None, "bench", "measured_ms"),
    Index(None, "standard", "measured_ms"),
)

# A seal is a row, and a row is never deleted: its number is used once, ever.
SEALS = table(
    "seals",
    key("number", primary_key=True),
    key("serial", to("units.serial")),
    key("place"),
    number("is_current", nullable=True),  # 1, or NULL once it is removed
    key("by"),
    number("at_ms"),
    key("removed_by", nullable=True),
    number("removed_ms", nullable=True),
    document("removed_reason"),
    number("opened"),  # whether the unit was opened when it was removed
    UniqueConstraint("serial", "place", "is_current"),
    CheckConstraint("is_current = 1", name="is_current"),
)

# Where sampling stands for a product and a customer; the parent that its lots are drawn and judged under.
SAMPLINGS = table(
    "samplings",
    key("product", to("products.id")),
    key("customer", chars=128),
    document("switch"),
    number("version"),
    number("changed_ms"),
    PrimaryKeyConstraint("product", "customer"),
)

# The parent that every change of a lot locks first.
RELEASE_LOTS = table(
    "release_lots",
    key("id", primary_key=True),
    key("product", to("products.id")),
    key("customer", chars=128),
    key("status"),
    number("round"),
    key("by"),
    number("version"),
    number("created_ms"),
    number("changed_ms"),
    Index(None, "product", "customer", "status"),
)

LOT_UNITS = table(
    "lot_units",
    number("id", primary_key=True, autoincrement=True),
    key("lot", to("release_lots.id")),
    key("serial", to("units.serial")),
    number("is_current", nullable=True),  # 1, or NULL once it is taken out
    key("by"),
    number("at_ms"),
    key("taken_out_by", nullable=True),
    number("taken_out_ms", nullable=True),
    document("taken_out_reason"),
    UniqueConstraint("serial", "is_current"),
    CheckConstraint("is_current = 1", name="is_current"),
    Index(None, "lot", "is_current"),
)

# What was drawn, and from what: as it was, for good. The judgement is added once.
LOT_ROUNDS = table(
    "lot_rounds",
    key("lot", to("release_lots.id")),
    number("round"),
    document("drawn"),  # plan, level, inspection, seed, the units presented and those drawn
    key("by"),
    number("at_ms"),
    key("judgement", nullable=True),
    key("judged_by", nullable=True),
    number("judged_ms", nullable=True),
    PrimaryKeyConstraint("lot", "round"),
)

LOT_INSPECTIONS = table(
    "lot_inspections",
    key("lot"),
    number("round"),
    key("serial", to("units.serial")),
    number("conforms"),
    document("findings"),
    key("by"),
    number("at_ms"),
    PrimaryKeyConstraint("lot", "round", "serial"),
    ForeignKeyConstraint(["lot", "round"], ["lot_rounds.lot", "lot_rounds.round"]),
)

# The files that went with a lot, as they were sent.
DELIVERIES = table(
    "deliveries",
    key("lot", to("release_lots.id")),
    key("name"),
    key("media"),
    document("body"),
    key("sha256"),
    number("at_ms"),
    PrimaryKeyConstraint("lot", "name"),
)
