"""The transactional store as the settings name it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.sql import migrate
from connectors.sql.work import Store
from sipe.clock import Clock
from sipe.errors import SipeError
from sipe.private_files import check_own_dir
from sipe.settings import Settings

FILE = "sipe.db"


def url_of(settings: Settings) -> str:
    """Where it is: the named one, else a file in the data directory."""
    return settings.sql_url or f"sqlite:///{(settings.data_dir / FILE).resolve()}"


@contextmanager
def open_store(settings: Settings, clock: Clock) -> Iterator[Store]:
    """The transactional store; raises `SipeError` when its schema is not this program's.

    The one in the data directory is made and brought up to date here; a named one by `sipe migrate`, and by a user who
    may do more than this one.
    """
    if settings.sql_url is None:
        _make_file(settings.data_dir)
    store = Store(url_of(settings), clock)
    try:
        if settings.sql_url is None:
            migrate.upgrade(store.transactions.engine)
        with store.reading() as connection:
            if (current := migrate.current(connection)) != migrate.newest():
                raise SipeError(
                    f"the transactional store is at {current or 'nothing'} and has to be at {migrate.newest()}: "
                    "apply what is missing with `sipe migrate`"
                )
        yield store
    finally:
        store.close()


def _make_file(data_dir: Path) -> None:
    """The store's file, for its owner alone; what SQLite puts beside it takes over its mode."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_own_dir(data_dir)
    os.close(os.open(data_dir / FILE, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
