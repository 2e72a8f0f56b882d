"""Products, orders, units on their way, setup sheets and stations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.schema.columns import DOCUMENT, KEPT, MARIADB, NUMBER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "products",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("display", sa.String(length=128), nullable=False),
        sa.Column("gtin", sa.String(length=64), nullable=True),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("gtin", name=op.f("uq_products_gtin")),
        **MARIADB,
    )
    op.create_table(
        "serial_ranges",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=64), nullable=False),
        sa.Column("digits", NUMBER, nullable=False),
        sa.Column("first", NUMBER, nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.Column("next", NUMBER, nullable=False),
        sa.Column("check", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_serial_ranges")),
        **MARIADB,
    )
    op.create_table(
        "stations",
        sa.Column("id", sa.String(length=131), nullable=False),
        sa.Column("mode", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        **MARIADB,
    )
    op.create_table(
        "boms",
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_boms_created_by"), **KEPT),
        sa.ForeignKeyConstraint(["product"], ["products.id"], name=op.f("fk_boms_product"), **KEPT),
        sa.PrimaryKeyConstraint("product", "revision", name=op.f("pk_boms")),
        **MARIADB,
    )
    op.create_table(
        "bypasses",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=True),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("until_ms", NUMBER, nullable=False),
        sa.Column("uses_max", NUMBER, nullable=False),
        sa.Column("uses", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_bypasses_by"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bypasses")),
        **MARIADB,
    )
    op.create_index(op.f("ix_bypasses_station_until_ms"), "bypasses", ["station", "until_ms"], unique=False)
    op.create_table(
        "routings",
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_routings_created_by"), **KEPT),
        sa.ForeignKeyConstraint(["product"], ["products.id"], name=op.f("fk_routings_product"), **KEPT),
        sa.PrimaryKeyConstraint("product", "revision", name=op.f("pk_routings")),
        **MARIADB,
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("routing_revision", NUMBER, nullable=False),
        sa.Column("planned_qty", NUMBER, nullable=False),
        sa.Column("over_qty", NUMBER, nullable=False),
        sa.Column("line", sa.String(length=131), nullable=False),
        sa.Column("serial_range", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("priority", NUMBER, nullable=False),
        sa.Column("due_ms", NUMBER, nullable=True),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("begun_qty", NUMBER, nullable=False),
        sa.Column("good_qty", NUMBER, nullable=False),
        sa.Column("scrap_qty", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.CheckConstraint("begun_qty <= planned_qty + over_qty + scrap_qty", name=op.f("ck_orders_begun")),
        sa.ForeignKeyConstraint(
            ["product", "routing_revision"],
            ["routings.product", "routings.revision"],
            name=op.f("fk_orders_product_routing_revision"),
        ),
        sa.ForeignKeyConstraint(["serial_range"], ["serial_ranges.id"], name=op.f("fk_orders_serial_range"), **KEPT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_orders")),
        **MARIADB,
    )
    op.create_index(op.f("ix_orders_line_status"), "orders", ["line", "status"], unique=False)
    op.create_index(op.f("ix_orders_status"), "orders", ["status"], unique=False)
    op.create_table(
        "refusals",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("bypass", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["bypass"], ["bypasses.id"], name=op.f("fk_refusals_bypass"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
        **MARIADB,
    )
    op.create_index(op.f("ix_refusals_station_at_ms"), "refusals", ["station", "at_ms"], unique=False)
    op.create_table(
        "units",
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("routing_revision", NUMBER, nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.Column("rework", sa.String(length=64), nullable=True),
        sa.Column("at_step", sa.String(length=64), nullable=True),
        sa.Column("at_station", sa.String(length=131), nullable=True),
        sa.Column("attempts", DOCUMENT, nullable=False),
        sa.Column("stopped_reason", DOCUMENT, nullable=False),
        sa.Column("failed_step", sa.String(length=64), nullable=True),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name=op.f("fk_units_order_number"), **KEPT),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_units")),
        **MARIADB,
    )
    op.create_index(op.f("ix_units_at_station"), "units", ["at_station"], unique=False)
    op.create_index(op.f("ix_units_order_number_status"), "units", ["order_number", "status"], unique=False)
    op.create_table(
        "unit_links",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("child", sa.String(length=64), nullable=False),
        sa.Column("lot", sa.String(length=64), nullable=False),
        sa.Column("relation", sa.String(length=64), nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["units.serial"], name=op.f("fk_unit_links_parent"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_links")),
        sa.UniqueConstraint(
            "parent", "kind", "child", "lot", "position", name=op.f("uq_unit_links_parent_kind_child_lot_position")
        ),
        **MARIADB,
    )
    op.create_index(op.f("ix_unit_links_child"), "unit_links", ["child"], unique=False)
    op.create_index(op.f("ix_unit_links_lot"), "unit_links", ["lot"], unique=False)
    op.create_table(
        "unit_steps",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("attempt", NUMBER, nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("setup_digest", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("entered_ms", NUMBER, nullable=False),
        sa.Column("left_ms", NUMBER, nullable=True),
        sa.Column("result", sa.String(length=64), nullable=True),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_unit_steps_serial"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_steps")),
        **MARIADB,
    )
    op.create_index(op.f("ix_unit_steps_serial_id"), "unit_steps", ["serial", "id"], unique=False)
    op.create_index(op.f("ix_unit_steps_setup_digest"), "unit_steps", ["setup_digest"], unique=False)
    op.create_table(
        "setups",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("sheet_number", sa.String(length=64), nullable=False),
        sa.Column("sheet_revision", NUMBER, nullable=False),
        sa.Column("sheet_digest", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("items", DOCUMENT, nullable=False),
        sa.Column("ticks", DOCUMENT, nullable=False),
        sa.Column("is_current", NUMBER, nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.CheckConstraint("is_current = 1", name=op.f("ck_setups_is_current")),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name=op.f("fk_setups_order_number"), **KEPT),
        sa.ForeignKeyConstraint(
            ["sheet_number", "sheet_revision", "sheet_digest"],
            ["approved_sheets.number", "approved_sheets.revision", "approved_sheets.digest"],
            name=op.f("fk_setups_sheet_number_sheet_revision_sheet_digest"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setups")),
        sa.UniqueConstraint(
            "order_number", "station", "step", "is_current", name=op.f("uq_setups_order_number_station_step_is_current")
        ),
        **MARIADB,
    )
    op.create_index(op.f("ix_setups_digest"), "setups", ["digest"], unique=False)
    op.create_index(
        op.f("ix_setups_sheet_number_sheet_revision"), "setups", ["sheet_number", "sheet_revision"], unique=False
    )
    op.create_index(op.f("ix_setups_station_is_current"), "setups", ["station", "is_current"], unique=False)
