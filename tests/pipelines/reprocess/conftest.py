from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address, Warehouse
from connectors.embedded.process import ChildServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The server of SIPE_CLICKHOUSE_URL, or an embedded one."""
    if url := os.environ.get("SIPE_CLICKHOUSE_URL"):
        yield Address.parse(url)
        return
    path, password = tmp_path_factory.mktemp("clickhouse") / "data", secrets.token_urlsafe(16)
    environ = {"SIPE_EMBEDDED_PASSWORD": password}
    module = "connectors.embedded.clickhouse"
    with ChildServer(module, "--path", str(path), log_path=path.with_suffix(".log"), environ=environ) as child:
        yield Address(host="127.0.0.1", port=child.ready["port"], database="sipe", user="sipe", password=password)


@contextmanager
def _new_database(server: Address) -> Iterator[Address]:
    own = replace(server, database=f"test_{secrets.token_hex(6)}")
    migrate.apply(own)
    yield own
    with Warehouse(replace(server, database="default")) as warehouse:
        warehouse.run(f"DROP DATABASE {own.database}")


@pytest.fixture
def migrated(server: Address) -> Iterator[Address]:
    """A database of the test's own with every table and view."""
    with _new_database(server) as own:
        yield own


@pytest.fixture
def other(server: Address) -> Iterator[Address]:
    """A second one, to compare with."""
    with _new_database(server) as own:
        yield own


@pytest.fixture
def store(migrated: Address) -> Iterator[Warehouse]:
    with Warehouse(migrated) as open_store:
        yield open_store
