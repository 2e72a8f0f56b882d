"""Who set a secret: one that an administrator has given signs nothing until its owner has another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    for name in ("password_by", "pin_by"):
        op.add_column("people", sa.Column(name, sa.String(length=64), nullable=True))
