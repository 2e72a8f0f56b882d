"""What a station made: pieces, cycles and the time they should have taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from models.twin.steps import Steps
from models.twin.views import Cell, Views
from sipe.contracts.events import (
    CountingAuthoritySet,
    CycleCompleted,
    StandardTimeSet,
    StationEvent,
    UnitReclassified,
)

MINUTE_MS = 60_000


def count_pieces(history: Sequence[StationEvent], seen: Views, cells: dict[Cell, Counter[str]]) -> None:
    """Add every quantity to the cells; `history` is sorted by (ts_ms, source, boot, seq)."""
    standards = _standards(history)
    authorities = sorted(
        (event for event in history if isinstance(event, CountingAuthoritySet)), key=lambda event: event.valid_from_ms
    )
    counted_cycles: set[str] = set()
    for event in history:
        if isinstance(event, CycleCompleted):
            sums = cells[_cell(seen, event.ts_ms, event.order, event.product)]
            if not _has_authority(event, authorities):
                sums["other_source_pieces"] += event.qty
                continue
            sums[event.result] += event.qty
            if event.cycle_id is None or event.cycle_id not in counted_cycles:
                sums["cycles"] += 1
                sums["cycle_ms"] += event.cycle_ms
            if event.cycle_id is not None:
                counted_cycles.add(event.cycle_id)
            planned_ms = event.planned_cycle_ms
            if planned_ms is None and (event.product, event.step) in standards:
                planned_ms = standards[event.product, event.step].at(event.ts_ms - event.ts_ms % MINUTE_MS)
            if planned_ms is not None:
                sums["planned_run_ms"] += event.qty * planned_ms
                sums["pieces_with_standard"] += event.qty
        elif isinstance(event, UnitReclassified):
            sums = cells[_cell(seen, event.cycle_ts_ms, event.order, event.product)]
            sums[event.result_before] -= 1
            sums[event.result] += 1


def _cell(seen: Views, ms: int, order: str, product: str) -> Cell:
    return Cell(ms - ms % MINUTE_MS, order, product, seen.hours.shift.at(ms))


def _standards(history: Sequence[StationEvent]) -> dict[tuple[str, str], Steps[int | None]]:
    """The standard time in force per (product, step)."""
    standards: dict[tuple[str, str], Steps[int | None]] = {}
    told = [event for event in history if isinstance(event, StandardTimeSet)]
    for event in sorted(told, key=lambda event: event.valid_from_ms):
        steps = standards.setdefault((event.product, event.step), Steps(None))
        steps.set(event.valid_from_ms, event.planned_cycle_ms)
    return standards


def _has_authority(cycle: CycleCompleted, authorities: Sequence[CountingAuthoritySet]) -> bool:
    """Whether the cycle's source is the one that counts; where nobody was named, every source counts."""
    applying = [
        event for event in authorities if event.valid_from_ms <= cycle.ts_ms and event.step in {None, cycle.step}
    ]
    return not applying or applying[-1].source_kind == cycle.source.partition("-")[0]
