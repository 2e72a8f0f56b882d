"""Certificates, calibration records, seals, lots with their samples, and the files that went with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.migrations.guards import guard
from connectors.sql.schema.columns import DOCUMENT, MARIADB, NUMBER

revision = "0009"
down_revision = "0008"

CERTIFICATE = (
    "OLD.valid_until_ms < NEW.valid_until_ms OR OLD.valid_from_ms <> NEW.valid_from_ms OR OLD.kind <> NEW.kind "
    "OR OLD.equipment <> NEW.equipment OR OLD.certificate <> NEW.certificate"
)
SEAL = (
    "OLD.is_current IS NULL OR NEW.is_current IS NOT NULL OR OLD.number <> NEW.number OR OLD.serial <> NEW.serial "
    "OR OLD.place <> NEW.place"
)
LOT_UNIT = "OLD.is_current IS NULL OR NEW.is_current IS NOT NULL OR OLD.lot <> NEW.lot OR OLD.serial <> NEW.serial"
ROUND = "OLD.judgement IS NOT NULL OR OLD.drawn <> NEW.drawn OR OLD.lot <> NEW.lot OR OLD.round <> NEW.round"
GUARDS = (
    ("calibrations", "UPDATE", None, "a calibration record never changes"),
    ("calibrations", "DELETE", None, "a calibration record never changes"),
    ("certificates", "UPDATE", CERTIFICATE, "a certificate ends earlier, or not at all"),
    ("certificates", "DELETE", None, "a certificate stays known"),
    ("seals", "UPDATE", SEAL, "a seal is put once and removed once"),
    ("seals", "DELETE", None, "the number of a seal is used once"),
    ("lot_units", "UPDATE", LOT_UNIT, "a unit joins a lot once and leaves it once"),
    ("lot_units", "DELETE", None, "who was in a lot stays known"),
    ("lot_rounds", "UPDATE", ROUND, "what was drawn and judged never changes"),
    ("lot_rounds", "DELETE", None, "what was drawn and judged never changes"),
    ("lot_inspections", "UPDATE", None, "what was found never changes"),
    ("lot_inspections", "DELETE", None, "what was found never changes"),
    ("deliveries", "UPDATE", None, "what was delivered never changes"),
    ("deliveries", "DELETE", None, "what was delivered never changes"),
)


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "certificates",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=False),
        sa.Column("certificate", sa.String(length=64), nullable=False),
        sa.Column("standard", sa.String(length=64), nullable=True),
        sa.Column("valid_from_ms", NUMBER, nullable=False),
        sa.Column("valid_until_ms", NUMBER, nullable=False),
        sa.Column("withdrawn_reason", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint(
            "kind", "equipment", "certificate", name=op.f("uq_certificates_kind_equipment_certificate")
        ),
        **MARIADB,
    )
    op.create_table(
        "release_lots",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["product"], ["products.id"], name=op.f("fk_release_lots_product"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_lots")),
        **MARIADB,
    )
    op.create_index(
        op.f("ix_release_lots_product_customer_status"), "release_lots", ["product", "customer", "status"], unique=False
    )
    op.create_table(
        "samplings",
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("switch", DOCUMENT, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("changed_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["product"], ["products.id"], name=op.f("fk_samplings_product"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("product", "customer", name=op.f("pk_samplings")),
        **MARIADB,
    )
    op.create_table(
        "deliveries",
        sa.Column("lot", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["lot"], ["release_lots.id"], name=op.f("fk_deliveries_lot"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("lot", "name", name=op.f("pk_deliveries")),
        **MARIADB,
    )
    op.create_table(
        "lot_rounds",
        sa.Column("lot", sa.String(length=64), nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("drawn", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.Column("judgement", sa.String(length=64), nullable=True),
        sa.Column("judged_by", sa.String(length=64), nullable=True),
        sa.Column("judged_ms", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["lot"], ["release_lots.id"], name=op.f("fk_lot_rounds_lot"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("lot", "round", name=op.f("pk_lot_rounds")),
        **MARIADB,
    )
    op.create_table(
        "calibrations",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("point", sa.String(length=64), nullable=False),
        sa.Column("bench", sa.String(length=64), nullable=False),
        sa.Column("standard", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("setup_digest", sa.String(length=64), nullable=True),
        sa.Column("record", DOCUMENT, nullable=False),
        sa.Column("is_good", NUMBER, nullable=False),
        sa.Column("measured_ms", NUMBER, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["serial"], ["units.serial"], name=op.f("fk_calibrations_serial"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        **MARIADB,
    )
    op.create_index(op.f("ix_calibrations_bench_measured_ms"), "calibrations", ["bench", "measured_ms"], unique=False)
    op.create_index(op.f("ix_calibrations_serial_id"), "calibrations", ["serial", "id"], unique=False)
    op.create_index(
        op.f("ix_calibrations_standard_measured_ms"), "calibrations", ["standard", "measured_ms"], unique=False
    )
    op.create_table(
        "lot_inspections",
        sa.Column("lot", sa.String(length=64), nullable=False),
        sa.Column("round", NUMBER, nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("conforms", NUMBER, nullable=False),
        sa.Column("findings", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["lot", "round"], ["lot_rounds.lot", "lot_rounds.round"], name=op.f("fk_lot_inspections_lot_round")
        ),
        sa.ForeignKeyConstraint(
            ["serial"],
            ["units.serial"],
            name=op.f("fk_lot_inspections_serial"),
            onupdate="RESTRICT",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("lot", "round", "serial", name=op.f("pk_lot_inspections")),
        **MARIADB,
    )
    op.create_table(
        "lot_units",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("lot", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("is_current", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.Column("taken_out_by", sa.String(length=64), nullable=True),
        sa.Column("taken_out_ms", NUMBER, nullable=True),
        sa.Column("taken_out_reason", DOCUMENT, nullable=False),
        sa.CheckConstraint("is_current = 1", name=op.f("ck_lot_units_is_current")),
        sa.ForeignKeyConstraint(
            ["lot"], ["release_lots.id"], name=op.f("fk_lot_units_lot"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["serial"], ["units.serial"], name=op.f("fk_lot_units_serial"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_units")),
        sa.UniqueConstraint("serial", "is_current", name=op.f("uq_lot_units_serial_is_current")),
        **MARIADB,
    )
    op.create_index(op.f("ix_lot_units_lot_is_current"), "lot_units", ["lot", "is_current"], unique=False)
    op.create_table(
        "seals",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("is_current", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.Column("removed_by", sa.String(length=64), nullable=True),
        sa.Column("removed_ms", NUMBER, nullable=True),
        sa.Column("removed_reason", DOCUMENT, nullable=False),
        sa.Column("opened", NUMBER, nullable=False),
        sa.CheckConstraint("is_current = 1", name=op.f("ck_seals_is_current")),
        sa.ForeignKeyConstraint(
            ["serial"], ["units.serial"], name=op.f("fk_seals_serial"), onupdate="RESTRICT", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
        sa.UniqueConstraint("serial", "place", "is_current", name=op.f("uq_seals_serial_place_is_current")),
        **MARIADB,
    )
    for table, action, condition, words in GUARDS:
        op.execute(guard(op.get_bind().dialect.name, table, action, condition, words))
