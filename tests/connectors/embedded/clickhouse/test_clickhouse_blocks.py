"""Where a block ends, found out by its lengths alone; clickhouse-driver writes the blocks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockOutputStream
from hypothesis import given
from hypothesis import strategies as st

from connectors.embedded.clickhouse.blocks import Column, read_block, split_blocks, with_zones
from connectors.embedded.clickhouse.errors import ProtocolError, ServerError
from connectors.embedded.clickhouse.layouts import layout_of
from connectors.embedded.clickhouse.statements import parse_insert, without_format
from connectors.embedded.clickhouse.wire import Reader, string, varint

BLOCK_INFO_BYTES = 8

Typed = tuple[str, st.SearchStrategy[Any]]

SCALARS: list[Typed] = [
    ("UInt8", st.integers(0, 2**8 - 1)),
    ("Int64", st.integers(-(2**63), 2**63 - 1)),
    ("UInt256", st.integers(0, 2**256 - 1)),
    ("Bool", st.booleans()),
    ("UUID", st.uuids()),
    ("IPv6", st.ip_addresses(v=6)),
    ("Decimal(20, 0)", st.integers(-(10**19), 10**19)),
    ("Enum8('a, b' = 1, 'c' = 2)", st.sampled_from(["a, b", "c"])),
    ("String", st.text(max_size=200)),
    ("FixedString(3)", st.text(alphabet="abc", max_size=3)),
    ("LowCardinality(String)", st.text(max_size=2)),
    ("LowCardinality(Nullable(String))", st.none() | st.text(max_size=2)),
]
# The driver cannot take a comma in them apart, and for maps that are all empty writes a dictionary with a lone null.
MAP_VALUES = [typed for typed in SCALARS if "," not in typed[0] and "Nullable" not in typed[0]]


def containers(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    arrays = inner.map(lambda typed: (f"Array({typed[0]})", st.lists(typed[1], max_size=3)))
    maps = st.sampled_from(MAP_VALUES).map(
        lambda typed: (f"Map(String, {typed[0]})", st.dictionaries(st.text(max_size=3), typed[1], max_size=3))
    )
    tuples = st.tuples(inner, inner).map(
        lambda typed: (f"Tuple(a {typed[0][0]}, b {typed[1][0]})", st.tuples(typed[0][1], typed[1][1]))
    )
    return arrays | maps | tuples


TYPES = st.recursive(st.sampled_from(SCALARS), containers, max_leaves=4)


@st.composite
def columns(draw: st.DrawFn) -> list[tuple[str, list[Any]]]:
    """Types, each with as many values as the others."""
    rows = draw(st.integers(1, 5))
    typed = draw(st.lists(TYPES, min_size=1, max_size=3))
    return [(name, draw(st.lists(values, min_size=rows, max_size=rows))) for name, values in typed]


def written(columns: list[tuple[str, list[Any]]]) -> bytes:
    """The block as the driver writes it."""
    data = bytearray()
    context = Context()
    context.settings = {}
    context.server_info = SimpleNamespace(used_revision=54453, get_timezone=lambda: "UTC")
    context.client_settings = {"use_numpy": False, "strings_as_bytes": False, "strings_encoding": "utf-8"}
    writer = BufferedSocketWriter(SimpleNamespace(sendall=data.extend), 4096)
    names_and_types = [(f"c{number}", type_name) for number, (type_name, _) in enumerate(columns)]
    block = ColumnOrientedBlock(names_and_types, [values for _, values in columns])
    BlockOutputStream(writer, context).write(block)
    return bytes(data[BLOCK_INFO_BYTES:])


@given(columns(), st.binary(max_size=20), st.integers(1, 50))
def test_a_block_ends_where_the_driver_ended_it_however_it_arrives(
    columns: list[tuple[str, list[Any]]], rest: bytes, piece_bytes: int
) -> None:
    data = written(columns)
    sent = data + rest
    pieces = iter(sent[start : start + piece_bytes] for start in range(0, len(sent), piece_bytes))
    reader = Reader(lambda _: next(pieces, b""), limit_bytes=1 << 20)
    block = read_block(reader)
    assert block.data == data
    assert [column.type for column in block.columns] == [type_name for type_name, _ in columns]
    assert reader.position == len(data)


@given(columns(), st.data())
def test_a_block_that_is_cut_short_is_never_taken_for_a_whole_one(
    columns: list[tuple[str, list[Any]]], data: st.DataObject
) -> None:
    whole = written(columns)
    pieces = iter([whole[: data.draw(st.integers(0, len(whole) - 1))]])
    with pytest.raises(EOFError):
        read_block(Reader(lambda _: next(pieces, b""), limit_bytes=1 << 20))


@given(st.binary(max_size=200), st.sampled_from([name for name, _ in SCALARS] + ["Array(Map(String, UInt8))"]))
def test_any_bytes_are_a_block_or_an_error(noise: bytes, type_name: str) -> None:
    data = varint(1) + varint(3) + string("a") + string(type_name) + noise
    pieces = iter([data])
    try:
        block = read_block(Reader(lambda _: next(pieces, b""), limit_bytes=1 << 20))
    except (EOFError, ServerError):
        return
    assert data.startswith(block.data)


def test_a_length_is_not_believed_beyond_the_limit() -> None:
    asked: list[int] = []

    def receive(count: int) -> bytes:
        asked.append(count)
        return b"x" * count

    for claim in (2**20 + 1, 2**40, 2**64 - 1):
        with pytest.raises(ProtocolError):
            Reader(receive, limit_bytes=1 << 20).take(claim)
    assert asked == []
    reader = Reader(receive, limit_bytes=1 << 30)
    reader.take(10_000_000)
    assert max(asked) <= 4 * 1024 * 1024, "memory grows with what has arrived, not with what was claimed"


def test_columns_get_the_zones_that_they_were_described_with() -> None:
    block = varint(2) + varint(1) + string("t") + string("DateTime") + bytes(4) + string("n") + string("UInt8") + b"\7"
    described = [Column("t", "DateTime('Asia/Karachi')"), Column("n", "UInt8")]
    (before,) = split_blocks(block)
    (after,) = split_blocks(with_zones(before, described))
    assert list(after.columns) == described
    assert (before.rows, [before.data[a:b] for a, b in before.spans]) == (
        after.rows,
        [after.data[a:b] for a, b in after.spans],
    )


@pytest.mark.parametrize(
    "type_name",
    [
        "",
        "NoSuchType",
        "JSON",
        "Variant(UInt8)",
        "AggregateFunction(sum, UInt8)",
        "Array",
        "Array(UInt8",
        "Array(UInt8) x",
        "Array(UInt8, UInt8)",
        "Tuple()",
        "Decimal(77, 0)",
        "FixedString(0)",
        "FixedString(x)",
        "Enum8('a",
        "Tuple(a 'b')",
        "Nullable(" * 50 + "UInt8" + ")" * 50,
    ],
)
def test_a_type_that_cannot_be_followed_is_refused_by_name(type_name: str) -> None:
    with pytest.raises(ServerError, match="is not supported by the embedded server") as raised:
        layout_of(type_name)
    assert raised.value.code == 50


@pytest.mark.parametrize(
    ("sql", "table", "names"),
    [
        ("INSERT INTO t VALUES", "t", None),
        ("insert into t(a,b)values", "t", ("a", "b")),
        ('INSERT INTO `d 1`.`t (x)` (`a, b`, "c", n.`o p`) VALUES ;', "`d 1`.`t (x)`", ("a, b", "c", "n.o p")),
        ("/* a */ -- b\nINSERT INTO TABLE t (order) FORMAT Native", "t", ("order",)),
        ("INSERT INTO t (`it\\`s`) SETTINGS a = 'x;)', b = 2 VALUES", "t", ("it`s",)),
    ],
)
def test_an_insert_of_blocks_is_taken_apart(sql: str, table: str, names: tuple[str, ...] | None) -> None:
    insert = parse_insert(sql)
    assert insert is not None
    assert (insert.table, insert.columns) == (table, names)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'INSERT INTO t VALUES'",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) VALUES (1)",
        "INSERT INTO t VALUES ('VALUES'), ('FORMAT Native')",
        "INSERT INTO tVALUES",
        "/**/" * 5_000 + "SELECT 1",
    ],
)
def test_any_other_statement_is_the_engines(sql: str) -> None:
    assert parse_insert(sql) is None


@pytest.mark.parametrize("sql", ["INSERT INTO FUNCTION f('x') VALUES", "INSERT INTO t (* EXCEPT (a)) FORMAT Native"])
def test_other_forms_that_wait_for_blocks_are_refused(sql: str) -> None:
    with pytest.raises(ServerError, match="form of INSERT"):
        parse_insert(sql)


def test_names_and_values_in_a_type_may_hold_what_types_are_made_of() -> None:
    assert layout_of("Tuple(a UInt8, `b (c` Enum8('d)' = 1, 'e, \\'f' = 2))") == layout_of("Tuple(UInt8, Int8)")


def test_only_a_format_at_the_end_is_dropped() -> None:
    assert without_format("SELECT 1\nFORMAT JSONEachRow ;") == "SELECT 1"
    assert without_format("SELECT ' FORMAT JSON'") == "SELECT ' FORMAT JSON'"
