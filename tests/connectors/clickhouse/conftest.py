from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.writer import Writer
from connectors.embedded.process import ChildServer

StartServer = Callable[[Path, str], ChildServer]


@pytest.fixture(scope="session")
def start_server() -> Iterator[StartServer]:
    """Starts an embedded ClickHouse over a directory."""
    with ExitStack() as servers:
        yield lambda path, password: servers.enter_context(_server(path, password))


def _server(path: Path, password: str) -> ChildServer:
    return ChildServer(
        "connectors.embedded.clickhouse",
        "--path",
        str(path),
        log_path=path.with_suffix(".log"),
        environ={"SIPE_EMBEDDED_PASSWORD": password},
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Address:
    """A server to test against: the one of SIPE_CLICKHOUSE_URL, or an embedded one."""
    url = os.environ.get("SIPE_CLICKHOUSE_URL")
    if url:
        return Address.parse(url)
    password = secrets.token_urlsafe(16)
    child = start_server(tmp_path_factory.mktemp("clickhouse") / "data", password)
    return Address(host="127.0.0.1", port=child.ready["port"], database="sipe", user="sipe", password=password)


@contextmanager
def _new_database(server: Address) -> Iterator[Address]:
    own = replace(server, database=f"test_{secrets.token_hex(6)}")
    yield own
    with Warehouse(replace(server, database="default")) as warehouse:
        warehouse.run(f"DROP DATABASE IF EXISTS {own.database}")


@pytest.fixture(scope="session")
def untouched(server: Address) -> Iterator[Warehouse]:
    """A migrated database that every test only looks at."""
    with _new_database(server) as address:
        migrate.apply(address)
        with Warehouse(address) as open_warehouse:
            yield open_warehouse


@pytest.fixture
def address(server: Address) -> Iterator[Address]:
    """A database of the test's own, which does not exist yet."""
    with _new_database(server) as own:
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
