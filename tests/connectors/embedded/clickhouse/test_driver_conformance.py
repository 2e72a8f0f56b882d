"""What clickhouse-driver may expect from a ClickHouse server, asked of the embedded one or of SIPE_CLICKHOUSE_URL."""

# ruff: noqa: S608 - the names in the statements are our own

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.errors import ServerException
from clickhouse_driver.result import QueryInfo

from connectors.clickhouse.client import Address

Connect = Callable[..., Client]

pytestmark = pytest.mark.stack


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask the same of an old real server; what that one cannot is in `old_clickhouse_limits`."""
    metafunc.parametrize("server", ["embedded", "18.16"], indirect=True, scope="session")


DEADLINE_S = 10.0
NEVER_ENDS = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"
UTC = datetime.UTC

VALUES: dict[str, list[Any]] = {
    "UInt8": [0, 255],
    "UInt16": [0, 65_535],
    "UInt32": [0, 2**32 - 1],
    "UInt64": [0, 2**64 - 1],
    "UInt128": [0, 2**128 - 1],
    "UInt256": [0, 2**256 - 1],
    "Int8": [-128, 127],
    "Int16": [-(2**15), 2**15 - 1],
    "Int32": [-(2**31), 2**31 - 1],
    "Int64": [-(2**63), 2**63 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "Int256": [-(2**255), 2**255 - 1],
    "Float32": [-1.5, float("inf")],
    "Float64": [0.1, -1e300],
    "Bool": [True, False],
    "Date": [datetime.date(1970, 1, 1), datetime.date(2149, 6, 6)],
    "Date32": [datetime.date(1900, 1, 1), datetime.date(2299, 12, 31)],
    "DateTime('UTC')": [datetime.datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC)],
    "DateTime64(3, 'UTC')": [datetime.datetime(2026, 10, 25, 0, 59, 59, 999_000, tzinfo=UTC)],
    "DateTime64(6, 'UTC')": [datetime.datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)],
    "UUID": [UUID(int=0), UUID("12345678-1234-5678-1234-567812345678")],
    "IPv4": [IPv4Address("127.0.0.1")],
    "IPv6": [IPv6Address("::1"), IPv6Address("2001:db8::ff")],
    "Enum8('a, b' = -1, 'it\\'s (c)' = 2)": ["a, b", "it's (c)"],
    "Enum16('x' = -30000, 'y' = 30000)": ["x", "y"],
    "Decimal(9, 2)": [Decimal("-1234567.89")],
    "Decimal(18, 4)": [Decimal("12345678901234.5678")],
    "Decimal(38, 10)": [Decimal("1234567890123456789012345678.0123456789")],
    "Decimal(76, 2)": [Decimal("-1.25")],
    "String": ["", "Zähler", "x" * 127, "x" * 128, "x" * 100_000],
    "FixedString(4)": ["abcd", "ef"],
    "Nullable(Int32)": [None, -1],
    "Nullable(String)": [None, "", "a"],
    "Nullable(DateTime64(3, 'UTC'))": [None, datetime.datetime(2026, 1, 1, tzinfo=UTC)],
    "LowCardinality(String)": ["", "a", "a", "b"],
    "LowCardinality(Nullable(String))": [None, "", "a", "a"],
    "LowCardinality(FixedString(2))": ["ab", "cd"],
    "Array(UInt16)": [[], [1], [1, 2, 3]],
    "Array(Nullable(String))": [[], [None, "a"]],
    "Array(Array(String))": [[], [[]], [["a", "b"], []]],
    "Array(LowCardinality(String))": [["a", "b", "a"], ["b"]],
    "Map(String, UInt64)": [{}, {"a": 1, "b": 2}],
    "Map(String, Array(Int8))": [{"a": [1, 2]}, {}],
    "Map(LowCardinality(String), String)": [{"a": "b"}],
    "Tuple(UInt8, String)": [(1, "a"), (2, "")],
    "Tuple(good UInt32, `scrap share` Float64)": [(1, 0.5)],
    "Tuple(Tuple(String, Array(UInt8)), Map(UInt8, String))": [(("a", [1]), {1: "b"})],
    "SimpleAggregateFunction(max, UInt64)": [7],
}

NUMPY_VALUES: dict[str, list[Any]] = {
    "UInt8": [0, 255],
    "UInt64": list(np.array([0, 2**64 - 1], dtype=np.uint64)),
    "Int32": [-(2**31), 2**31 - 1],
    "Int64": [-(2**63), 2**63 - 1],
    "Float64": [0.1, -1e300],
    "DateTime('UTC')": list(np.array(["2026-10-25T00:59:59"], dtype="datetime64[ns]")),
    "DateTime64(3, 'UTC')": list(np.array(["2026-10-25T00:59:59.999"], dtype="datetime64[ns]")),
    "String": ["", "Zähler"],
    "LowCardinality(String)": ["", "a", "a", "b"],
}


def sql_table(client: Client, name: str, *columns: str, order_by: str = "tuple()") -> None:
    client.execute(f"CREATE TABLE {name} ({', '.join(columns)}) ENGINE = MergeTree ORDER BY {order_by}")


def code_of(client: Client, query: str, *arguments: Any, **options: Any) -> int:
    with pytest.raises(ServerException) as raised:
        client.execute(query, *arguments, **options)
    code: int = raised.value.code
    return code


@pytest.mark.parametrize("type_name", VALUES)
def test_a_type_comes_back_as_it_went_in_by_rows_and_by_columns(client: Client, table: str, type_name: str) -> None:
    values = VALUES[type_name]
    sql_table(client, table, "n UInt32", f"value {type_name}", order_by="n")
    rows = list(enumerate(values))
    assert client.execute(f"INSERT INTO {table} VALUES", rows) == len(rows)
    more = len(rows)
    columns = [list(range(more, 2 * more)), list(values)]  # a copy, for the driver encodes in place
    assert client.execute(f"INSERT INTO {table} (n, value) VALUES", columns, columnar=True) == more
    stored, described = client.execute(f"SELECT value FROM {table} ORDER BY n", with_column_types=True)
    assert stored == [(value,) for value in values + values]
    assert [name for name, _ in described] == ["value"]
    assert client.execute(f"SELECT value FROM {table} ORDER BY n", columnar=True) == [tuple(values + values)]


@pytest.mark.parametrize("type_name", NUMPY_VALUES)
def test_numpy_arrays_come_back_as_they_went_in(connect: Connect, table: str, type_name: str) -> None:
    client = connect(settings={"use_numpy": True})
    sql_table(client, table, "n UInt32", f"value {type_name}", order_by="n")
    values = np.array(NUMPY_VALUES[type_name], dtype=object if "String" in type_name else None)
    numbers = np.arange(len(values), dtype=np.uint32)
    client.execute(f"INSERT INTO {table} VALUES", [numbers, values], columnar=True)
    stored_numbers, stored = client.execute(f"SELECT n, value FROM {table} ORDER BY n", columnar=True)
    assert stored_numbers.tolist() == numbers.tolist()
    assert list(stored) == list(values)


def test_a_column_of_nothing_is_null(client: Client) -> None:
    assert client.execute("SELECT NULL, [] FROM numbers(2)") == [(None, []), (None, [])]


def test_a_result_of_many_blocks_arrives_whole_and_in_order(client: Client) -> None:
    count = 300_000
    query = f"SELECT number, toString(number) FROM numbers({count}) ORDER BY number"
    assert client.execute(query) == [(number, str(number)) for number in range(count)]
    assert sum(number for number, _ in client.execute_iter(query, settings={"max_block_size": 10_000})) == sum(
        range(count)
    )


def test_a_result_without_rows_still_names_its_columns(client: Client, table: str) -> None:
    sql_table(client, table, "a UInt8", "b LowCardinality(String)")
    rows, columns = client.execute(f"SELECT b, a + 1 AS c FROM {table} -- nothing", with_column_types=True)
    assert rows == []
    assert columns == [("b", "LowCardinality(String)"), ("c", "UInt16")]


def test_the_servers_time_is_utc(client: Client) -> None:
    (row,) = client.execute("SELECT timezone(), toUnixTimestamp('2026-06-01 00:00:00'), toHour(toDateTime(0))")
    assert row == ("UTC", 1_780_272_000, 0)


def test_a_time_comes_in_the_zone_of_its_column(client: Client) -> None:
    query = "SELECT toDateTime(number, 'Asia/Karachi') AS t, [t], number FROM numbers(3000) ORDER BY number"
    first, *_, last = client.execute(query, settings={"max_block_size": 1000})
    assert first[0].isoformat() == "1970-01-01T05:00:00+05:00"
    assert first[1] == [first[0]]
    assert last[0] == datetime.datetime.fromtimestamp(last[2], UTC)


def test_the_client_formats_whatever_format_a_query_asks_for(client: Client) -> None:
    assert client.execute("SELECT 1 AS a FORMAT JSON") == [(1,)]
    assert client.execute("EXPLAIN SELECT 1 FORMAT TSV")


def test_parameters_are_bound_by_the_driver(client: Client) -> None:
    assert client.execute("SELECT %(a)s, %(b)s", {"a": "it's \\ `x`", "b": [1, 2]}) == [("it's \\ `x`", [1, 2])]


@pytest.mark.parametrize(
    ("statement", "stored"),
    [
        ("INSERT INTO {table} (a, order) VALUES", ("x", "y", 7)),
        ("INSERT INTO {table} (`order`, a) VALUES", ("y", "x", 7)),
        ('insert into {database}.{table} (a, "order") values', ("x", "y", 7)),
        ("INSERT INTO TABLE `{table}`(a,`order`)VALUES;", ("x", "y", 7)),
        ("/* by */ -- hand\n INSERT INTO {table} (a, order) FORMAT Native", ("x", "y", 7)),
        ("INSERT INTO {table} (a, order) SETTINGS async_insert = 0, log_comment = 'it\\'s' VALUES", ("x", "y", 7)),
    ],
)
def test_the_forms_of_an_insert(
    client: Client, address: Address, table: str, statement: str, stored: tuple[object, ...]
) -> None:
    sql_table(client, table, "a String", "order String", "d UInt8 DEFAULT 7", "m UInt8 MATERIALIZED 1")
    statement = statement.format(table=table, database=address.database)
    assert client.execute(statement, [("x", "y")]) == 1
    assert client.execute(f"SELECT * FROM {table}") == [stored]


def test_an_insert_without_columns_names_those_that_are_not_computed(client: Client, table: str) -> None:
    sql_table(client, table, "a String", "m UInt8 MATERIALIZED 1", "l String ALIAS a", "d UInt8 DEFAULT 7")
    client.execute(f"INSERT INTO {table} VALUES", [("x", 1)])
    assert client.execute(f"SELECT a, m, l, d FROM {table}") == [("x", 1, "x", 1)]


def test_an_insert_of_many_blocks_and_of_none(client: Client, table: str) -> None:
    sql_table(client, table, "n UInt32", "s LowCardinality(String)")
    rows = ((number, f"s{number % 3}") for number in range(10_000))
    assert client.execute(f"INSERT INTO {table} VALUES", rows, settings={"insert_block_size": 700}) == 10_000
    assert client.execute(f"INSERT INTO {table} VALUES", []) == 0
    assert client.execute(f"SELECT count(), sum(n), uniqExact(s) FROM {table}") == [(10_000, sum(range(10_000)), 3)]


def test_an_insert_from_a_select_and_with_its_values_inline(client: Client, table: str) -> None:
    sql_table(client, table, "n UInt32", "order String")
    client.execute(f"INSERT INTO {table} (n, order) SELECT number, 'a' FROM numbers(10)")
    client.execute(f"INSERT INTO {table} (n, order) VALUES (10, 'VALUES'), (11, ')')")
    assert client.execute(f"SELECT count(), sum(n) FROM {table}") == [(12, sum(range(12)))]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELEC 1", 62),
        ("1 + 1", 62),
        ("SELECT nosuch", 47),
        ("SELECT * FROM nosuch", 60),
        ("SELECT * FROM nosuch.t", 81),
        ("DROP TABLE nosuch", 60),
        ("SELECT throwIf(number = 200000) FROM numbers(300000)", 395),
        ("SELECT number FROM numbers(100) SETTINGS max_result_rows = 10", 396),
        ("CREATE TABLE t (a NoSuchType) ENGINE = Memory", 50),
        ("SELECT 1 SETTINGS nosuch = 1", 115),
    ],
)
def test_an_error_has_the_servers_code_and_the_next_query_works(client: Client, query: str, code: int) -> None:
    assert code_of(client, query) == code
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT throwIf(number = 3), number FROM numbers(5) SETTINGS max_block_size = 1", 395),
        ("SELECT throwIf(number = 200000), number FROM numbers(300000)", 395),
        ("DESCRIBE TABLE (SELECT 1 AS a, 2 AS b) SETTINGS max_result_rows = 1", 396),
        ("EXPLAIN SELECT * FROM nosuch", 60),
    ],
)
def test_what_a_failed_query_gave_never_mixes_with_the_next_answer(client: Client, query: str, code: int) -> None:
    client.execute("SELECT 1")

    def answer(sql: str) -> Any:
        client.last_query = QueryInfo()  # where the driver puts what a server tells beside the answer
        client.connection.send_query(sql)
        client.connection.send_external_tables(None)
        return client.receive_result(with_column_types=True)

    for _ in range(2):
        with pytest.raises(ServerException) as raised:
            answer(query)
        assert raised.value.code == code
        assert answer("SELECT 7 AS a") == ([(7,)], [("a", "UInt8")])
    assert answer("SHOW TABLES FROM system LIKE 'one'")[0] == [("one",)]


@pytest.mark.parametrize("settings", [{"limit": 1}, {"max_result_rows": 1}, {"readonly": 1, "max_result_rows": 2}])
def test_limits_of_a_query_leave_its_columns_alone(client: Client, settings: dict[str, int]) -> None:
    query = "SELECT toDateTime(0, 'Asia/Karachi') AS t, 1 AS n"
    rows, columns = client.execute(query, with_column_types=True, settings=settings)
    assert [row[0].utcoffset() for row in rows] == [datetime.timedelta(hours=5)]
    assert columns == [("t", "DateTime('Asia/Karachi')"), ("n", "UInt8")]


def test_the_errors_of_an_insert(client: Client, table: str) -> None:
    assert code_of(client, "INSERT INTO nosuch (a) VALUES", [(1,)]) == 60
    sql_table(client, table, "a UInt8", "CONSTRAINT small CHECK a < 10")
    assert code_of(client, f"INSERT INTO {table} (b) VALUES", [(1,)]) == 16
    assert code_of(client, f"INSERT INTO {table} (a) VALUES", [(9,), (10,)]) == 469
    assert code_of(client, f"CREATE TABLE {table} (a UInt8) ENGINE = Memory") == 57
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def test_rows_that_the_storage_refuses_are_an_error(client: Client, table: str) -> None:
    client.execute(
        f"CREATE TABLE {table} (n UInt8) ENGINE = MergeTree ORDER BY n "
        "SETTINGS parts_to_delay_insert = 1, parts_to_throw_insert = 1"
    )
    client.execute(f"SYSTEM STOP MERGES {table}")
    client.execute(f"INSERT INTO {table} VALUES", [(1,)])
    assert code_of(client, f"INSERT INTO {table} VALUES", [(2,)]) == 252
    assert client.execute(f"SELECT n FROM {table}") == [(1,)]


def test_a_wrong_password_a_wrong_user_and_a_wrong_database_are_refused(connect: Connect, address: Address) -> None:
    assert code_of(connect(password=address.user), "SELECT 1") == 516
    assert code_of(connect(password=""), "SELECT 1") == 516
    assert code_of(connect(user="nobody"), "SELECT 1") == 516
    assert code_of(connect(database="nosuch`"), "SELECT 1") == 81


def test_tables_are_made_changed_shown_and_dropped(client: Client, address: Address, table: str) -> None:
    sql_table(client, table, "a UInt8")
    assert (table,) in client.execute("SHOW TABLES")
    client.execute(f"ALTER TABLE {table} ADD COLUMN b Nullable(String)")
    assert [row[:2] for row in client.execute(f"DESCRIBE TABLE {table}")] == [("a", "UInt8"), ("b", "Nullable(String)")]
    ((shown,),) = client.execute(f"SHOW CREATE TABLE {table}")
    assert shown.startswith(f"CREATE TABLE {address.database}.{table}")
    client.execute(f"CREATE VIEW {table}_view AS SELECT a FROM {table}")
    assert client.execute(f"SELECT count() FROM {table}_view") == [(0,)]
    client.execute(f"DROP VIEW {table}_view")
    client.execute(f"DROP TABLE {table}")
    assert client.execute(f"EXISTS TABLE {table}") == [(0,)]


def test_the_database_of_a_session_is_its_own(client: Client, connect: Connect) -> None:
    client.execute("USE system")
    assert client.execute("SELECT currentDatabase()") == [("system",)]
    assert client.execute("SELECT currentDatabase()", settings={"readonly": 1}) == [("system",)]
    assert client.execute("SELECT currentDatabase()") == [("system",)]
    assert connect().execute("SELECT currentDatabase()") != [("system",)]


def test_settings_of_a_query_hold_for_it_alone(client: Client) -> None:
    query = "SELECT getSetting('max_block_size')"
    ((usual,),) = client.execute(query)
    assert client.execute(query, settings={"max_block_size": 17}) == [(17,)]
    assert client.execute(query) == [(usual,)]
    client.execute("SET max_block_size = 18")
    assert client.execute(query, settings={"max_block_size": 19}) == [(19,)]
    assert client.execute(query) == [(18,)]


def test_settings_of_a_query_end_with_its_failure_too(client: Client, connect: Connect, table: str) -> None:
    sql_table(client, table, "a UInt8")
    assert code_of(client, f"INSERT INTO {table} VALUES", [(1,)], settings={"readonly": 1}) == 164
    assert code_of(client, "SELECT * FROM numbers(9)", settings={"max_result_rows": 1}) == 396
    assert len(client.execute("SELECT * FROM numbers(9)")) == 9
    assert client.execute(f"INSERT INTO {table} VALUES", [(1,)]) == 1


def test_an_unknown_setting_matters_when_it_is_important(client: Client, connect: Connect) -> None:
    assert client.execute("SELECT 1", settings={"nosuch_setting": 1}) == [(1,)]
    assert code_of(connect(settings_is_important=True), "SELECT 1", settings={"nosuch_setting": 1}) == 115


def test_eight_clients_at_once(client: Client, connect: Connect, table: str) -> None:
    sql_table(client, table, "client UInt8", "n UInt32")
    clients = [connect() for _ in range(8)]
    together = threading.Barrier(len(clients))

    def work(number: int) -> int:
        together.wait()
        for batch in range(10):
            rows = [(number, batch * 20 + row) for row in range(20)]
            clients[number].execute(f"INSERT INTO {table} VALUES", rows)
            clients[number].execute(f"SELECT sum(n) FROM {table}", settings={"max_threads": 1 + number % 2})
        ((count, distinct),) = clients[number].execute(
            f"SELECT count(), uniqExact(n) FROM {table} WHERE client = %(client)s", {"client": number}
        )
        assert distinct == count
        return int(count)

    with ThreadPoolExecutor(len(clients)) as threads:
        assert list(threads.map(work, range(len(clients)))) == [200] * len(clients)


def test_a_short_query_does_not_wait_for_a_long_one(client: Client, connect: Connect) -> None:
    slow = connect()
    slow.execute_iter(NEVER_ENDS)
    assert client.execute("SELECT 1") == [(1,)]
    slow.cancel()


@pytest.mark.parametrize("query", [NEVER_ENDS, "SELECT number FROM numbers(1000000000000)"])
def test_a_cancelled_query_ends_at_once_and_its_connection_goes_on(client: Client, query: str) -> None:
    client.execute_iter(query)
    start_s = time.monotonic()
    client.cancel()
    assert time.monotonic() - start_s < 2.0
    connection = client.connection.socket
    assert client.execute("SELECT 1") == [(1,)]
    assert client.connection.socket is connection


def test_the_query_of_a_client_that_left_ends(client: Client, connect: Connect) -> None:
    gone = connect()
    gone.execute_iter(f"{NEVER_ENDS} WHERE 'left' != ''")
    gone.disconnect()
    wait_until_nothing_runs(client, "%''left'' != %")


def test_replaced_and_deleted_rows_are_gone_with_final(client: Client, table: str) -> None:
    client.execute(
        f"CREATE TABLE {table} (k String, v UInt8, version UInt64, is_deleted UInt8) "
        "ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY k"
    )
    rows = [("a", 1, 1, 0), ("b", 1, 1, 0), ("a", 2, 2, 0), ("b", 1, 2, 1), ("a", 0, 1, 0)]
    for row in rows:
        client.execute(f"INSERT INTO {table} VALUES", [row])
    assert client.execute(f"SELECT k, v FROM {table} FINAL") == [("a", 2)]
    assert client.execute(f"SELECT k, v FROM {table}", settings={"final": 1}) == [("a", 2)]


def test_an_insert_whose_client_goes_away_leaves_nothing(client: Client, connect: Connect, table: str) -> None:
    sql_table(client, table, "n UInt32")
    half = connect()
    half.execute("SELECT 1")
    half.connection.send_query(f"INSERT INTO {table} VALUES")
    half.connection.send_external_tables(None)
    sample = half.receive_sample_block()
    block = ColumnOrientedBlock(sample.columns_with_types, [list(range(1000))])
    for _ in range(3):
        half.connection.send_data(block)
    half.connection.socket.shutdown(socket.SHUT_WR)  # what the kernel does for a client that was killed
    while half.connection.socket.recv(4096):
        pass  # the server hangs up when it is done with us
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def wait_until_nothing_runs(client: Client, like: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    query = f"SELECT count() FROM system.processes WHERE query LIKE '{like}' AND query NOT LIKE '%system.processes%'"
    while client.execute(query) != [(0,)]:
        assert time.monotonic() < deadline_s, f"{like} still runs"
        time.sleep(0.01)
