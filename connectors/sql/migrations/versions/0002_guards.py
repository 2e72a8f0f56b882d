"""What no statement may do, whoever sends it: the store itself refuses.

Entries of the audit trail are never changed or deleted; what was submitted is never changed; a submitted or approved
revision never says anything else. On MariaDB the service's own user has no right to drop these triggers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FINAL = "OLD.status NOT IN ('draft', 'returned', 'no_consensus', 'withdrawn') AND (OLD.body <> NEW.body)"
GUARDS = (
    ("audit", "UPDATE", None, "the audit trail never changes"),
    ("audit", "DELETE", None, "the audit trail never changes"),
    ("submissions", "UPDATE", None, "what was submitted never changes"),
    ("submissions", "DELETE", None, "what was submitted never changes"),
    ("decisions", "UPDATE", None, "a decision never changes"),
    ("decisions", "DELETE", None, "a decision never changes"),
    ("sheets", "UPDATE", FINAL, "what was submitted never changes"),
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
