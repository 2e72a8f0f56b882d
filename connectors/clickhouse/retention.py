"""Retention: how long the store keeps what it holds, as the settings say, counted from when it was stored.

Never from the time of an event: a log of years ago that is replayed today is kept as long as today's. Of an event that
has become too old only the bytes go. Its row stays: it says which numbers were seen, which a rebuilt state needs to
know a duplicate and a gap. The bytes of what may be in force for ever stay, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.clickhouse.archive_sql import ALWAYS, CARRIED
from connectors.clickhouse.client import Address, Warehouse
from models.fold.rules import DAY_MS, FoldConfig
from sipe.contracts import tables
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings

KEPT_TYPES = (*ALWAYS, *CARRIED)
"""The types of events whose bytes are never dropped."""
FOR_EVER_DAYS = 20_000

_BRACKETS_AND_BLANKS = re.compile(r"[\s()]")
_FACTS = (tables.MINUTE_FACTS, tables.MINUTE_FACTS_HISTORY, tables.STOPS)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one table keeps, and for how many days."""

    table: str
    keeps: str
    days: int
    ttl: str
    """The expression; brackets and blanks aside, as the store shows it."""

    @property
    def statement(self) -> str:
        """What makes the table keep it."""
        if self.table == tables.EVENTS.name:
            return f"ALTER TABLE events MODIFY COLUMN `raw` String CODEC(ZSTD(3)) TTL {self.ttl}"
        return f"ALTER TABLE {self.table} MODIFY TTL {self.ttl}"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A rule, and whether the store keeps it."""

    rule: Rule
    applied: bool


def rules(settings: Settings) -> tuple[Rule, ...]:
    """What the settings ask for; raises `UsageError` when state could not be rebuilt from what would be left."""
    reach_days = days_needed(FoldConfig())
    for name in ("events_retention_days", "facts_retention_days"):
        if getattr(settings, name) < reach_days:
            raise UsageError(
                f"SIPE_{name.upper()}={getattr(settings, name)}: at least {reach_days} days are needed, "
                "the flow's state is rebuilt from them"
            )
    in_force = ", ".join(f"'{type_}'" for type_ in KEPT_TYPES)
    bytes_days = f"if(type IN ({in_force}), {FOR_EVER_DAYS}, {settings.events_retention_days})"
    return (
        Rule(
            table=tables.EVENTS.name,
            keeps="bytes of events",
            days=settings.events_retention_days,
            ttl=f"toDateTime(record_ts) + toIntervalDay({bytes_days})",
        ),
        _rows(tables.REJECTS, settings.rejects_retention_days, "toDateTime(record_ts)"),
        *(_rows(table, settings.facts_retention_days) for table in _FACTS),
        _rows(tables.STATION_HEALTH, settings.health_retention_days),
    )


def days_needed(config: FoldConfig) -> int:
    """How far back a rebuilt state reads: a source may lag until it is retired, and what it tells reaches back."""
    return -(-(config.retire_ms + config.reach_ms + config.horizon_ms) // DAY_MS)


def plan(address: Address, settings: Settings) -> tuple[Kept, ...]:
    """Each rule, and whether it is in force, changing nothing; raises `SipeError` when a table is missing."""
    wanted = rules(settings)
    query = "SELECT name, create_table_query FROM system.tables WHERE database = %(database)s"
    with Warehouse(address) as store:
        found = {row["name"]: row["create_table_query"] for row in store.rows(query, {"database": address.database})}
    if missing := [rule.table for rule in wanted if rule.table not in found]:
        raise SipeError(f"{address} has no table {missing[0]}: apply the migrations with `sipe migrate`")
    return tuple(Kept(rule=rule, applied=_bare(f"TTL {rule.ttl}") in _bare(found[rule.table])) for rule in wanted)


def apply(address: Address, settings: Settings) -> tuple[Rule, ...]:
    """Alter the tables that keep something else, and return what was changed; raises `SipeError`."""
    changes = tuple(kept.rule for kept in plan(address, settings) if not kept.applied)
    with Warehouse(address) as store:
        for rule in changes:
            store.run(rule.statement)
    return changes


def _bare(sql: str) -> str:
    return _BRACKETS_AND_BLANKS.sub("", sql)


def _rows(table: tables.Table, days: int, since: str = "stored_at") -> Rule:
    return Rule(table=table.name, keeps="rows", days=days, ttl=f"{since} + toIntervalDay({days})")
