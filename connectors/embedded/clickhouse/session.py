"""One wire connection: a hello, then one query after the other, until either side goes away."""

from __future__ import annotations

import hmac
import socket
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from connectors.embedded.clickhouse import packets
from connectors.embedded.clickhouse.blocks import Block, header_block
from connectors.embedded.clickhouse.canceller import CANCEL, Canceller
from connectors.embedded.clickhouse.engine import Engine, Inserter
from connectors.embedded.clickhouse.errors import Code, ProtocolError, ServerError
from connectors.embedded.clickhouse.layouts import layout_of
from connectors.embedded.clickhouse.packets import FromClient, Hello, Query
from connectors.embedded.clickhouse.statements import Insert, parse_insert, without_format
from connectors.embedded.clickhouse.wire import Reader

USERS = frozenset({"default", "sipe"})
_HELLO_TIMEOUT_S = 10.0
_HELLO_LIMIT_BYTES = 16 * 1024
_PACKET_LIMIT_BYTES = 512 * 1024 * 1024
_FAREWELL_S = 2.0


@dataclass(frozen=True)
class Database:
    """What clients connect to."""

    directory: Path
    password: str = field(repr=False)
    canceller: Canceller


def serve(client: socket.socket, database: Database) -> None:
    """Serve a client until it goes away or cannot be followed; what it did not finish is undone then."""
    reader = Reader(client.recv, _HELLO_LIMIT_BYTES)
    try:
        client.settimeout(_HELLO_TIMEOUT_S)
        try:
            hello = _log_in(reader, database.password)
            client.settimeout(None)
            reader.limit_bytes = _PACKET_LIMIT_BYTES
            with closing(Engine(database.directory)) as engine:
                if hello.database:
                    engine.use(hello.database)
                client.sendall(packets.hello())
                _Session(client, reader, engine, database.canceller).serve()
        except ServerError as error:
            _say_farewell(client, error)
    except (EOFError, ConnectionError, TimeoutError):
        pass  # the client has gone, which is how every connection ends


def _log_in(reader: Reader, password: str) -> Hello:
    if packets.packet_type(reader) is not FromClient.HELLO:
        raise ProtocolError(Code.UNEXPECTED_PACKET_FROM_CLIENT, "Expected a hello")
    hello = packets.read_hello(reader)
    if not hmac.compare_digest(hello.password.encode(), password.encode()) or hello.user not in USERS:
        raise ProtocolError(
            Code.AUTHENTICATION_FAILED,
            f"{hello.user}: Authentication failed: password is incorrect, or there is no user with such name. "
            "(AUTHENTICATION_FAILED)",
        )
    if hello.revision < packets.REVISION:
        raise ProtocolError(
            Code.NOT_IMPLEMENTED,
            f"Clients of revision {hello.revision} are not supported by the embedded server, "
            f"{packets.REVISION} is the least",
        )
    return hello


def _say_farewell(client: socket.socket, error: ServerError) -> None:
    """Tell the client why, and let it go first: a reset would overtake the message."""
    client.sendall(packets.exception(error))
    client.shutdown(socket.SHUT_WR)
    end_s = time.monotonic() + _FAREWELL_S
    client.settimeout(_FAREWELL_S)
    while time.monotonic() < end_s and client.recv(1 << 16):
        pass


class _Session:
    """A client that has logged in."""

    def __init__(self, client: socket.socket, reader: Reader, engine: Engine, canceller: Canceller) -> None:
        self._client = client
        self._reader = reader
        self._engine = engine
        self._canceller = canceller

    def serve(self) -> None:
        """Answer packets until the connection ends; raises `ProtocolError` at one that cannot be followed."""
        while True:
            match packets.packet_type(self._reader):
                case FromClient.PING:
                    self._client.sendall(packets.PONG)
                case FromClient.QUERY:
                    self._client.sendall(self._answer(packets.read_query(self._reader)))
                case FromClient.CANCEL:
                    pass  # its query is over
                case FromClient.HELLO | FromClient.DATA as unexpected:
                    raise _unexpected(unexpected)

    def _answer(self, query: Query) -> bytes:
        """Run a query, send its blocks and return the packet that ends it."""
        if query.compressed:
            raise ProtocolError(
                Code.NOT_IMPLEMENTED, "Compression is not supported by the embedded server: connect without it"
            )
        external_blocks = 0
        while self._next_block() is not None:
            external_blocks += 1
        try:
            if external_blocks:
                raise ServerError(Code.NOT_IMPLEMENTED, "External tables are not supported by the embedded server")
            with self._engine.settings(query.settings):
                if insert := parse_insert(query.sql):
                    self._insert(insert)
                else:
                    self._run(without_format(query.sql))
        except ProtocolError:
            raise
        except ServerError as error:
            return packets.exception(error)
        return packets.END_OF_STREAM

    def _run(self, sql: str) -> None:
        with (
            self._canceller.watching(self._client, self._engine) as running,
            closing(self._engine.run(sql)) as blocks,
        ):
            # A wish to cancel that came with the query itself is no longer in the socket.
            running.cancelled = self._reader.buffered == CANCEL
            try:
                for block in blocks:
                    if running.cancelled:
                        return
                    self._client.sendall(packets.data(block))
            except ServerError:
                if not running.cancelled:
                    raise

    def _insert(self, insert: Insert) -> None:
        columns = self._engine.insert_columns(insert.table, insert.columns)
        for column in columns:
            layout_of(column.type)  # refuse what cannot be followed before the client sends it
        with self._engine.insert(insert) as inserter:
            self._client.sendall(packets.data(header_block(columns)))
            failure: ServerError | None = None
            while (block := self._next_block()) is not None:
                if failure is None:
                    failure = _append(inserter, block)
            if failure is not None:
                raise failure
            inserter.finish()

    def _next_block(self) -> Block | None:
        """The next block that the client sends, None for the empty one that ends its data."""
        if (packet := packets.packet_type(self._reader)) is not FromClient.DATA:
            raise _unexpected(packet)
        _, block = packets.read_data(self._reader)
        return block if block.columns else None


def _append(inserter: Inserter, block: Block) -> ServerError | None:
    """Append a block, or return why not: the client hears about it when it has sent everything."""
    try:
        inserter.append(block)
    except ServerError as error:
        return error
    return None


def _unexpected(packet: FromClient) -> ProtocolError:
    return ProtocolError(Code.UNEXPECTED_PACKET_FROM_CLIENT, f"Unexpected packet {packet.name} from client")
