from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from desk_post import Post, open_post
from fault_proxy import FaultProxy
from office import open_office
from shop import ready_shop
from sql_stores import START_MS, store_of
from web import EXTRA, Web

from connectors.sql.work import Store
from edge.client.calls import Client
from edge.client.session import Patience, Token
from edge.spool import Spool
from sipe.clock import ManualClock

QUICK = Patience(pause_s=0.001, pause_max_s=0.01)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def web(clock: ManualClock, tmp_path: Path) -> Iterator[Web]:
    with store_of(a_shop, clock) as store, Web(store, clock, tmp_path) as web:
        yield web


def a_shop(store: Store) -> None:
    open_office(store, extra=EXTRA)
    ready_shop(store)


@pytest.fixture
def sign_in(web: Web) -> Iterator[Callable[..., Client]]:
    """A client of somebody, at the service itself or through something before it."""
    clients = []

    def client_of(who: str, port: int | None = None, patience: Patience = QUICK) -> Client:
        url = f"http://127.0.0.1:{port}" if port else str(web.client.base_url)
        clients.append(Client(url, Token(web.token(who)), patience=patience))
        return clients[-1]

    yield client_of
    for client in clients:
        client.close()


@pytest.fixture
def post_at(web: Web, clock: ManualClock, tmp_path: Path) -> Iterator[Callable[[str], Post]]:
    """The desk of a station, behind a line of its own."""
    with ExitStack() as stack:

        def post_at(station: str) -> Post:
            line = stack.enter_context(FaultProxy("127.0.0.1", web.port))
            post = open_post(web, line, station, tmp_path / station, clock)
            stack.callback(post.close)
            return post

        yield post_at


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool") as spool:
        yield spool
