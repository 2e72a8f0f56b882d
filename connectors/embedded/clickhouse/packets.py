"""The packets of the native protocol at revision 54453, and nothing of later ones.

The revision is chosen: it has everything that is needed and still plain blocks. From 54454 each column carries a byte
on its serialization, from 54456 clients wait for profile events after each inserted block, from 54458 the hello has an
addendum, and from 54459 queries carry parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from connectors.embedded.clickhouse.blocks import Block, read_block
from connectors.embedded.clickhouse.errors import Code, ProtocolError, ServerError
from connectors.embedded.clickhouse.wire import Reader, int32, string, varint

REVISION = 54453
_VERSION = (26, 9, 0)
_MESSAGE_LENGTH_MAX = 16 * 1024
_IMPORTANT = 1
_INITIAL_QUERY = 1


class FromClient(IntEnum):
    """The packets that a client sends."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class _FromServer(IntEnum):
    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PONG = 4
    END_OF_STREAM = 5


PONG = varint(_FromServer.PONG)
END_OF_STREAM = varint(_FromServer.END_OF_STREAM)
_BLOCK_INFO = varint(1) + b"\0" + varint(2) + int32(-1) + varint(0)
_BLOCK_INFO_SIZES = {1: 1, 2: 4}


@dataclass(frozen=True, kw_only=True)
class Hello:
    """Who connects, and to which database."""

    revision: int
    database: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Setting:
    """A setting for one query; one that is not important may be unknown to the server."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True, kw_only=True)
class Query:
    """A statement with the settings that hold for it alone."""

    sql: str
    settings: tuple[Setting, ...]
    compressed: bool


def packet_type(reader: Reader) -> FromClient:
    """Begin the next packet; raises `ProtocolError` when there is no such type."""
    reader.start_packet()
    number = reader.varint()
    try:
        return FromClient(number)
    except ValueError:
        raise ProtocolError(Code.UNKNOWN_PACKET_FROM_CLIENT, f"Unknown packet {number} from client") from None


def read_hello(reader: Reader) -> Hello:
    """The rest of a hello packet."""
    reader.skip_strings(1)  # the client's name
    reader.varint()  # and its version
    reader.varint()
    return Hello(revision=reader.varint(), database=reader.string(), user=reader.string(), password=reader.string())


def read_query(reader: Reader) -> Query:
    """The rest of a query packet."""
    reader.skip_strings(1)  # query id
    _skip_client_info(reader)
    settings = tuple(_read_settings(reader))
    reader.skip_strings(1)  # the secret between servers
    reader.varint()  # the stage, which is always the complete query
    compressed = reader.varint() != 0
    return Query(sql=reader.string(), settings=settings, compressed=compressed)


def read_data(reader: Reader) -> tuple[str, Block]:
    """The rest of a data packet: the name of the external table, empty for the query's own data, and the block."""
    table = reader.string()
    while number := reader.varint():
        if number not in _BLOCK_INFO_SIZES:
            raise ProtocolError(Code.INCORRECT_DATA, f"a block has an unknown property {number}")
        reader.skip(_BLOCK_INFO_SIZES[number])
    try:
        return table, read_block(reader)
    except ServerError as error:
        raise ProtocolError(error.code, error.message) from error


def hello() -> bytes:
    """The server's answer to a hello."""
    major, minor, patch = _VERSION
    return b"".join(
        (
            varint(_FromServer.HELLO),
            string("ClickHouse"),
            varint(major),
            varint(minor),
            varint(REVISION),
            string("UTC"),
            string("sipe embedded"),
            varint(patch),
        )
    )


def data(block: bytes) -> bytes:
    """A block of a result, or of nothing but the columns that an INSERT is to send."""
    return varint(_FromServer.DATA) + string("") + _BLOCK_INFO + block


def exception(error: ServerError) -> bytes:
    """An error that ends the query."""
    message = error.message[:_MESSAGE_LENGTH_MAX]
    return b"".join(
        (
            varint(_FromServer.EXCEPTION),
            int32(error.code),
            string("DB::Exception"),
            string(f"DB::Exception: {message}"),
            string(""),  # no stack trace
            b"\0",  # and no error within
        )
    )


def _skip_client_info(reader: Reader) -> None:
    kind = reader.uint8()
    if kind != _INITIAL_QUERY:
        raise ProtocolError(Code.NOT_IMPLEMENTED, f"Queries of kind {kind} are not supported by the embedded server")
    reader.skip_strings(3)  # initial user, query id and address
    reader.skip(8)  # start time
    reader.skip(1)  # interface
    reader.skip_strings(3)  # the client's user, host and name
    for _ in range(3):  # version and revision
        reader.varint()
    reader.skip_strings(1)  # quota key
    reader.varint()  # distributed depth
    reader.varint()  # patch version
    if reader.uint8():  # a trace
        reader.skip(16 + 8)
        reader.skip_strings(1)
        reader.skip(1)
    for _ in range(3):  # parallel replicas
        reader.varint()


def _read_settings(reader: Reader) -> list[Setting]:
    settings = []
    while name := reader.string():
        flags = reader.varint()
        settings.append(Setting(name, reader.string(), important=bool(flags & _IMPORTANT)))
    return settings
