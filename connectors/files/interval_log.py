"""An interval log, a CSV with one row per reported interval of work, as `interval_reported` events."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from connectors.files.csv_table import CsvTable, Row, read_csv
from connectors.files.mapping import LogMapping
from connectors.files.slugs import slugs_of
from sipe.contracts.codec import build
from sipe.contracts.events import IntervalReported, StandardTimeSet, StationEvent
from sipe.contracts.fields import INTERVAL_MS_MAX
from sipe.contracts.script import Tick
from sipe.errors import UsageError

BOOT = 1
TICK_EVERY_MS = 6 * 3_600_000

_WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")
_REFUSED = {
    "ts_ms": "is not between 1970 and 2100",
    "from_ts_ms": "is not between 1970 and 2100",
    "reason": "is not one line of at most 500 characters",
    "good": "is more than 1000000000 pieces",
    "rework": "is more than 1000000000 pieces",
    "scrap": "is more than 1000000000 pieces",
}
_REFUSED_NAME = "is not a name of 1 to 64 characters without control characters"


@dataclass(frozen=True, kw_only=True)
class IntervalLog:
    """A log without mistakes: one event per row, in the order of the file."""

    path: Path
    source: str
    events: tuple[IntervalReported, ...]

    @property
    def displays(self) -> dict[str, str]:
        """What people call each station, by its id."""
        return {event.station: event.display or event.station for event in self.events}


def read_interval_log(path: Path, mapping: LogMapping) -> IntervalLog:
    """Every row as an event, all bounds checked; raises `UsageError` that names file, line, column and value."""
    table = read_csv(path, delimiter=mapping.file.delimiter)
    table.require(mapping.columns_by_key())
    if not table.rows:
        raise UsageError(f"{path} line 2: no rows below the header")
    stations = _stations(table, mapping)
    source = source_of("log", table.sha256)
    seqs: Counter[str] = Counter()
    events = []
    for row in table.rows:
        station = stations[row.cells[mapping.station.column]]
        seqs[station] += 1
        identity = {"station": station, "source": source, "boot": BOOT, "seq": seqs[station]}
        events.append(_event(table, row, mapping, identity))
    return IntervalLog(path=path, source=source, events=tuple(events))


def source_of(kind: str, sha256: str) -> str:
    """The source that stands for a file: the same bytes are the same source, so that a second replay adds nothing."""
    return f"{kind}-{sha256[:16]}"


def events_in_completion_order(events: Iterable[StationEvent]) -> list[StationEvent]:
    """The events by (ts_ms, station, seq): the order in which a plant would have reported them.

    At one moment standard times come before the rows that need them.
    """

    def moment(event: StationEvent) -> tuple[int, bool, str, int]:
        return event.ts_ms, not isinstance(event, StandardTimeSet), event.station, event.seq

    return sorted(events, key=moment)


def script(events: Iterable[StationEvent], tick_every_ms: int = TICK_EVERY_MS) -> Iterator[StationEvent | Tick]:
    """The events in the order given, with ticks in the log's own time.

    Each multiple of `tick_every_ms` is ticked before the first event at or after it; the last tick lies one whole
    `tick_every_ms` after the latest event, when every minute of the log is over. No events give no ticks.
    """
    latest_ms: int | None = None
    for event in events:
        if latest_ms is None:
            latest_ms = event.ts_ms
        for now_ms in range(_after(latest_ms, tick_every_ms), event.ts_ms + 1, tick_every_ms):
            yield Tick(now_ms)
        latest_ms = max(latest_ms, event.ts_ms)
        yield event
    if latest_ms is not None:
        yield Tick(latest_ms + tick_every_ms)


def _after(ts_ms: int, step_ms: int) -> int:
    """The first multiple of `step_ms` after `ts_ms`."""
    return (ts_ms // step_ms + 1) * step_ms


def _stations(table: CsvTable, mapping: LogMapping) -> dict[str, str]:
    """The station id of each name in the log."""
    where = mapping.station
    names = {row.cells[where.column]: row for row in table.rows}
    if "" in names:
        raise table.error(names[""], where.column, "names no station")
    try:
        slugs = slugs_of(names)
    except ValueError as error:
        raise UsageError(f"{table.path}: column {where.column!r}: {error}") from error
    return {name: f"{where.site}.{where.area}.{where.line}.{slug}" for name, slug in slugs.items()}


def _event(table: CsvTable, row: Row, mapping: LogMapping, identity: dict[str, Any]) -> IntervalReported:
    columns, cells = mapping.columns, row.cells
    if cells[columns.state] not in mapping.states:
        known = ", ".join(map(repr, mapping.states))
        raise table.error(row, columns.state, f"is no state code of the mapping; [states] has {known}")
    from_ts_ms, ts_ms = _span_ms(table, row, mapping)
    # Which column a field came from, to name it should the contract refuse the value.
    column_of = {"from_ts_ms": columns.start, "ts_ms": columns.end, "display": mapping.station.column}
    texts = {"order": columns.order, "product": columns.product, "step": columns.step, "reason": columns.reason}
    column_of |= {field: column for field, column in texts.items() if column and cells[column]}
    pieces, pieces_columns = _pieces(table, row, mapping)
    fields = {
        **identity,
        "type": "interval_reported",
        "state": mapping.states[cells[columns.state]],
        **{field: cells[column] for field, column in column_of.items()},
        **pieces,
        "from_ts_ms": from_ts_ms,
        "ts_ms": ts_ms,
    }
    try:
        return cast("IntervalReported", build(fields))
    except msgspec.ValidationError as error:
        field = str(error).rpartition("`$.")[2].rstrip("`")
        column = (column_of | pieces_columns)[field]
        raise table.error(row, column, _REFUSED.get(field, _REFUSED_NAME)) from error


def _span_ms(table: CsvTable, row: Row, mapping: LogMapping) -> tuple[int, int]:
    """Start and end, Unix ms. Of two instants an end can mean, it is the first that does not lie before the start."""
    columns = mapping.columns
    starts = _instants_ms(table, row, columns.start, mapping)
    ends = _instants_ms(table, row, columns.end, mapping)
    start_ms = starts[0]
    end_ms = next((end_ms for end_ms in ends if end_ms >= start_ms), None)
    if end_ms is None:
        raise table.error(row, columns.end, f"lies before the start {row.cells[columns.start]!r}")
    if end_ms - start_ms > INTERVAL_MS_MAX:
        hours = INTERVAL_MS_MAX // 3_600_000
        raise table.error(row, columns.end, f"lies more than {hours} h after the start {row.cells[columns.start]!r}")
    return start_ms, end_ms


def _instants_ms(table: CsvTable, row: Row, column: str, mapping: LogMapping) -> tuple[int, ...]:
    reading = mapping.time.reading
    try:
        instants_ms = reading.instants_ms(row.cells[column])
    except ValueError as error:
        wanted = reading.format or "2012-01-31T23:59:00"
        raise table.error(row, column, f"is not a time written as {wanted}") from error
    if not instants_ms:
        raise table.error(row, column, f"did not exist in {reading.zone}: the clock went forward over it")
    return instants_ms


def _pieces(table: CsvTable, row: Row, mapping: LogMapping) -> tuple[dict[str, int], dict[str, str]]:
    """Good, scrap and rework of the row, and the column to blame for each."""
    rule = mapping.quantities

    def count(column: str | None) -> int:
        if column is None:
            return 0
        if not _WHOLE_NUMBER.fullmatch(row.cells[column]):
            raise table.error(row, column, "is not a whole number of pieces")
        return int(row.cells[column])

    good, scrap, rework = count(rule.completed or rule.good), count(rule.scrap), count(rule.rework)
    columns = {"good": rule.completed or rule.good, "scrap": rule.scrap, "rework": rule.rework or rule.completed}
    if rule.completed:
        good = max(good - scrap, 0)
    if flag := rule.rework_when:
        value = row.cells[flag.column]
        if value not in flag.yes + flag.no:
            raise table.error(row, flag.column, f"is neither yes {flag.yes} nor no {flag.no} in rework_when")
        if value in flag.yes:
            good, rework = 0, good
    pieces = {"good": good, "scrap": scrap, "rework": rework}
    return pieces, {field: column for field, column in columns.items() if column}
