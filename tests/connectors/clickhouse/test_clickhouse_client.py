from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.clickhouse.client import Address, Warehouse, connect
from sipe.errors import SipeError

pytestmark = pytest.mark.stack


def test_rows_are_dicts_with_times_in_utc(untouched: Warehouse) -> None:
    query = """
        SELECT toDateTime(%(at)s, 'UTC') AS second, toDateTime64(1700000000.123, 3, 'UTC') AS millisecond,
               toDateTime64(0, 3, 'America/Manaus') AS elsewhere, %(text)s AS text, NULL AS nothing
    """
    assert untouched.rows(query, {"at": 1_700_000_000, "text": "it's 100 %"}) == [
        {
            "second": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
            "millisecond": datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC),
            "elsewhere": datetime(1970, 1, 1, tzinfo=UTC),
            "text": "it's 100 %",
            "nothing": None,
        }
    ]


def test_no_rows_and_many_rows(untouched: Warehouse) -> None:
    assert untouched.rows("SELECT 1 AS one WHERE 0") == []
    assert [row["number"] for row in untouched.rows("SELECT number FROM numbers(200000)")] == list(range(200_000))


def test_a_failed_query_leaves_the_connection_usable(untouched: Warehouse) -> None:
    with pytest.raises(SipeError, match=r"failed with code 395: .*too late"):
        untouched.rows("SELECT throwIf(number = 150000, 'too late') FROM numbers(200000)")
    assert untouched.rows("SELECT 1 AS one") == [{"one": 1}]


def test_an_unknown_table_says_how_to_get_it(untouched: Warehouse) -> None:
    with pytest.raises(SipeError, match=r"nowhere.*`sipe migrate`") as caught:
        untouched.rows("SELECT * FROM nowhere")
    assert "\n" not in str(caught.value)


def test_an_unknown_database_says_how_to_get_it(address: Address) -> None:
    with pytest.raises(SipeError, match=rf"{address}: .*`sipe migrate`"):
        connect(address)


def test_a_wrong_password(server: Address) -> None:
    wrong = replace(server, database="default", password=server.password + "x")
    with pytest.raises(SipeError, match=f"refuses user '{server.user}'.*SIPE_CLICKHOUSE_URL") as caught:
        connect(wrong)
    assert server.password not in str(caught.value)


INJECTIONS = (
    "'",
    "\\",
    "\\'",
    "' OR 1 = 1 --",
    "'; DROP TABLE events; --",
    "x') UNION ALL SELECT password FROM system.users --",
    "%(other)s",
    "100 %",
    "line\nbreak\r\ttab",
    "nul\x00bell\x07back\x08",
    '/* */ `name` "name" {name:String}',
    "\N{RIGHT SINGLE QUOTATION MARK}\N{FULLWIDTH APOSTROPHE}\U0001f512",
)


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_parameter_stays_a_value(untouched: Warehouse, text: str) -> None:
    query = "SELECT %(text)s AS text, length(%(text)s) AS bytes, has(%(texts)s, %(text)s) AS found"
    (row,) = untouched.rows(query, {"text": text, "texts": ["other", text]})
    assert row == {"text": text, "bytes": len(text.encode()), "found": 1}
    (row,) = untouched.rows("SELECT count() AS found FROM stations WHERE station IN %(names)s", {"names": (text,)})
    assert row == {"found": 0}
