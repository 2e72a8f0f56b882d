"""The web service's user of MariaDB does its work, as every test here shows, and cannot tamper with what it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sql_stores import SqlServers
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from connectors.sql import grants
from connectors.sql.engine import open_engine
from connectors.sql.schema.columns import METADATA
from connectors.sql.work import Store
from models.audit import Who
from sipe.clock import ManualClock
from sipe.errors import SipeError, UsageError

ADMIN = Who("root", "admin", "t1")
TAMPERINGS = (
    "UPDATE audit SET seal = 'x'",
    "UPDATE audit SET entry = '{}' WHERE seq = 1",
    "DELETE FROM audit",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head VALUES (2, 0, 'x')",
    "REPLACE INTO audit VALUES (1, 'x', '{}')",
    "INSERT INTO audit VALUES (1, 'x', '{}') ON DUPLICATE KEY UPDATE seal = 'x'",
    "TRUNCATE audit",
    "DROP TABLE audit",
    "RENAME TABLE audit TO trail",
    "ALTER TABLE audit DROP COLUMN seal",
    "DROP TRIGGER guard_audit_update",
    "CREATE TRIGGER own BEFORE INSERT ON audit FOR EACH ROW SET NEW.entry = '{}'",
    "CREATE TABLE other (id INT)",
    "GRANT UPDATE ON audit TO 'service'@'127.0.0.1'",
    "UPDATE outbox SET body = '{}'",
    "UPDATE decisions SET kind = 'approve'",
    "DELETE FROM submissions",
    "DELETE FROM units",
    "UPDATE alembic_version SET version_num = '0001'",
)

pytestmark = pytest.mark.needs("mariadb")


@pytest.fixture
def owner(sql_servers: SqlServers) -> Store:
    return sql_servers.owner()


@pytest.fixture
def store(sql_servers: SqlServers, clock: ManualClock) -> Iterator[Store]:
    with sql_servers.store("mariadb", clock) as store:
        store.work(ADMIN, lambda work: work.note("looked", "at/all"))
        yield store


@pytest.mark.parametrize("statement", TAMPERINGS)
def test_the_service_cannot_tamper(store: Store, owner: Store, statement: str) -> None:
    with pytest.raises(DatabaseError, match="denied"), store.transactions.engine.begin() as connection:
        connection.execute(text(statement))
    with owner.reading() as connection:
        entries = connection.execute(text("SELECT seq, entry LIKE '%looked%' FROM audit")).all()
    assert entries == [(1, 1)]


def test_what_the_store_guards_the_service_has_no_right_to(owner: Store) -> None:
    """A table whose every update or deletion a trigger refuses is one where the right is not given, either."""
    query = "SELECT event_object_table, event_manipulation, action_statement FROM information_schema.triggers"
    with owner.reading() as connection:
        guards = connection.execute(text(f"{query} WHERE trigger_schema = database()")).all()
    assert len(guards) > 10
    for table, action, statement in guards:
        if re.match(r"BEGIN SIGNAL", statement):
            assert action not in grants.rights(table).replace("SELECT", ""), table


def test_every_table_has_its_rights_and_no_other_table_is_named(owner: Store) -> None:
    assert METADATA.tables.keys() >= grants.ONLY_ADDED_TO | grants.DELETED_FROM | grants.ONE_ROW
    with owner.reading() as connection:
        tables = {row[0] for row in connection.execute(text("SHOW TABLES"))}
        given = "SELECT DISTINCT table_name FROM information_schema.table_privileges WHERE grantee LIKE '%service%'"
        assert {row[0] for row in connection.execute(text(given))} <= tables
    assert {statement.split("`")[3] for statement in grants.statements(grants.User("a", "%"), "sipe")} == tables


def test_it_is_known_who_could_tamper(store: Store, owner: Store) -> None:
    with store.reading() as connection:
        assert not grants.can_tamper(connection)
    with owner.reading() as connection:
        assert grants.can_tamper(connection)


def test_rights_are_given_by_the_owner_to_somebody_else_who_is_there(sql_servers: SqlServers, owner: Store) -> None:
    engine = owner.transactions.engine
    user = grants.user_of("service@127.0.0.1")
    assert grants.apply(engine, user) == len(METADATA.tables) + 1, "again changes nothing"
    with pytest.raises(SipeError, match="'nobody'@'%' was not given its rights"):
        grants.apply(engine, grants.user_of("nobody"))
    with pytest.raises(UsageError, match="owns the database"):
        grants.apply(engine, grants.user_of("owner"))
    service = open_engine(sql_servers.mariadb.service_url)
    with pytest.raises(SipeError, match="was not given its rights"):
        grants.apply(service, grants.user_of("friend"))
    service.dispose()
    with pytest.raises(UsageError, match="SQLite has no users"):
        grants.apply(open_engine("sqlite:///none.db"), user)


@pytest.mark.parametrize("words", ["", "a b", "a'b", "a@b'c", "a@", "a`", "x" * 81, "a;b"])
def test_what_is_no_user_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="is no user of MariaDB"):
        grants.user_of(words)
