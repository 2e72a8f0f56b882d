"""Where a station's time went, millisecond by millisecond, and its stops."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from models.twin.views import Cell, Moment, StopRow, Views

MINUTE_MS = 60_000
WORKING = {"executing", "setup"}
LOSSES = {"down", "idle", "maintenance", "off", "unknown"}


def account_time(station: str, seen: Views, cells: dict[Cell, Counter[str]]) -> list[StopRow]:
    """Add every time measure and the failures to the cells; returns the stops."""
    minutes = range(seen.from_ms - seen.from_ms % MINUTE_MS, seen.to_ms, MINUTE_MS)
    cuts = {ms for ms in seen.instants.union(minutes) if seen.from_ms < ms < seen.to_ms}
    state_before = "unknown"
    stops: list[StopRow] = []
    for from_ms, to_ms in pairwise(sorted({seen.from_ms, seen.to_ms} | cuts)):
        moment, shift = seen.moment(from_ms), seen.hours.shift.at(from_ms)
        planned = seen.hours.planned.at(from_ms)
        cell = Cell(from_ms - from_ms % MINUTE_MS, moment.order, moment.product, shift)
        sums = cells[cell]
        for measure in _time_measures(moment, shift, planned):
            sums[measure] += to_ms - from_ms
        attended_ms = seen.operators.at(from_ms) * (to_ms - from_ms)
        sums["attended_ms"] += attended_ms
        if moment.state in WORKING:
            sums["worked_ms"] += attended_ms
        if planned and moment.state == "down" and state_before != "down":
            sums["failures"] += 1
        state_before = moment.state
        if planned and moment.state in LOSSES:
            _lengthen(stops, _stop(seen, moment, station=station, from_ms=from_ms, to_ms=to_ms))
    return stops


def _time_measures(moment: Moment, shift: str, planned: bool) -> list[str]:
    """Which measures grow while this moment lasts."""
    state = moment.state
    if planned and state == "planned_stop":
        return ["planned_stop_ms"]
    if not planned:
        return ["planned_stop_ms"] * (shift != "") + ["overtime_ms"] * (state in WORKING)
    if state == "executing":
        return ["pbt_ms", "apt_ms"]
    if state == "setup":
        return ["pbt_ms", "aust_ms"]
    if state == "unknown":
        return ["pbt_ms", "unknown_ms"]
    delay = "adet_ms" if moment.order else "adot_ms"
    return ["pbt_ms", delay, "down_ms"] if state == "down" else ["pbt_ms", delay]


def _stop(seen: Views, moment: Moment, *, station: str, from_ms: int, to_ms: int) -> StopRow:
    classified = seen.classified.at(from_ms)
    return StopRow(
        station=station,
        from_ms=from_ms,
        to_ms=to_ms,
        state=moment.state,
        reason=classified.reason if classified else moment.reason,
        classified_by=classified.by if classified else "",
        stop_version=classified.stop_version if classified else 0,
        order=moment.order,
        product=moment.product,
        shift=seen.hours.shift.at(from_ms),
        open=int(to_ms == seen.to_ms),
    )


def _lengthen(stops: list[StopRow], stop: StopRow) -> None:
    """Append a stop, or make the last one longer when this is more of the same."""
    if stops:
        last = stops[-1]
        longer = last._replace(to_ms=stop.to_ms, open=stop.open)
        if last.to_ms == stop.from_ms and longer == stop._replace(from_ms=last.from_ms, shift=last.shift):
            stops[-1] = longer
            return
    stops.append(stop)
