from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fault_proxy import FaultProxy

PATIENCE_S = 20.0


class Shouter(socketserver.StreamRequestHandler):
    """Answers each line in capitals, and notes it."""

    heard: list[bytes]

    def handle(self) -> None:
        for line in self.rfile:
            self.heard.append(line)
            self.wfile.write(line.upper())


@pytest.fixture
def heard() -> list[bytes]:
    return []


@pytest.fixture
def proxy(heard: list[bytes]) -> Iterator[FaultProxy]:
    handler = type("Handler", (Shouter,), {"heard": heard})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with FaultProxy("127.0.0.1", server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


@pytest.fixture
def dial(proxy: FaultProxy) -> Iterator[Callable[[], socket.socket]]:
    clients: list[socket.socket] = []

    def dial() -> socket.socket:
        clients.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S))
        return clients[-1]

    yield dial
    for client in clients:
        client.close()


Dial = Callable[[], socket.socket]


def ask(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line + b"\n")
    with client.makefile("rb") as answers:
        return answers.readline()


def test_it_forwards_both_ways_and_the_end_as_well(proxy: FaultProxy, dial: Dial, heard: list[bytes]) -> None:
    client, other = dial(), dial()
    assert ask(client, b"a") == b"A\n"
    assert ask(other, b"x" * 300_000) == b"X" * 300_000 + b"\n"
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    assert len(heard) == proxy.connections == 2


def test_latency_holds_up_both_directions(proxy: FaultProxy, dial: Dial) -> None:
    client = dial()
    proxy.latency_s = 0.2
    start_s = time.monotonic()
    assert ask(client, b"a") == b"A\n"
    assert time.monotonic() - start_s >= 0.4


def test_a_cut_resets_what_is_open_and_nothing_after(proxy: FaultProxy, dial: Dial) -> None:
    client = dial()
    ask(client, b"a")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert proxy.cuts == 1
    assert ask(dial(), b"b") == b"B\n"


def test_a_black_hole_keeps_what_was_sent_until_healed(proxy: FaultProxy, dial: Dial, heard: list[bytes]) -> None:
    client = dial()
    ask(client, b"a")
    proxy.blackhole()
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ask(client, b"b")
    assert heard == [b"a\n"]
    proxy.heal()
    client.settimeout(PATIENCE_S)
    assert client.recv(2) == b"B\n"


def test_a_refusing_proxy_is_back_on_the_same_port_when_healed(proxy: FaultProxy, dial: Dial) -> None:
    client = dial()
    ask(client, b"a")
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        dial()
    proxy.heal()
    assert ask(dial(), b"b") == b"B\n"


def test_an_answer_is_lost_after_the_server_took_the_request(proxy: FaultProxy, dial: Dial, heard: list[bytes]) -> None:
    client = dial()
    ask(client, b"a")
    proxy.lose_answer(after_bytes=1_000)
    assert ask(client, b"b") == b"B\n"
    with pytest.raises(ConnectionResetError):
        ask(client, b"c" * 1_000)
    assert heard == [b"a\n", b"b\n", b"c" * 1_000 + b"\n"]
    assert proxy.answers_lost == 1
    assert ask(dial(), b"c" * 1_000) == b"C" * 1_000 + b"\n"


def test_a_target_that_is_not_there_looks_like_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with FaultProxy("127.0.0.1", port) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(PATIENCE_S)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
