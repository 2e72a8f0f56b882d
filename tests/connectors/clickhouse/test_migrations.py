from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.clickhouse import health_sql, kpi_sql, migrate
from connectors.clickhouse.client import Address, Warehouse
from models.kpi import KPIS, Sums
from sipe.contracts.tables import TABLES, Table
from sipe.errors import SipeError

stack = pytest.mark.stack


def columns_of(warehouse: Warehouse, table: str) -> list[tuple[str, str]]:
    query = (
        "SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(table)s ORDER BY position"
    )
    rows = warehouse.rows(query, {"database": warehouse.address.database, "table": table})
    return [(row["name"], row["type"]) for row in rows]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the migrations, to change."""
    for migration in migrate.load():
        (tmp_path / migration.name).write_text(migration.sql)
    return tmp_path


def test_the_committed_views_are_those_of_the_definitions() -> None:
    newest = [migration for migration in migrate.load() if migration.name.endswith("_kpi_views.sql")][-1]
    assert newest.sql == kpi_sql.views_migration(), (
        f"{newest.name} is stale: write the next migration with python -m connectors.clickhouse.kpi_sql"
    )


def test_the_committed_health_views_are_those_of_the_definitions() -> None:
    newest = [migration for migration in migrate.load() if migration.name.endswith("_health_views.sql")][-1]
    assert newest.sql == health_sql.views_migration(), (
        f"{newest.name} is stale: write the next migration with python -m connectors.clickhouse.health_sql"
    )


def test_sql_has_every_kpi_and_every_sum_in_the_same_order() -> None:
    assert list(kpi_sql.KPIS) == list(KPIS)
    assert list(kpi_sql.SUMS) == list(Sums.__dataclass_fields__)


def test_every_statement_can_run_twice() -> None:
    for migration in migrate.load():
        for statement in migrate.statements(migration.sql):
            repeatable = r"(CREATE (TABLE|DATABASE)|ALTER TABLE \w+ ADD COLUMN) IF NOT EXISTS|CREATE OR REPLACE VIEW"
            assert re.match(repeatable, statement.strip())


def test_statements_end_at_a_line_and_not_in_a_text_or_comment() -> None:
    sql = "-- one; two;\nSELECT ';' AS a;\n\n  -- three;\nSELECT\n    1; \n"
    assert list(migrate.statements(sql)) == ["SELECT ';' AS a", "SELECT\n    1"]


def test_a_statement_without_an_end_is_refused() -> None:
    with pytest.raises(SipeError, match="without a semicolon at its end: SELECT 2"):
        list(migrate.statements("SELECT 1;\nSELECT 2\n"))


@pytest.mark.parametrize("name", ["9999_gap.sql", "0004-dash.sql", "4_short.sql", "0003_twice.sql"])
def test_files_are_numbered_without_a_gap(copy: Path, name: str) -> None:
    (copy / name).touch()
    with pytest.raises(SipeError, match=re.escape(str(copy))):
        migrate.load(copy)


@stack
def test_applying_to_an_empty_server_and_again(address: Address) -> None:
    migrations = migrate.load()
    assert migrate.plan(address) == migrate.Plan(applied=(), pending=migrations)
    assert migrate.apply(address) == migrations
    assert migrate.plan(address) == migrate.Plan(applied=migrations, pending=())
    assert migrate.apply(address) == ()


@stack
def test_planning_creates_nothing(address: Address, server: Address) -> None:
    migrate.plan(address)
    with Warehouse(Address(**{**vars(server), "database": "default"})) as warehouse:
        found = "SELECT name FROM system.databases WHERE name = %(name)s"
        assert warehouse.rows(found, {"name": address.database}) == []


@stack
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_as_declared(untouched: Warehouse, table: Table) -> None:
    assert columns_of(untouched, table.name) == [
        (column.name, column.type) for column in (*table.columns, *table.filled)
    ]
    query = "SELECT sorting_key, engine_full FROM system.tables WHERE database = %(database)s AND name = %(name)s"
    [found] = untouched.rows(query, {"database": untouched.address.database, "name": table.name})
    assert tuple(found["sorting_key"].split(", ")) == table.key
    replacing = [
        name for name in ("version", "is_deleted") if name in table.column_names and "version" not in table.key
    ]
    engine = f"ReplacingMergeTree({', '.join(replacing)})" if replacing else "ReplacingMergeTree"
    if any(column.type.startswith("SimpleAggregateFunction") for column in table.filled):
        engine = "AggregatingMergeTree"
    assert found["engine_full"].startswith(f"{engine} ")


@stack
def test_there_is_nothing_but_declared_tables_and_views(untouched: Warehouse) -> None:
    query = "SELECT name FROM system.tables WHERE database = %(database)s"
    names = {row["name"] for row in untouched.rows(query, {"database": untouched.address.database})}
    current = {f"{name}_current" for name in ("minute_facts", "stops", "stations", "quarantine")}
    views = {*current, "refolds_pending", *kpi_sql.VIEWS, *health_sql.VIEWS}
    assert names == {table.name for table in TABLES} | views | {"schema_migrations"}


@stack
@pytest.mark.parametrize("view", kpi_sql.VIEWS)
def test_a_kpi_view_has_every_sum_and_every_kpi_which_may_be_null(untouched: Warehouse, view: str) -> None:
    columns = dict(columns_of(untouched, view))
    display = ["display"] if "station" in kpi_sql.VIEWS[view] else []
    assert list(columns) == [*kpi_sql.VIEWS[view], *display, *kpi_sql.SUMS, "pq", *KPIS]
    assert {columns[name] for name in KPIS} == {"Nullable(Float64)"}


@stack
def test_a_changed_file_is_drift(migrated: Address, copy: Path) -> None:
    changed = copy / "0002_current.sql"
    changed.write_text(changed.read_text() + "\n")
    for act in (migrate.plan, migrate.apply):
        with pytest.raises(SipeError, match=rf"0002_current\.sql was changed after it was applied to {migrated}"):
            act(migrated, copy)


@stack
def test_a_database_newer_than_the_program_is_refused(migrated: Address, copy: Path) -> None:
    newest = migrate.load()[-1]
    (copy / newest.name).unlink()
    with pytest.raises(SipeError, match=rf"migration {newest.number:04d}, which this version does not know"):
        migrate.plan(migrated, copy)


@stack
def test_a_migration_that_stopped_half_way_is_repaired_by_applying_again(address: Address, copy: Path) -> None:
    broken = copy / "0002_current.sql"
    whole = broken.read_text()
    broken.write_text(whole.replace("FROM stops FINAL", "FROM stop FINAL"))
    with pytest.raises(SipeError, match=r"migration 0002_current\.sql: .*stop"):
        migrate.apply(address, copy)
    assert [migration.number for migration in migrate.plan(address, copy).applied] == [1]
    with Warehouse(address) as warehouse:
        assert columns_of(warehouse, "minute_facts_current"), "the statement before the broken one was run"
        assert not columns_of(warehouse, "stops_current")
    broken.write_text(whole)
    rest = [migration.number for migration in migrate.load()[1:]]
    assert [migration.number for migration in migrate.apply(address, copy)] == rest


@stack
def test_a_later_migration_comes_on_top(migrated: Address, copy: Path) -> None:
    name = f"{len(migrate.load()) + 1:04d}_more.sql"
    (copy / name).write_text("CREATE TABLE IF NOT EXISTS more (x UInt8) ENGINE = MergeTree ORDER BY x;\n")
    assert [migration.name for migration in migrate.apply(migrated, copy)] == [name]
    with Warehouse(migrated) as warehouse:
        assert columns_of(warehouse, "more") == [("x", "UInt8")]
