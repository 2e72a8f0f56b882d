"""What stations are told: layouts of labels, contracts as they were told, and who has read which instruction."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint

from connectors.sql.schema.columns import document, key, number, table, to

# A number stands for one layout for good: a sheet that was approved with it means what it meant.
LAYOUTS = table(
    "layouts",
    key("number", primary_key=True),
    key("kind"),
    document("template"),
    key("created_by", to("people.id")),
    number("created_ms"),
)

# What a setup sheet tells its station, byte by byte, as it was first told; caches are held against the digest.
CONTRACTS = table(
    "contracts",
    key("setup_digest", primary_key=True),
    key("digest"),
    document("body"),
    number("created_ms"),
)

# An operator says once of each instruction, as it is worded, that they have read it.
READINGS = table(
    "readings",
    key("person", to("people.id")),
    key("digest"),
    document("instruction"),
    key("station", chars=131),
    key("order_number", to("orders.number")),
    key("step"),
    number("at_ms"),
    PrimaryKeyConstraint("person", "digest"),
)
