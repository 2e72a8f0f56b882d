"""The transactional store as the settings name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from connectors.sql import migrate, place
from connectors.sql.work import Store
from sipe.clock import Clock
from sipe.errors import SipeError
from sipe.settings import Settings


@contextmanager
def open_store(settings: Settings, clock: Clock, *, may_make: bool = True) -> Iterator[Store]:
    """The transactional store; raises `SipeError` when its schema is not this program's.

    The one in the data directory is made, where it may be, and brought up to date here; a named one by `sipe migrate`,
    and by a user who may do more than this one.
    """
    with ExitStack() as stack:
        url = settings.sql_url
        if url is None:
            file = stack.enter_context(place.shared(settings.data_dir, may_make=may_make))
            url = f"sqlite:///{file.resolve()}"
        store = Store(url, clock)
        stack.callback(store.close)
        if settings.sql_url is None:
            migrate.upgrade(store.transactions.engine)
        with store.reading() as connection:
            if (current := migrate.current(connection)) != migrate.newest():
                raise SipeError(
                    f"the transactional store is at {current or 'nothing'} and has to be at {migrate.newest()}: "
                    "apply what is missing with `sipe migrate`"
                )
        yield store
