"""Rows that are staged become visible all together, or the run says that it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.staging import STAGED, SUFFIX, Staging
from connectors.clickhouse.writer import Writer
from sipe.contracts.tables import STOPS
from sipe.errors import SipeError

pytestmark = pytest.mark.stack


def stage(address: Address) -> None:
    empty = {column.name: "" if "String" in column.type else 0 for column in STOPS.columns}
    writer = Writer(address, suffix=SUFFIX)
    writer.write([Block.of_rows(STOPS, [empty | {"station": "manaus.final.line-1.packing"}])])
    writer.close()


def stored(store: Warehouse) -> int:
    return int(store.tuples("SELECT count() FROM stops")[0][0])


@pytest.mark.parametrize("statement", ["SELECT count() FROM stops", "SELECT DISTINCT partition_id"])
def test_another_run_that_begins_before_or_within_a_swap_is_noticed(
    migrated: Address, warehouse: Warehouse, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = Staging(warehouse)
    staging.prepare()
    stage(migrated)
    ask = warehouse.tuples
    others: list[str] = []

    def asked(query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        if query.strip().startswith(statement) and not others:
            others.append(query)
            with Warehouse(migrated) as other:
                Staging(other).prepare()
        return ask(query, parameters)

    monkeypatch.setattr(warehouse, "tuples", asked)
    with pytest.raises(SipeError, match=r"stops_staging holds 0 rows instead of 1: another run"):
        staging.swap({"stops": 1})
    assert others, "no other run began"
    assert stored(warehouse) == 0


def test_what_is_staged_is_seen_after_the_swap_alone(migrated: Address, warehouse: Warehouse) -> None:
    staging = Staging(warehouse)
    staging.prepare()
    stage(migrated)
    assert stored(warehouse) == 0
    staging.swap({"stops": 1})
    staging.drop()
    assert stored(warehouse) == 1
    left = warehouse.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%staging'")
    assert (len(STAGED), left) == (3, [])
