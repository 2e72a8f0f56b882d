"""What clickhouse-server 18.16, of 2018, does not do as servers of today do, test by test of the conformance script.

Where the script says nothing else here, the embedded front and the old server answer the same. A difference that is not
one any more fails as well, so the list stays true.
"""

# ruff: noqa: S608 - names of tests, not statements

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """Why a test cannot pass on the old server; `runs` is false where it would only wait for its time-out."""

    reason: str
    runs: bool = True


_NO_TYPE = Limit("has no such type yet")
_NO_SYNTAX = Limit("does not know this syntax yet")
_TYPE = "test_a_type_comes_back_as_it_went_in_by_rows_and_by_columns"
_NUMPY = "test_numpy_arrays_come_back_as_they_went_in"
_MIXED = "test_what_a_failed_query_gave_never_mixes_with_the_next_answer"
_NEW_TYPES = (
    *("UInt128", "UInt256", "Int128", "Int256", "Bool", "Date32", "IPv4", "IPv6", "Decimal(76, 2)"),
    *("DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')", "Nullable(DateTime64(3, 'UTC'))"),
    *("Map(String, UInt64)", "Map(String, Array(Int8))", "Map(LowCardinality(String), String)"),
    *("Tuple(Tuple(String, Array(UInt8)), Map(UInt8, String))", "SimpleAggregateFunction(max, UInt64)"),
)

LIMITS: dict[str, Limit] = {
    **{f"{_TYPE}[18.16-{name}]": _NO_TYPE for name in _NEW_TYPES},
    f"{_NUMPY}[18.16-DateTime64(3, 'UTC')]": _NO_TYPE,
    "test_the_servers_time_is_utc[18.16]": Limit("calls UTC Etc/UTC"),
    "test_the_client_formats_whatever_format_a_query_asks_for[18.16]": Limit("has no EXPLAIN"),
    "test_the_forms_of_an_insert[18.16-INSERT INTO {table} (a, order) SETTINGS async_insert = 0, "
    "log_comment = 'it\\\\'s' VALUES-stored5]": Limit("takes no SETTINGS in an INSERT"),
    "test_an_insert_from_a_select_and_with_its_values_inline[18.16]": Limit(
        "waits for a block of data after an INSERT that brings its values in its text", runs=False
    ),
    "test_an_error_has_the_servers_code_and_the_next_query_works"
    "[18.16-SELECT number FROM numbers(100) SETTINGS max_result_rows = 10-396]": Limit(
        "does not hold a query to a limit that it sets itself"
    ),
    f"{_MIXED}[18.16-DESCRIBE TABLE (SELECT 1 AS a, 2 AS b) SETTINGS max_result_rows = 1-396]": _NO_SYNTAX,
    f"{_MIXED}[18.16-EXPLAIN SELECT * FROM nosuch-60]": Limit("has no EXPLAIN"),
    "test_the_errors_of_an_insert[18.16]": Limit("has no constraints"),
    "test_a_wrong_password_a_wrong_user_and_a_wrong_database_are_refused[18.16]": Limit(
        "refuses them with codes of their own, 192 and 193, where servers of today say 516 for both"
    ),
    "test_tables_are_made_changed_shown_and_dropped[18.16]": Limit("drops a view with DROP TABLE only"),
    "test_settings_of_a_query_hold_for_it_alone[18.16]": Limit("has no getSetting"),
    "test_an_unknown_setting_matters_when_it_is_important[18.16]": Limit(
        "gets no flag with a setting, so it ignores none and refuses none as important"
    ),
    "test_the_query_of_a_client_that_left_ends[18.16]": Limit(
        "goes on with a query whose client left, until it has something to send", runs=False
    ),
    "test_replaced_and_deleted_rows_are_gone_with_final[18.16]": Limit("has no is_deleted in ReplacingMergeTree"),
    "test_an_insert_whose_client_goes_away_leaves_nothing[18.16]": Limit(
        "keeps the blocks that arrived before the client left"
    ),
}
