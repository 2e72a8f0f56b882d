"""Small answers leave at once: head and body are two writes, and the second must not wait for an acknowledgement."""

from __future__ import annotations

import socket
from contextlib import closing

from api import serving
from sipe.settings import Settings


def test_what_is_accepted_sends_at_once() -> None:
    with (
        closing(serving._listening(Settings(api_port=0))) as server,
        socket.create_connection(server.getsockname()[:2], timeout=30),
        closing(server.accept()[0]) as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
