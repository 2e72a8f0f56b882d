from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from desk_post import Post, open_post
from fault_proxy import FaultProxy
from web import Web

from sipe.clock import ManualClock


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
