"""What the web service's user of MariaDB may do with each table: what it needs, and no change of what was written down.

The owner of the database makes and migrates the tables, and gives these rights; the service can neither drop a table or
a trigger nor give itself more. SQLite has no users: there the triggers of the migrations have to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from connectors.sql.engine import unavailable
from connectors.sql.schema.columns import METADATA
from connectors.sql.schema.trail import AUDIT, OUTBOX
from sipe.errors import SipeError, UsageError

ONLY_ADDED_TO = frozenset(
    {
        "audit",
        "boms",
        "calibrations",
        "contracts",
        "decisions",
        "deliveries",
        "former_authors",
        "layouts",
        "lot_inspections",
        "readings",
        "refusals",
        "reminders",
        "routings",
        "submissions",
        "templates",
        "workflows",
    }
)
"""What was written down: the trail above all."""
DELETED_FROM = frozenset({"answers", "outbox", "person_roles", "refresh_tokens", "token_families"})
"""What ends, and may be forgotten."""
ONE_ROW = frozenset({"audit_head", "outbox_head"})
"""Made by a migration, and changed since."""
VERSION_TABLE = "alembic_version"
_USER = re.compile(r"([A-Za-z0-9_.-]{1,80})(?:@([A-Za-z0-9_.:%-]{1,255}))?")


class User(NamedTuple):
    """A user of MariaDB, and from where it comes."""

    name: str
    host: str

    def __str__(self) -> str:
        return f"'{self.name}'@'{self.host}'"


def user_of(words: str) -> User:
    """A user from `NAME` or `NAME@HOST`; raises `UsageError`."""
    found = _USER.fullmatch(words)
    if found is None:
        raise UsageError(f"{words!r} is no user of MariaDB: write NAME or NAME@HOST, of letters, digits and _.-")
    return User(found[1], found[2] or "%")


def rights(table: str) -> str:
    """What the service may do with a table."""
    if table == VERSION_TABLE:
        return "SELECT"
    if table in ONE_ROW:
        return "SELECT, UPDATE"
    if table == OUTBOX.name:  # a position is given to a row, and nothing else of it changes
        return "SELECT, INSERT, UPDATE (position), DELETE"
    changing = "" if table in ONLY_ADDED_TO else ", UPDATE"
    return f"SELECT, INSERT{changing}{', DELETE' if table in DELETED_FROM else ''}"


def statements(user: User, database: str, tables: Iterable[str] | None = None) -> Iterator[str]:
    """What gives a user its rights, for every table."""
    for table in sorted({*(tables or METADATA.tables), VERSION_TABLE}):
        yield f"GRANT {rights(table)} ON `{database}`.`{table}` TO {user}"


def apply(engine: Engine, user: User) -> int:
    """Give the service's user its rights as the owner of the database; on how many tables. Raises `SipeError`."""
    database = engine.url.database or ""
    if engine.dialect.name == "sqlite":
        raise UsageError("SQLite has no users: rights are given on MariaDB")
    if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", database):
        raise UsageError("SIPE_SQL_URL names no database of letters, digits and _")
    if user.name == engine.url.username:
        raise UsageError(f"{user.name} owns the database: the web service has to be another user")
    try:
        with engine.begin() as connection:
            given = [connection.execute(text(statement)) for statement in statements(user, database)]
    except (OperationalError, ProgrammingError) as error:
        if isinstance(error, OperationalError) and error.connection_invalidated:
            raise unavailable(error) from error
        raise SipeError(f"{user} was not given its rights: {error.orig}; is there such a user?") from error
    return len(given)


def can_tamper(connection: Connection) -> bool:
    """Whether whoever is connected could change or delete entries of the trail, or drop what guards them."""
    if connection.dialect.name == "sqlite":
        return False
    for (grant,) in connection.execute(text("SHOW GRANTS")):
        what, _, where = str(grant).partition(" ON ")
        on_all = where.startswith(("*.*", f"`{connection.engine.url.database}`.*"))
        on_trail = f".`{AUDIT.name}`" in where
        if (on_all or on_trail) and re.search(r"\b(ALL PRIVILEGES|UPDATE|DELETE|DROP|TRIGGER|ALTER)\b", what):
            return True
    return False
