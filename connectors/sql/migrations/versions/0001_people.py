"""People, their roles, and how they and devices prove who they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.sql.schema.columns import DOCUMENT, KEPT, MARIADB, NUMBER

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("enrolled_ms", NUMBER, nullable=False),
        sa.Column("revoked_ms", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        **MARIADB,
    )
    op.create_index(op.f("ix_devices_station"), "devices", ["station"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("display", sa.String(length=128), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("badge_digest", sa.String(length=64), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("pin_hash", sa.String(length=255), nullable=True),
        sa.Column("failures", NUMBER, server_default="0", nullable=False),
        sa.Column("locked_until_ms", NUMBER, nullable=True),
        sa.Column("forgotten_ms", NUMBER, nullable=True),
        sa.Column("active", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("badge_digest", name=op.f("uq_people_badge_digest")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_people_pseudonym")),
        **MARIADB,
    )
    op.create_table(
        "delegations",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("to", sa.String(length=64), nullable=False),
        sa.Column("from_ms", NUMBER, nullable=False),
        sa.Column("until_ms", NUMBER, nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_delegations_by"), **KEPT),
        sa.ForeignKeyConstraint(["to"], ["people.id"], name=op.f("fk_delegations_to"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
        **MARIADB,
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=131), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", NUMBER, nullable=False),
        sa.Column("expires_ms", NUMBER, nullable=False),
        sa.Column("used_ms", NUMBER, nullable=True),
        sa.Column("device", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_enrolment_codes_created_by"), **KEPT),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_enrolment_codes_device"), **KEPT),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_enrolment_codes")),
        **MARIADB,
    )
    op.create_table(
        "person_roles",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("line", sa.String(length=131), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_person_roles_person"), **KEPT),
        sa.PrimaryKeyConstraint("person", "role", "line", name=op.f("pk_person_roles")),
        **MARIADB,
    )
    op.create_table(
        "token_families",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("device", sa.String(length=64), nullable=True),
        sa.Column("authenticated_ms", NUMBER, nullable=False),
        sa.Column("revoked_ms", NUMBER, nullable=True),
        sa.Column("revoked_reason", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(person IS NULL) <> (device IS NULL)", name=op.f("ck_token_families_of_one")),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_token_families_device"), **KEPT),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_token_families_person"), **KEPT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_families")),
        **MARIADB,
    )
    op.create_index(op.f("ix_token_families_device"), "token_families", ["device"], unique=False)
    op.create_index(op.f("ix_token_families_person"), "token_families", ["person"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("issued_ms", NUMBER, nullable=False),
        sa.Column("expires_ms", NUMBER, nullable=False),
        sa.Column("used_ms", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["family"], ["token_families.id"], name=op.f("fk_refresh_tokens_family"), **KEPT),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("family", "number", name=op.f("uq_refresh_tokens_family_number")),
        **MARIADB,
    )
    op.create_index(op.f("ix_refresh_tokens_expires_ms"), "refresh_tokens", ["expires_ms"], unique=False)
