"""Offline leases, their serials, and what was reported of their use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.migrations.guards import guard
from connectors.sql.schema.columns import DOCUMENT, KEPT, MARIADB, NUMBER

revision = "0011"
down_revision = "0010"

CLOSED = "OLD.closed_ms IS NOT NULL OR OLD.body <> NEW.body OR OLD.expires_ms <> NEW.expires_ms"
TAKEN = "OLD.outcome <> 'refused'"
GUARDS = (
    ("leases", "UPDATE", CLOSED, "a lease is closed once, and never changes else"),
    ("leases", "DELETE", None, "a lease stays known"),
    ("lease_serials", "DELETE", None, "a serial is given once"),
    ("lease_visits", "UPDATE", TAKEN, "what was taken never changes"),
    ("lease_visits", "DELETE", None, "what was reported stays known"),
)


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "leases",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("setup_digest", sa.String(length=64), nullable=True),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("expires_ms", NUMBER, nullable=False),
        sa.Column("closed_ms", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name=op.f("fk_leases_order_number"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
        **MARIADB,
    )
    op.create_index(op.f("ix_leases_station_closed_ms"), "leases", ["station", "closed_ms"])
    op.create_index(op.f("ix_leases_setup_digest_expires_ms"), "leases", ["setup_digest", "expires_ms"])
    op.create_table(
        "lease_serials",
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("order_number", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("is_held", NUMBER, nullable=True),
        sa.CheckConstraint("is_held = 1", name=op.f("ck_lease_serials_is_held")),
        sa.ForeignKeyConstraint(["lease"], ["leases.id"], name=op.f("fk_lease_serials_lease"), **KEPT),
        sa.ForeignKeyConstraint(
            ["order_number"], ["orders.number"], name=op.f("fk_lease_serials_order_number"), **KEPT
        ),
        sa.PrimaryKeyConstraint("lease", "serial", name=op.f("pk_lease_serials")),
        sa.UniqueConstraint("serial", "is_held", name=op.f("uq_lease_serials_serial_is_held")),
        **MARIADB,
    )
    op.create_index(
        op.f("ix_lease_serials_order_number_state_serial"), "lease_serials", ["order_number", "state", "serial"]
    )
    op.create_table(
        "lease_visits",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("entered_ms", NUMBER, nullable=False),
        sa.Column("left_ms", NUMBER, nullable=False),
        sa.Column("result", sa.String(length=64), nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=True),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["lease"], ["leases.id"], name=op.f("fk_lease_visits_lease"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease_visits")),
        sa.UniqueConstraint(
            "lease", "serial", "entered_ms", "result", name=op.f("uq_lease_visits_lease_serial_entered_ms_result")
        ),
        **MARIADB,
    )
    op.create_index(op.f("ix_lease_visits_serial"), "lease_visits", ["serial"])
    for table, action, condition, words in GUARDS:
        op.execute(guard(op.get_bind().dialect.name, table, action, condition, words))
