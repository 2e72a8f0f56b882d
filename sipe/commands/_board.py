"""The live board of the demo: what the store knows of each station right now."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connectors.clickhouse.client import Warehouse
from sipe.commands._output import count, percent

Row = dict[str, Any]

STATE_STYLES = {
    "executing": "green",
    "setup": "cyan",
    "idle": "yellow",
    "down": "bold red",
    "maintenance": "magenta",
    "planned_stop": "blue",
    "off": "dim",
    "unknown": "bold yellow",
}
RATE_OVER_S = 5.0

# A stop that is open says more than the last reported state: it knows silence.
_STATIONS = """
SELECT kpi.*, stops.state AS stop_state, stops.reason AS reason, told.state AS told_state
FROM kpi_by_station AS kpi
LEFT JOIN (SELECT station, state, reason FROM stops_current WHERE open) AS stops USING (station)
LEFT JOIN (
    SELECT station, argMax(JSONExtractString(raw, 'state'), (ts, boot, seq)) AS state
    FROM events WHERE type = 'state_changed' AND outcome = 'accepted' GROUP BY station
) AS told USING (station)
ORDER BY station
"""
_COUNTS = """
SELECT sum(accepted) AS accepted, sum(duplicates) AS duplicates, sum(late) AS late, sum(missing) AS missing,
    (SELECT count() FROM rejects) AS rejected, (SELECT max(now_ms) FROM flow_progress) AS now_ms
FROM stations_current
"""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the store knew at one moment."""

    stations: list[Row]
    counts: Row
    stored: int
    expected: int
    per_second: float

    @property
    def has_kpi(self) -> bool:
        """Whether a station has an OEE yet."""
        return any(row["oee"] is not None for row in self.stations)


class Board:
    """Takes pictures of the store and shows them; `expected` is how many records there will be."""

    def __init__(
        self, store: Warehouse, expected: int, zone: str, *, monotonic_s: Callable[[], float] = time.monotonic
    ):
        self._store = store
        self._expected = expected
        self._zone = ZoneInfo(zone)
        self._monotonic_s = monotonic_s
        self._marks: list[tuple[float, int]] = []

    def picture(self, stored: int) -> Picture:
        """What the store knows now, with this many records in it."""
        now_s = self._monotonic_s()
        self._marks = [*(mark for mark in self._marks if mark[0] > now_s - RATE_OVER_S), (now_s, stored)]
        (first_s, first), (last_s, last) = self._marks[0], self._marks[-1]
        return Picture(
            stations=self._store.rows(_STATIONS),
            counts=self._store.rows(_COUNTS)[0],
            stored=min(stored, self._expected),
            expected=self._expected,
            per_second=(last - first) / (last_s - first_s) if last_s > first_s else 0.0,
        )

    def render(self, picture: Picture) -> RenderableType:
        """The picture as a table with the stream's state below."""
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column("station")
        table.add_column("state", min_width=24, no_wrap=True)
        for header in ("run min", "good", "scrap", "rework", "OEE %", "cover. %"):
            table.add_column(header, justify="right", no_wrap=True)
        for row in picture.stations:
            table.add_row(Text(row["display"]), _state(row), *_numbers(row))
        bar = ProgressBar(total=picture.expected, completed=picture.stored, width=40)
        return Group(table, bar, Text(self.line(picture)))

    def line(self, picture: Picture) -> str:
        """The stream in one line."""
        counts = picture.counts
        at = datetime.fromtimestamp(counts["now_ms"] / 1000, UTC).astimezone(self._zone)
        return (
            f"{at:%H:%M} in the factory; {picture.stored:,} of {picture.expected:,} records stored, "
            f"{picture.per_second:,.0f}/s; {counts['duplicates']:,} doubled, {counts['late']:,} too late, "
            f"{counts['missing']:,} missing, {counts['rejected']:,} rejected"
        )


def _state(row: Row) -> Text:
    state = row["stop_state"] or row["told_state"] or "unknown"
    reason = f" {row['reason']}" if row["reason"] else ""
    return Text(f"{state}{reason}", style=STATE_STYLES.get(state, ""), overflow="ellipsis")


def _numbers(row: Row) -> tuple[str, ...]:
    run_min = f"{row['apt_ms'] / 60_000:,.0f}"
    pieces = (count(row[name]) for name in ("good", "scrap", "rework"))
    return (run_min, *pieces, percent(row["oee"]), percent(row["coverage"]))
