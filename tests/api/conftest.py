from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from office import open_office
from sql_stores import START_MS, store_of
from web import EXTRA, Web

from connectors.sql.work import Store
from sipe.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with store_of(an_office, clock) as store:
        yield store


def an_office(store: Store) -> None:
    open_office(store, extra=EXTRA)


@pytest.fixture
def web(store: Store, clock: ManualClock, tmp_path: Path) -> Iterator[Web]:
    with Web(store, clock, tmp_path) as web:
        yield web
