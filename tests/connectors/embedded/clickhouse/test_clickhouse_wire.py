"""What no driver sends: clients that are hostile, broken or of another age, on sockets of our own."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from clickhouse_driver import Client

from connectors.clickhouse.client import Address
from connectors.embedded.clickhouse.wire import int32, string, varint

pytestmark = pytest.mark.stack

HELLO, QUERY, DATA, CANCEL, PING = (varint(number) for number in range(5))
EXCEPTION, PONG, END_OF_STREAM = 2, 4, 5
EMPTY_BLOCK = DATA + string("") + varint(0) + varint(0) + varint(0)
REVISION = 54453
DEADLINE_S = 10.0

OpenSocket = Callable[[], socket.socket]


@pytest.fixture
def open_socket(embedded: Address) -> Iterator[OpenSocket]:
    with ExitStack() as sockets:
        yield lambda: sockets.enter_context(
            socket.create_connection((embedded.host, embedded.port), timeout=DEADLINE_S)
        )


@pytest.fixture
def logged_in(open_socket: OpenSocket, embedded: Address) -> socket.socket:
    """A connection that may send queries."""
    connection = open_socket()
    connection.sendall(hello(embedded))
    assert b"ClickHouse" in connection.recv(4096)
    return connection


def hello(address: Address, revision: int = REVISION) -> bytes:
    who = (address.database, address.user, address.password)
    return HELLO + string("test") + varint(1) + varint(1) + varint(revision) + b"".join(map(string, who))


def query(sql: str, *, compressed: bool = False, settings: bytes = b"", kind: int = 1) -> bytes:
    client_info = b"".join(
        (
            bytes([kind]),
            string("") * 3 + bytes(8) + b"\1",
            string("") * 3 + varint(1) * 3,
            string("") + varint(0) * 2,
            b"\1" + bytes(24) + string("trace") + b"\0",
            varint(0) * 3,
        )
    )
    return b"".join(
        (QUERY, string("id"), client_info, settings, string(""), string(""), varint(2), varint(compressed), string(sql))
    )


def error_code(connection: socket.socket) -> int:
    """The code of the exception that comes next."""
    answer = b""
    while len(answer) < 5:
        received = connection.recv(4096)
        assert received, "it hung up without a word"
        answer += received
    assert answer[0] == EXCEPTION
    code: int = struct.unpack("<i", answer[1:5])[0]
    return code


def hung_up(connection: socket.socket) -> bool:
    """Whether the server ends the connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def serves(address: Address) -> bool:
    with Client(address.host, port=address.port, user=address.user, password=address.password) as client:
        return bool(client.execute("SELECT 1") == [(1,)])


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 99, id="HTTP"),
        pytest.param(b"\xff" * 100, 117, id="a number without end"),
        pytest.param(HELLO + varint(2**63) + b"x", 131, id="a name without end"),
        pytest.param(HELLO + string(b"x" * 100_000), 131, id="a name too long"),
        pytest.param(
            HELLO + string("test") + varint(1) * 2 + varint(REVISION) + string(b"\xff\xfe"), 117, id="no UTF-8"
        ),
        pytest.param(QUERY, 101, id="a query before the hello"),
        pytest.param(PING, 101, id="a ping before the hello"),
    ],
)
def test_garbage_is_answered_and_hurts_nobody_else(
    open_socket: OpenSocket, logged_in: socket.socket, embedded: Address, garbage: bytes, code: int
) -> None:
    connection = open_socket()
    connection.sendall(garbage)
    assert error_code(connection) == code
    connection.shutdown(socket.SHUT_WR)
    assert hung_up(connection)
    logged_in.sendall(PING)
    assert logged_in.recv(1)[0] == PONG
    assert serves(embedded)


def test_clients_of_an_older_protocol_are_refused(open_socket: OpenSocket, embedded: Address) -> None:
    connection = open_socket()
    connection.sendall(hello(embedded, revision=REVISION - 1))
    assert error_code(connection) == 48


def test_a_connection_goes_on_after_an_error(logged_in: socket.socket) -> None:
    logged_in.sendall(query("SELECT * FROM nosuch") + EMPTY_BLOCK)
    assert error_code(logged_in) == 60
    logged_in.sendall(query("INSERT INTO nosuch VALUES") + EMPTY_BLOCK)
    assert error_code(logged_in) == 60
    logged_in.sendall(query("INSERT INTO FUNCTION null('a UInt8') VALUES") + EMPTY_BLOCK)
    assert error_code(logged_in) == 48
    logged_in.sendall(query("SELECT 1", settings=string("a b") + b"\1" + string("1")) + EMPTY_BLOCK)
    assert error_code(logged_in) == 115
    logged_in.sendall(PING)
    assert logged_in.recv(1)[0] == PONG


def test_a_table_of_a_type_that_is_not_supported_takes_no_insert(logged_in: socket.socket, embedded: Address) -> None:
    with Client(embedded.host, port=embedded.port, user=embedded.user, password=embedded.password) as client:
        client.execute("CREATE TABLE unsupported (v Variant(UInt8, String)) ENGINE = Memory")
        logged_in.sendall(query("INSERT INTO unsupported VALUES") + EMPTY_BLOCK)
        assert error_code(logged_in) == 50
        client.execute("DROP TABLE unsupported")
    logged_in.sendall(PING)
    assert logged_in.recv(1)[0] == PONG


def test_external_tables_are_refused(logged_in: socket.socket) -> None:
    table = DATA + string("ids") + varint(1) + b"\0" + varint(2) + int32(-1) + varint(0)
    table += varint(1) + varint(2) + string("id") + string("UInt8") + b"\1\2"
    logged_in.sendall(query("SELECT * FROM ids") + table + EMPTY_BLOCK)
    assert error_code(logged_in) == 48
    logged_in.sendall(PING)
    assert logged_in.recv(1)[0] == PONG


def with_block(columns: int, rows: int, name: str, type_name: str, values: bytes = b"") -> bytes:
    """A query that brings a block of one column."""
    head = query("SELECT 1") + DATA + string("") + varint(0)
    return head + varint(columns) + varint(rows) + string(name) + string(type_name) + values


@pytest.mark.parametrize(
    ("packets", "code"),
    [
        pytest.param(query("SELECT 1", compressed=True) + b"\x82" * 50, 48, id="compression"),
        pytest.param(query("SELECT 1", kind=2), 48, id="a query of another server"),
        pytest.param(query("SELECT 1") + PING, 101, id="ping within a query"),
        pytest.param(DATA, 101, id="data without a query"),
        pytest.param(query("SELECT 1") + DATA + string("") + varint(7), 117, id="unknown block info"),
        pytest.param(with_block(2**40, 1, "a", "UInt8"), 117, id="columns without end"),
        pytest.param(with_block(1, 2**62, "a", "String"), 131, id="strings without end"),
        pytest.param(with_block(1, 2**62, "a", "UInt8"), 131, id="numbers without end"),
        pytest.param(with_block(1, 1, "a", "Array(UInt8)", b"\xff" * 8), 131, id="an array without end"),
        pytest.param(with_block(1, 1, "a", "String", b"\xff" * 9 + b"\1"), 131, id="a string without end"),
        pytest.param(with_block(1, 1, "a", "Variant(UInt8)"), 50, id="unknown type"),
        pytest.param(with_block(1, 1, "a", "Array(" * 30_000), 50, id="a type too deep"),
    ],
)
def test_what_cannot_be_followed_ends_the_connection_with_a_reason(
    logged_in: socket.socket, embedded: Address, packets: bytes, code: int
) -> None:
    logged_in.sendall(packets)
    assert error_code(logged_in) == code
    logged_in.shutdown(socket.SHUT_WR)
    assert hung_up(logged_in)
    assert serves(embedded)


def test_a_cancel_that_comes_with_its_query_is_seen(logged_in: socket.socket) -> None:
    logged_in.sendall(query("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)") + EMPTY_BLOCK + CANCEL + PING)
    answer = b""
    while not answer.endswith(bytes([END_OF_STREAM, PONG])):
        received = logged_in.recv(4096)
        assert received
        answer += received
