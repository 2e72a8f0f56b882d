from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from office import open_office
from web import Web

from connectors.sql import migrate
from connectors.sql.work import Store
from sipe.clock import ManualClock

START_MS = 1_790_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock)
    migrate.upgrade(store.transactions.engine)
    open_office(store, extra=["pia", "sara", "otto"])
    yield store
    store.close()


@pytest.fixture
def web(store: Store, clock: ManualClock) -> Iterator[Web]:
    with Web(store, clock) as web:
        yield web
