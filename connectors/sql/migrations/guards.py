"""Triggers that refuse a statement, whoever sends it: what a migration guards."""

from __future__ import annotations


def guard(dialect: str, table: str, action: str, condition: str | None, words: str) -> str:
    """A trigger in the words of the dialect; without a condition it refuses every such statement."""
    name = f"guard_{table}_{action.lower()}"
    begin = f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW "
    if dialect == "sqlite":
        when = f"WHEN {condition} " if condition else ""
        return f"{begin}{when}BEGIN SELECT RAISE(ABORT, '{words}'); END"
    signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{words}';"
    return f"{begin}BEGIN {f'IF {condition} THEN {signal} END IF;' if condition else signal} END"
