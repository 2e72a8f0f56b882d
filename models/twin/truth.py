"""The ground truth: the rows that must end up in the store, whatever happened on the way there.

A second, slow and plain reading of the accounting rules. It knows every event that was ever sent, sorts them, cuts the
time wherever anything changes, and looks at each piece on its own. It shares nothing with the fold that it checks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.twin.accounts import account_time
from models.twin.counts import count_pieces
from models.twin.link import identity
from models.twin.views import Cell, StopRow, views
from sipe.contracts.events import StationEvent
from sipe.contracts.tables import MEASURES

MEASURE_NAMES = tuple(column.name for column in MEASURES)


class FactRow(NamedTuple):
    """One row of `minute_facts`: its dimensions, and every measure of the contract under the contract's name."""

    station: str
    minute_ms: int
    order: str
    product: str
    shift: str
    pbt_ms: int
    apt_ms: int
    aust_ms: int
    adet_ms: int
    adot_ms: int
    unknown_ms: int
    planned_stop_ms: int
    overtime_ms: int
    conflict_ms: int
    down_ms: int
    failures: int
    attended_ms: int
    worked_ms: int
    good: int
    scrap: int
    rework: int
    cycles: int
    cycle_ms: int
    planned_run_ms: int
    pieces_with_standard: int
    other_source_pieces: int


class Truth(NamedTuple):
    """Rows in the order of their keys."""

    facts: tuple[FactRow, ...]
    stops: tuple[StopRow, ...]


def truth_of(events: Iterable[StationEvent], now_ms: int) -> Truth:
    """What is true of the stations at `now_ms`, given every event that was sent at least once."""
    unique = {identity(event): event for event in events}
    by_station: dict[str, list[StationEvent]] = defaultdict(list)
    for event in sorted(unique.values(), key=lambda event: (event.ts_ms, *identity(event))):
        by_station[event.station].append(event)
    facts: list[FactRow] = []
    stops: list[StopRow] = []
    for station, history in sorted(by_station.items()):
        cells, station_stops = _station_truth(station, history, now_ms)
        facts += (
            FactRow._make([station, *cell, *(sums[name] for name in MEASURE_NAMES)])
            for cell, sums in sorted(cells.items())
            if any(sums.values())
        )
        stops += station_stops
    return Truth(tuple(facts), tuple(stops))


def _station_truth(
    station: str, history: Sequence[StationEvent], now_ms: int
) -> tuple[dict[Cell, Counter[str]], list[StopRow]]:
    seen = views(history, now_ms)
    cells: dict[Cell, Counter[str]] = defaultdict(Counter)
    stops = account_time(station, seen, cells)
    count_pieces(history, seen, cells)
    return cells, stops
