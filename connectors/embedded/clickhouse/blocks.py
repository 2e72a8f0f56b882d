"""Blocks of columns, passed on as the bytes they are: only where one ends has to be found out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.layouts import layout_of
from connectors.embedded.clickhouse.wire import Reader, string, varint

_COLUMNS_MAX = 10_000


@dataclass(frozen=True)
class Column:
    """A column of a result or a table."""

    name: str
    type: str


@dataclass(frozen=True)
class Block:
    """A block in format Native, with the place of each column's values in it."""

    columns: tuple[Column, ...]
    spans: tuple[tuple[int, int], ...]
    rows: int
    data: bytes = field(repr=False)


def read_block(reader: Reader) -> Block:
    """Read one block; raises `ServerError` when it cannot be followed to its end."""
    start = reader.position
    count, rows = reader.varint(), reader.varint()
    if count > _COLUMNS_MAX:
        raise ServerError(Code.INCORRECT_DATA, f"a block claims {count} columns, {_COLUMNS_MAX} are accepted")
    columns, spans = [], []
    for _ in range(count):
        column = Column(reader.string(), reader.string())
        values_start = reader.position
        if rows:
            layout = layout_of(column.type)
            layout.skip_prefix(reader)
            layout.skip(reader, rows)
        columns.append(column)
        spans.append((values_start - start, reader.position - start))
    return Block(tuple(columns), tuple(spans), rows, reader.since(start))


def split_blocks(data: bytes) -> Iterator[Block]:
    """The blocks that a result consists of."""
    reader = Reader.over(data)
    while reader.position < len(data):
        yield read_block(reader)


def header_block(columns: Iterable[Column]) -> bytes:
    """A block without rows, which says the columns' names and types."""
    described = [string(column.name) + string(column.type) for column in columns]
    return varint(len(described)) + varint(0) + b"".join(described)


def has_zones(columns: Iterable[Column]) -> bool:
    """Whether `with_zones` changes a block of these columns."""
    return any(column.type.startswith("DateTime(") for column in columns)


def with_zones(block: Block, columns: Iterable[Column]) -> bytes:
    """The block with the zones of its DateTime columns, which format Native leaves out, as clients of old expect it."""
    pieces = [varint(len(block.columns)), varint(block.rows)]
    for column, described, (start, end) in zip(block.columns, columns, block.spans, strict=True):
        type_name = described.type if column.type == "DateTime" else column.type
        pieces += [string(column.name), string(type_name), block.data[start:end]]
    return b"".join(pieces)
