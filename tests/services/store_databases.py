"""A ClickHouse to test against, and databases in it that belong to one test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from connectors.clickhouse.client import Address, Warehouse
from connectors.embedded.process import ChildServer


def embedded_server(path: Path, password: str) -> ChildServer:
    """An embedded ClickHouse over a directory, not started yet."""
    environ = {"SIPE_EMBEDDED_PASSWORD": password}
    module = "connectors.embedded.clickhouse"
    return ChildServer(module, "--path", str(path), log_path=path.with_suffix(".log"), environ=environ)


@contextmanager
def store_server(directory: Path) -> Iterator[Address]:
    """The server of SIPE_CLICKHOUSE_URL, or an embedded one over a directory."""
    if url := os.environ.get("SIPE_CLICKHOUSE_URL"):
        yield Address.parse(url)
        return
    password = secrets.token_urlsafe(16)
    with embedded_server(directory / "data", password) as child:
        yield Address(host="127.0.0.1", port=child.ready["port"], database="sipe", user="sipe", password=password)


@contextmanager
def new_database(server: Address) -> Iterator[Address]:
    """A name that no database has yet; afterwards none has it again."""
    own = replace(server, database=f"test_{secrets.token_hex(6)}")
    yield own
    with Warehouse(replace(server, database="default")) as warehouse:
        warehouse.run(f"DROP DATABASE IF EXISTS {own.database}")
