from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_driver import Client
from old_clickhouse_limits import LIMITS
from old_clickhouse_server import OldClickHouseServer
from real_services import require

from connectors.clickhouse.client import Address
from connectors.embedded.process import ChildServer

MODULE = "connectors.embedded.clickhouse"
PASSWORD = secrets.token_urlsafe(16)

Connect = Callable[..., Client]
StartServer = Callable[[Path], tuple[ChildServer, Address]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the old server cannot has to fail there, so that the list of it stays true."""
    for item in items:
        if limit := LIMITS.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=f"18.16 {limit.reason}", run=limit.runs, strict=True))


def server_over(path: Path) -> ChildServer:
    """An embedded server, not started yet, in a place where it would be five hours off if it kept local time."""
    return ChildServer(
        MODULE,
        "--path",
        str(path),
        log_path=path.with_suffix(".log"),
        environ={"SIPE_EMBEDDED_PASSWORD": PASSWORD, "TZ": "Asia/Karachi"},
    )


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Starts an embedded server over a directory; gives it and its address."""
    with ExitStack() as servers:

        def start(path: Path) -> tuple[ChildServer, Address]:
            child = servers.enter_context(server_over(path))
            return child, _address_of(child)

        yield start


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An embedded server that all tests share; it has to have said nothing about problems at the end."""
    path = tmp_path_factory.mktemp("clickhouse") / "data"
    with server_over(path) as child:
        yield _address_of(child)
    assert path.with_suffix(".log").read_text() == ""


@pytest.fixture(scope="session")
def old_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Debian's clickhouse-server 18.16, which all tests share."""
    require("clickhouse-18.16")
    with OldClickHouseServer(tmp_path_factory.mktemp("clickhouse-18.16")) as running:
        yield running.address


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Address:
    """The server under test: that of SIPE_CLICKHOUSE_URL, or an embedded one; the old one where a test asks for it."""
    if getattr(request, "param", "") == "18.16":
        old: Address = request.getfixturevalue("old_server")
        return old
    url = os.environ.get("SIPE_CLICKHOUSE_URL")
    address: Address = Address.parse(url) if url else request.getfixturevalue("embedded")
    return address


@pytest.fixture(scope="module")
def address(server: Address) -> Iterator[Address]:
    """A database of the module's own on the server under test."""
    own = replace(server, database=f"test_{secrets.token_hex(6)}")
    with _connect(replace(server, database="default")) as client:
        client.execute(f"CREATE DATABASE {own.database}")
        yield own
        client.execute(f"DROP DATABASE {own.database}")


@pytest.fixture
def connect(address: Address) -> Iterator[Connect]:
    """Connects the driver, with options of its own if given; closes it at the end."""
    with ExitStack() as clients:
        yield lambda **options: clients.enter_context(_connect(address, **options))


@pytest.fixture
def client(connect: Connect) -> Client:
    return connect()


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """A name for a table of the test's own."""
    name = f"t_{secrets.token_hex(6)}"
    yield name
    client.disconnect()
    client.execute(f"DROP TABLE IF EXISTS {name}")


def _connect(address: Address, **options: object) -> Client:
    known = {"host": address.host, "port": address.port, "database": address.database}
    return Client(**{**known, "user": address.user, "password": address.password, **options})


def _address_of(child: ChildServer) -> Address:
    return Address(host="127.0.0.1", port=child.ready["port"], database="default", user="sipe", password=PASSWORD)
