from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from store_databases import embedded_server, new_database, store_server

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.writer import Writer
from connectors.embedded.process import ChildServer

StartServer = Callable[[Path, str], ChildServer]


@pytest.fixture(scope="session")
def start_server() -> Iterator[StartServer]:
    """Starts an embedded ClickHouse over a directory."""
    with ExitStack() as servers:
        yield lambda path, password: servers.enter_context(embedded_server(path, password))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with store_server(tmp_path_factory.mktemp("clickhouse")) as address:
        yield address


@pytest.fixture(scope="session")
def untouched(server: Address) -> Iterator[Warehouse]:
    """A migrated database that every test only looks at."""
    with new_database(server) as address:
        migrate.apply(address)
        with Warehouse(address) as open_warehouse:
            yield open_warehouse


@pytest.fixture
def address(server: Address) -> Iterator[Address]:
    """A database of the test's own, which does not exist yet."""
    with new_database(server) as own:
        yield own


@pytest.fixture
def migrated(address: Address) -> Address:
    """A database of the test's own with every table and view."""
    migrate.apply(address)
    return address


@pytest.fixture
def warehouse(migrated: Address) -> Iterator[Warehouse]:
    with Warehouse(migrated) as open_warehouse:
        yield open_warehouse


@pytest.fixture
def writer(migrated: Address) -> Iterator[Writer]:
    with closing(Writer(migrated)) as open_writer:
        yield open_writer
