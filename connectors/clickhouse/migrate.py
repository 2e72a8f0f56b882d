"""Migrations: numbered SQL files, applied in order, once, and never changed again.

A migration is recorded after its last statement. Every statement can run twice (`IF NOT EXISTS`, `OR REPLACE`), so a
migration that stopped half-way is repaired by applying again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.clickhouse.client import Address, Warehouse
from sipe.errors import SipeError

DIRECTORY = Path(__file__).parent / "migrations"

_FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
_ALWAYS_THERE = "default"  # a connection needs a database; ours may not exist yet

_RECORDS = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt16,
    name String,
    sha256 String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY number
"""


@dataclass(frozen=True)
class Migration:
    """One file of statements."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The digest by which a change of an applied file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """What a database has, and what it lacks."""

    applied: tuple[Migration, ...]
    pending: tuple[Migration, ...]


def load(directory: Path = DIRECTORY) -> tuple[Migration, ...]:
    """The migrations of a directory, numbered from 1 without a gap; raises `SipeError` that names the odd file."""
    migrations = []
    for number, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        match = _FILE_NAME.fullmatch(path.name)
        if not match or int(match["number"]) != number:
            raise SipeError(f"{path}: expected a migration named {number:04d}_some_words.sql")
        migrations.append(Migration(number, path.name, path.read_text(encoding="utf-8")))
    return tuple(migrations)


def plan(address: Address, directory: Path = DIRECTORY) -> Plan:
    """What is applied and what is pending, changing nothing.

    Raises `SipeError` when an applied file was changed since, or when the database is newer than this program.
    """
    migrations = load(directory)
    with Warehouse(replace(address, database=_ALWAYS_THERE)) as warehouse:
        recorded = _recorded(warehouse, address.database)
    newer = recorded.keys() - {migration.number for migration in migrations}
    if newer:
        raise SipeError(f"{address} has migration {min(newer):04d}, which this version does not know; upgrade SIPE")
    for migration in migrations:
        if recorded.get(migration.number, migration.sha256) != migration.sha256:
            raise SipeError(
                f"migration {migration.name} was changed after it was applied to {address}; "
                "restore the file and put the change into a new one"
            )
    return Plan(
        applied=tuple(migration for migration in migrations if migration.number in recorded),
        pending=tuple(migration for migration in migrations if migration.number not in recorded),
    )


def apply(address: Address, directory: Path = DIRECTORY) -> tuple[Migration, ...]:
    """Create the database if it is missing, apply what is pending, and return that; raises `SipeError`."""
    pending = plan(address, directory).pending
    if not pending:
        return ()
    with Warehouse(replace(address, database=_ALWAYS_THERE)) as warehouse:
        warehouse.run(f"CREATE DATABASE IF NOT EXISTS {address.database}")  # the address checked the name
    with Warehouse(address) as warehouse:
        warehouse.run(_RECORDS)
        for migration in pending:
            _apply(warehouse, migration)
    return pending


def statements(sql: str) -> Iterator[str]:
    """The statements of a file: each ends with a semicolon at the end of a line; lines of comment do not count."""
    lines: list[str] = []
    for line in sql.splitlines():
        if line.lstrip().startswith("--"):
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines).strip().removesuffix(";")
            lines = []
    rest = "\n".join(lines).strip()
    if rest:
        raise SipeError(f"a statement without a semicolon at its end: {rest.splitlines()[0]}")


def _recorded(warehouse: Warehouse, database: str) -> dict[int, str]:
    """The digests of what is applied, by number."""
    known = "SELECT name FROM system.tables WHERE database = %(database)s AND name = 'schema_migrations'"
    if not warehouse.rows(known, {"database": database}):
        return {}
    rows = warehouse.rows(f"SELECT number, sha256 FROM {database}.schema_migrations FINAL")  # noqa: S608  # as above
    return {row["number"]: row["sha256"] for row in rows}


def _apply(warehouse: Warehouse, migration: Migration) -> None:
    try:
        for statement in statements(migration.sql):
            warehouse.run(statement)
    except SipeError as error:
        raise SipeError(f"migration {migration.name}: {error}; apply again when that is mended") from error
    warehouse.run(
        "INSERT INTO schema_migrations SELECT %(number)s, %(name)s, %(sha256)s, now64(3)",
        {"number": migration.number, "name": migration.name, "sha256": migration.sha256},
    )
