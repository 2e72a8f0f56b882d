from __future__ import annotations

from collections.abc import Iterator

import pytest
from sql_stores import KINDS, START_MS, SqlServers

from connectors.sql.work import Store
from sipe.clock import ManualClock


@pytest.fixture(scope="session")
def sql_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServers]:
    servers = SqlServers(tmp_path_factory.mktemp("sql"))
    yield servers
    servers.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, sql_servers: SqlServers, clock: ManualClock) -> Iterator[Store]:
    with sql_servers.store(request.param, clock) as store:
        yield store
