"""The migrations make the tables that are declared, and the store itself guards what must not change."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import delete, insert, inspect, select, text, update
from sqlalchemy.exc import DatabaseError

from connectors.sql import migrate
from connectors.sql.schema.columns import COLLATION, METADATA
from connectors.sql.schema.people import PEOPLE
from connectors.sql.schema.trail import AUDIT
from connectors.sql.work import Store
from models.audit import Who

ADMIN = Who("root", "admin", "t1")


def test_the_migrations_make_what_is_declared(store: Store) -> None:
    with store.transactions.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert migrate.current(connection) == migrate.newest()


def test_a_second_upgrade_does_nothing(store: Store) -> None:
    assert migrate.upgrade(store.transactions.engine) == (migrate.newest(), migrate.newest())


def test_keys_are_told_apart_byte_by_byte(store: Store) -> None:
    with store.transactions.writing() as connection:
        for key in ("AB1", "ab1", "ab1 ", "Äb1", "ab1\u0301"):
            row = {
                "id": key,
                "display": key,
                "pseudonym": key,
                "active": 1,
                "version": 1,
                "created_ms": 1_790_000_000_123,
            }
            connection.execute(insert(PEOPLE).values(row))  # fmt: skip
    with store.reading() as connection:
        assert connection.execute(select(PEOPLE.c.created_ms).where(PEOPLE.c.id == "ab1")).scalars().all() == [
            1_790_000_000_123
        ]


def test_every_table_of_mariadb_is_binary(store: Store) -> None:
    engine = store.transactions.engine
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite compares bytes by itself")
    query = "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = database()"
    with engine.connect() as connection:
        collations = {row[0]: row[1] for row in connection.execute(text(query))}
        del collations["alembic_version"]
        assert set(collations) == set(inspect(connection).get_table_names()) - {"alembic_version"}
    assert set(collations.values()) == {COLLATION}


def test_the_trail_is_changed_by_nobody(store: Store) -> None:
    store.work(ADMIN, lambda work: work.note("looked", "at/all", reason="why not"))
    for statement in (update(AUDIT).values(seal="0" * 64), delete(AUDIT)):
        with (
            pytest.raises(DatabaseError, match=r"the audit trail never changes|command denied"),
            store.transactions.writing() as held,
        ):
            held.execute(statement)
