from __future__ import annotations

from collections.abc import Iterator

import pytest
from store_databases import new_database, store_server

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address, Warehouse


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with store_server(tmp_path_factory.mktemp("clickhouse")) as address:
        yield address


@pytest.fixture
def migrated(server: Address) -> Iterator[Address]:
    """A database of the test's own with every table and view."""
    with new_database(server) as own:
        migrate.apply(own)
        yield own


@pytest.fixture
def other(server: Address) -> Iterator[Address]:
    """A second one, to compare with."""
    with new_database(server) as own:
        migrate.apply(own)
        yield own


@pytest.fixture
def store(migrated: Address) -> Iterator[Warehouse]:
    with Warehouse(migrated) as open_store:
        yield open_store
