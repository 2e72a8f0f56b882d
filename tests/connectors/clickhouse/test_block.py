from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.block import Block
from sipe.contracts.tables import FLOW_PROGRESS, REFOLDS, TABLES, Table

REFOLD: dict[str, Any] = {"station": ["a.b.c.d"], "day": [20_000], "events": [3], "version": [1 << 50]}


def test_every_declared_column_has_an_array_type() -> None:
    for table in TABLES:
        assert len(Block(table, {name: [] for name in table.column_names})) == 0


def test_columns_become_arrays_of_the_declared_types() -> None:
    columns = Block(REFOLDS, REFOLD).columns
    assert {name: np.asarray(array).dtype.str for name, array in columns.items()} == {
        "station": "|O",
        "day": "<u2",
        "events": "<u8",
        "version": "<u8",
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"day": [1, 2]}, r"refolds: columns of different lengths \[1, 2\]"),
        ({"stray": [1]}, r"refolds: missing columns \[\], unknown columns \['stray'\]"),
        ({"day": [-1]}, r"refolds\.day Date: -1 to -1 does not fit"),
        ({"day": [65_536]}, r"refolds\.day Date: 65536 to 65536 does not fit"),
        ({"events": np.array([-1])}, r"refolds\.events UInt64: -1 to -1 does not fit"),
        ({"events": [2**64]}, r"refolds\.events UInt64: "),
        ({"events": [1.0]}, r"refolds\.events UInt64: whole numbers expected, not float64"),
        ({"events": [None]}, r"refolds\.events UInt64: whole numbers expected, not object"),
        ({"day": np.array(["2026-01-01"], dtype="datetime64[D]")}, r"refolds\.day Date: whole numbers expected"),
    ],
)
def test_what_a_block_refuses(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Block(REFOLDS, {**REFOLD, **change})


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"refolds: missing columns \['day'\]"):
        Block(REFOLDS, {name: values for name, values in REFOLD.items() if name != "day"})


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1))
def test_a_whole_number_comes_through_unchanged_or_not_at_all(values: list[int]) -> None:
    columns: dict[str, Any] = {name: [0] * len(values) for name in FLOW_PROGRESS.column_names}
    fits = all(0 <= value < 2**32 for value in values)
    try:
        block = Block(FLOW_PROGRESS, {**columns, "epoch": values})
    except ValueError:
        assert not fits
    else:
        assert fits
        assert np.asarray(block.columns["epoch"]).tolist() == values


def rows(table: Table, count: int) -> list[dict[str, Any]]:
    return [dict.fromkeys(table.column_names, position) for position in range(count)]


def test_concatenating_and_chunking_keep_every_row_in_order() -> None:
    blocks = [Block.of_rows(FLOW_PROGRESS, rows(FLOW_PROGRESS, count)) for count in (3, 0, 4)]
    whole = Block.concatenated(blocks)
    assert np.asarray(whole.columns["offset"]).tolist() == [0, 1, 2, 0, 1, 2, 3]
    chunks = [[array.tolist() for array in arrays] for arrays in whole.chunks(3)]
    assert [len(arrays[0]) for arrays in chunks] == [3, 3, 1]
    assert [offset for arrays in chunks for offset in arrays[2]] == [0, 1, 2, 0, 1, 2, 3]
