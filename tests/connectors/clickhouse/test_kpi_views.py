"""The views against the oracle, on random facts: restated, deleted, deleted and back again, empty, with and without
orders, over a change of the month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.kpi_sql import GROUPS, VIEWS, kpi_select
from connectors.clickhouse.writer import Writer
from models.kpi import KPIS, Kpis, Sums
from sipe.contracts.tables import MEASURES, MINUTE_FACTS, STATIONS, STOPS

pytestmark = pytest.mark.stack

Row = dict[str, Any]
Group = tuple[Any, ...]

MONTH_END_S = 1_767_225_600  # 2026-01-01T00:00:00Z
STATIONS_OF_TWO_SITES = [
    "manaus.smt.line-1.printer",
    "manaus.smt.line-1.oven",
    "manaus.final.line-1.closing",
    "manaus.final.line-2.calibration",
    "recife.final.line-1.closing",
]
SEEDS = [1, 22400, 2014]


def seeded(seed: int) -> Random:
    return Random(seed)


def everything(warehouse: Warehouse, view: str) -> list[Row]:
    return warehouse.rows(f"SELECT * FROM {view}")  # noqa: S608 - the views are ours


def group_values(fact: Row) -> Row:
    """What a fact can be grouped by, found apart from the SQL."""
    site, area, line, _ = fact["station"].split(".")
    hour = datetime.fromtimestamp(fact["minute"] // 3600 * 3600, UTC)
    return {**fact, "site": site, "area": area, "line": line, "hour": hour}


def random_fact(random: Random) -> Row:
    sparse = random.choice([0.0, 0.5, 1.0])
    measures = {
        column.name: 0 if random.random() < sparse else random.randint(*((0, 60_000), (-2, 30))[column.type == "Int64"])
        for column in MEASURES
    }
    return {
        "station": random.choice(STATIONS_OF_TWO_SITES),
        "minute": MONTH_END_S + 60 * random.randint(-90, 90),
        "order": random.choice(["", "A-1", "A-2", "it's"]),
        "product": random.choice(["", "M3", "M1"]),
        "shift": random.choice(["", "2025-12-31/late", "2026-01-01/early"]),
        "closed": 1,
        **measures,
    }


def random_restatements(random: Random) -> list[Row]:
    """Facts with one to four versions each, some deleted, in any order."""
    rows = []
    for fact in [*(random_fact(random) for _ in range(400)), *rare_facts()]:
        for version in random.sample(range(1, 1_000), random.randint(1, 4)):
            measures = {column.name: random_fact(random)[column.name] for column in MEASURES}
            is_deleted = int(random.random() < 0.25)
            rows.append({**fact, **measures, "version": version, "is_deleted": is_deleted})
    rows += [{**fact, "version": 2_000, "is_deleted": int(not fact["closed"])} for fact in rare_facts()]
    random.shuffle(rows)
    return rows


def rare_facts() -> list[Row]:
    """What chance would seldom bring: a station and an order with nothing but zeros, one deleted, one below zero."""
    empty = {"minute": MONTH_END_S, "product": "", "shift": "", **{column.name: 0 for column in MEASURES}}
    return [
        {**empty, "station": "recife.final.line-9.idle", "order": "", "closed": 1},
        {**empty, "station": "recife.final.line-1.closing", "order": "ZERO", "closed": 1},
        {**empty, "station": "recife.final.line-1.closing", "order": "GONE", "closed": 0},
        {**empty, "station": "recife.final.line-1.closing", "order": "TAKEN", "closed": 1, "good": -2, "scrap": 1},
    ]


def current(rows: Sequence[Row]) -> list[Row]:
    """The highest version of each key, unless that deletes it."""
    newest: dict[Group, Row] = {}
    for row in sorted(rows, key=lambda row: row["version"]):
        newest[tuple(row[name] for name in MINUTE_FACTS.key)] = row
    return [row for row in newest.values() if not row["is_deleted"]]


def sums_by(group_by: Sequence[str], facts: Sequence[Row]) -> dict[Group, Sums]:
    groups: defaultdict[Group, Sums] = defaultdict(Sums)
    for fact in facts:
        values = group_values(fact)
        groups[tuple(values[name] for name in group_by)] += Sums.of_fact(fact)
    return dict(groups)


def write_in_parts(writer: Writer, random: Random, rows: list[Row]) -> None:
    """Several inserts, so that versions of a key meet in different parts of the table, some rows twice."""
    size = random.randint(50, 300)
    for start in range(0, len(rows), size):
        writer.write([Block.of_rows(MINUTE_FACTS, rows[start : start + size])])
    writer.write([Block.of_rows(MINUTE_FACTS, random.sample(rows, 50))])


def expect(rows: list[Row], group_by: Sequence[str], facts: Sequence[Row]) -> None:
    """Every group, every sum and every KPI, to the last bit."""
    expected = sums_by(group_by, facts)
    found = {tuple(row[name] for name in group_by): row for row in rows}
    assert len(found) == len(rows)
    assert found.keys() == expected.keys()
    for group, sums in expected.items():
        assert Sums.of_view(found[group]) == sums, group
        assert found[group]["pq"] == sums.pq, group
        assert {name: found[group][name] for name in KPIS} == Kpis(sums).as_dict(), group


@pytest.mark.parametrize("seed", SEEDS)
def test_every_view_equals_the_oracle(writer: Writer, warehouse: Warehouse, seed: int) -> None:
    random = seeded(seed)
    rows = random_restatements(random)
    write_in_parts(writer, random, rows)
    facts = current(rows)
    shown = []
    for view, group_by in VIEWS.items():
        found = everything(warehouse, view)
        expect(found, group_by, facts)
        shown += found
    assert ("recife", "GONE") not in sums_by(("site", "order"), facts)
    for kpi in KPIS:
        assert {row[kpi] is None for row in shown} == {True, False}, f"{kpi} was tried defined and undefined"


def test_any_group_over_any_span(writer: Writer, warehouse: Warehouse) -> None:
    random = seeded(7)
    rows = random_restatements(random)
    write_in_parts(writer, random, rows)
    span = {"from_s": MONTH_END_S - 1_800, "to_s": MONTH_END_S + 600}
    facts = [fact for fact in current(rows) if span["from_s"] <= fact["minute"] < span["to_s"]]
    for group_by in (("product",), ("station", "order"), tuple(GROUPS)):
        found = warehouse.rows(kpi_select(group_by, "minute >= %(from_s)s AND minute < %(to_s)s"), span)
        expect(found, group_by, facts)


def test_nothing_gives_no_rows_instead_of_one_of_zeros(untouched: Warehouse) -> None:
    for view in VIEWS:
        assert everything(untouched, view) == []


def test_a_station_shows_its_newest_name_or_its_path(writer: Writer, warehouse: Warehouse) -> None:
    [named, renamed, nameless, unheard, _] = STATIONS_OF_TWO_SITES
    facts = [{**random_fact(seeded(1)), "station": s, "version": 1, "is_deleted": 0} for s in STATIONS_OF_TWO_SITES]
    names = [(named, "Printer", 1), (renamed, "Oven 7", 9), (renamed, "Oven", 2), (nameless, "", 1)]
    counts = dict.fromkeys(("has_calendar", "accepted", "duplicates", "late", "missing", "last_ts"), 0)
    known = [{**counts, "station": station, "display": name, "version": v} for station, name, v in names]
    writer.write([Block.of_rows(STATIONS, known), Block.of_rows(MINUTE_FACTS, facts)])
    for view in ("kpi_by_station", "kpi_by_hour"):
        shown = {row["station"]: row["display"] for row in everything(warehouse, view)}
        assert (shown[named], shown[renamed], shown[nameless], shown[unheard]) == (
            "Printer",
            "Oven 7",
            nameless,
            unheard,
        )


def test_a_stop_that_was_restated_or_deleted(writer: Writer, warehouse: Warehouse) -> None:
    def stop(from_ts: int, reason: str, version: int, is_deleted: int = 0) -> Row:
        texts = {"state": "down", "classified_by": "", "order": "", "product": "", "shift": ""}
        numbers = {"from_ts": from_ts, "to_ts": from_ts + 5, "stop_version": 0, "open": 0, "version": version}
        return {"station": "a.b.c.d", "reason": reason, "is_deleted": is_deleted, **texts, **numbers}

    rows = [stop(1_000, "jam", 5), stop(1_000, "", 2), stop(2_000, "gone", 3), stop(2_000, "gone", 4, is_deleted=1)]
    writer.write([Block.of_rows(STOPS, rows)])
    assert [row["reason"] for row in everything(warehouse, "stops_current")] == ["jam"]
