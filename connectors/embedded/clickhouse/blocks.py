"""Blocks of columns, passed on as the bytes they are: only where one ends has to be found out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.layouts import layout_of
from connectors.embedded.clickhouse.wire import Reader, string, varint

_COLUMNS_MAX = 10_000


@dataclass(frozen=True)
class Block:
    """A block in format Native."""

    columns: int
    rows: int
    data: bytes = field(repr=False)


def read_block(reader: Reader) -> Block:
    """Read one block; raises `ServerError` when it cannot be followed to its end."""
    start = reader.position
    columns, rows = reader.varint(), reader.varint()
    if columns > _COLUMNS_MAX:
        raise ServerError(Code.INCORRECT_DATA, f"a block claims {columns} columns, {_COLUMNS_MAX} are accepted")
    for _ in range(columns):
        reader.skip_strings(1)
        type_name = reader.string()
        if rows:
            layout = layout_of(type_name)
            layout.skip_prefix(reader)
            layout.skip(reader, rows)
    return Block(columns, rows, reader.since(start))


def split_blocks(data: bytes) -> Iterator[bytes]:
    """The blocks that a complete result consists of."""
    reader = Reader.over(data)
    while reader.position < len(data):
        yield read_block(reader).data


def header_block(columns: Iterable[tuple[str, str]]) -> bytes:
    """A block without rows that says the columns' names and types."""
    described = [string(name) + string(type_name) for name, type_name in columns]
    return varint(len(described)) + varint(0) + b"".join(described)
