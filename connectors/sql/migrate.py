"""Brings the transactional store's schema up to date, with Alembic, in one transaction where the store can."""

from __future__ import annotations

import logging
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connectors.sql.engine import unavailable

logging.getLogger("alembic").setLevel(logging.WARNING)  # what was done is said by whoever has it done
MIGRATIONS = str(resources.files("connectors.sql") / "migrations")


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings; the connection is handed over, so no URL is written anywhere."""
    found = Config()
    found.set_main_option("script_location", MIGRATIONS)
    found.attributes["connection"] = connection
    return found


def newest() -> str:
    """The version that this program works with."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None  # noqa: S101  there is always a first migration
    return head


def current(connection: Connection) -> str | None:
    """The version of a store; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def version(engine: Engine) -> str | None:
    """The version of a store; raises `StoreUnavailable`."""
    try:
        with engine.connect() as connection:
            return current(connection)
    except OperationalError as error:
        raise unavailable(error) from error


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Do every migration that the store lacks; its version before and after. Raises `StoreUnavailable`."""
    try:
        with engine.begin() as connection:
            before = current(connection)
            command.upgrade(config(connection), "head")
            return before, newest()
    except OperationalError as error:
        raise unavailable(error) from error
