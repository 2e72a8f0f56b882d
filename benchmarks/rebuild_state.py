"""How long the flow stands still while it rebuilds its state from the archive.

    python benchmarks/rebuild_state.py [--stations 200] [--days 3] [--events-per-minute 1]

Fills an embedded store with events and facts, as a flow of one partition leaves them, and times `restore`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from connectors.clickhouse.archive import restore
from connectors.clickhouse.client import Warehouse
from models.fold.rules import DAY_MS, MINUTE_MS, FoldConfig
from pipelines.runtime.system import Runtime
from sipe.contracts.tables import version_of
from sipe.settings import Settings

_STATION = "concat('manaus.final.line-1.station-', toString(modulo(number, %(stations)s)))"
_EVENTS = f"""
INSERT INTO events
SELECT {_STATION} AS station, fromUnixTimestamp64Milli(toInt64(ts_ms)) AS ts, 'cycle_completed', 'device', 1, seq,
    1, 0, number, ts, 'accepted',
    concat('{{"type":"cycle_completed","station":"', station, '","boot":1,"seq":', toString(seq), ',"ts_ms":',
        toString(ts_ms), ',"order":"po-1","product":"e31","step":"close","qty":1,"result":"good","cycle_ms":900}}')
FROM (
    SELECT number, intDiv(number, %(stations)s) + 1 AS seq, %(start_ms)s + seq * %(every_ms)s AS ts_ms
    FROM numbers(%(events)s)
)
"""  # noqa: S608  constants only
_FACTS = f"""
INSERT INTO minute_facts (station, minute, order, product, shift, pbt_ms, closed, version, is_deleted)
SELECT {_STATION}, toDateTime(intDiv(%(start_ms)s, 1000) + 60 * intDiv(number, %(stations)s), 'UTC'),
    'po-1', 'e31', '', 60000, 1, %(version)s, 0
FROM numbers(%(facts)s)
"""  # noqa: S608  constants only
_PROGRESS = "INSERT INTO flow_progress SELECT 0, 1, %(events)s, %(events)s, %(now_ms)s, %(version)s"


def fill(store: Warehouse, start_ms: int, stations: int, days: int, events_per_minute: int) -> int:
    """Write what a flow would have written; returns the number of events."""
    events = stations * days * DAY_MS // MINUTE_MS * events_per_minute
    scope = {
        "stations": stations,
        "events": events,
        "facts": stations * days * DAY_MS // MINUTE_MS,
        "start_ms": start_ms,
        "every_ms": MINUTE_MS // events_per_minute,
        "now_ms": start_ms + days * DAY_MS,
        "version": version_of(1, events - 1),
    }
    for statement in (_EVENTS, _FACTS, _PROGRESS):
        store.run(statement, scope)
    return events


def main() -> None:
    """Fill, restore, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--events-per-minute", type=int, default=1)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        Runtime(Settings(data_dir=Path(directory)), serve=True, flow=False) as runtime,
    ):
        start_ms = int(time.time()) // 86_400 * DAY_MS - args.days * DAY_MS  # retention takes the bytes of old events
        events = fill(runtime.store(), start_ms, args.stations, args.days, args.events_per_minute)
        began_s = time.monotonic()
        fold = restore(runtime.system.store, FoldConfig(), 1, 0, events).fold
        took_s = time.monotonic() - began_s
    taken = sum(station.accepted for station in fold.stations.values())
    pieces = sum(len(station.pieces) for station in fold.stations.values())
    if taken != events or not pieces:
        sys.exit(f"{taken} events of {events} and {pieces} minutes with pieces came back: nothing was measured")
    print(
        f"{len(fold.stations)} stations, {args.days} days, {events:,} events: {took_s:.1f} s, "
        f"{took_s / len(fold.stations) * 1000:.0f} ms a station, {events / took_s:,.0f} events/s"
    )


if __name__ == "__main__":
    main()
