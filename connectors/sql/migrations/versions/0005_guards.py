"""What no statement may do, whoever sends it: the store itself refuses.

Entries of the audit trail are never changed or deleted, nor is what was submitted or decided; a setup sheet derives
from the sheet in force; a serial that was given stays given. On MariaDB the service's own user may not drop these.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

IN_FORCE = (
    "NOT EXISTS (SELECT 1 FROM approved_sheets WHERE number = NEW.sheet_number AND revision = NEW.sheet_revision "
    "AND digest = NEW.sheet_digest AND in_force = 1)"
)
FINAL = "OLD.status NOT IN ('draft', 'returned', 'no_consensus', 'withdrawn') AND (OLD.body <> NEW.body)"
GUARDS = (
    ("audit", "UPDATE", None, "the audit trail never changes"),
    ("audit", "DELETE", None, "the audit trail never changes"),
    ("submissions", "UPDATE", None, "what was submitted never changes"),
    ("submissions", "DELETE", None, "what was submitted never changes"),
    ("decisions", "UPDATE", None, "a decision never changes"),
    ("decisions", "DELETE", None, "a decision never changes"),
    ("sheets", "UPDATE", FINAL, "what was submitted never changes"),
    ("setups", "INSERT", IN_FORCE, "a setup sheet derives from the sheet in force"),
    ("units", "DELETE", None, "a serial is given once"),
)


def upgrade() -> None:
    """Forwards only: a store is brought back from its backup."""
    head = sa.table("audit_head", sa.column("id"), sa.column("seq"), sa.column("seal"))
    op.execute(head.insert().values(id=1, seq=0, seal="0" * 64))
    for table, action, condition, words in GUARDS:
        op.execute(guard(op.get_bind().dialect.name, table, action, condition, words))


def guard(dialect: str, table: str, action: str, condition: str | None, words: str) -> str:
    """A trigger that refuses a statement, in the words of the dialect."""
    name = f"guard_{table}_{action.lower()}"
    begin = f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW "
    if dialect == "sqlite":
        when = f"WHEN {condition} " if condition else ""
        return f"{begin}{when}BEGIN SELECT RAISE(ABORT, '{words}'); END"
    signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{words}';"
    return f"{begin}BEGIN {f'IF {condition} THEN {signal} END IF;' if condition else signal} END"
