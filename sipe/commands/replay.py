"""`sipe replay LOG.csv --mapping MAP.toml`: an interval log through broker, flow and store, and its KPIs.

The id of a row comes from the digest of the file and the row's number within its station, so replaying the same file
into the same store changes nothing. A changed file is another source: replay it into another store, or its rows add up
with those of the old one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from connectors.clickhouse.client import Warehouse
from connectors.files.interval_log import IntervalLog, events_in_completion_order, read_interval_log, script
from connectors.files.mapping import LogMapping, load_mapping
from connectors.files.standards import read_standards, standard_events
from sipe.commands._kpi_table import kpi_table, legend
from sipe.commands._output import out, plural, print_json
from sipe.commands._system import add_data_option, passing_system, send_and_store, sending_system, settings_of

FIELDS = {
    "station": "display",
    "station_id": "station",
    "pbt_ms": "pbt_ms",
    "apt_ms": "apt_ms",
    "aust_ms": "aust_ms",
    "adet_ms": "adet_ms",
    "adot_ms": "adot_ms",
    "unknown_ms": "unknown_ms",
    "conflict_ms": "conflict_ms",
    "planned_run_ms": "planned_run_ms",
    "standard_coverage": "standard_coverage",
    "pq": "pq",
    "gq": "good",
    "sq": "scrap",
    "rq": "rework",
    "availability": "availability",
    "effectiveness": "effectiveness",
    "quality": "quality",
    "oee": "oee",
    "oee_low": "oee_low",
    "oee_high": "oee_high",
    "coverage": "coverage",
}
"""Each field of `--json`, and the column of `kpi_by_station` that it shows."""

_STATIONS = """
SELECT kpi.*, stations.has_calendar AS has_calendar
FROM kpi_by_station AS kpi LEFT JOIN stations_current AS stations USING (station)
WHERE station IN %(stations)s
ORDER BY display, station
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("log", type=Path, metavar="LOG.csv", help="the interval log, one row per reported interval")
    parser.add_argument("--mapping", type=Path, metavar="MAP.toml", required=True, help="what its columns mean")
    parser.add_argument("--json", action="store_true", help="print a JSON array, one object per station")
    add_data_option(parser)
    parser.epilog = (
        "Without --data and without a running stack, a temporary one is used. Replaying the same file again changes "
        "nothing: the id of a row comes from the file's digest and the row's number."
    )


def run(args: argparse.Namespace) -> int:
    """Read the whole log first, so that a mistake in it sends nothing; then send it, wait, and print."""
    mapping = load_mapping(args.mapping)
    log = read_interval_log(args.log, mapping)
    standards = read_standards(mapping)
    planned = standard_events(standards, log.events) if standards else []
    settings = settings_of(args)
    with sending_system(settings) if args.data else passing_system(settings) as runtime:
        send_and_store(runtime, script(events_in_completion_order([*planned, *log.events])))
        rows = station_rows(runtime.store(), log)
    if args.json:
        print_json([{field: row[column] for field, column in FIELDS.items()} for row in rows])
    else:
        _print_table(rows, log, mapping)
    return 0


def station_rows(store: Warehouse, log: IntervalLog) -> list[dict[str, Any]]:
    """The KPIs of the log's stations, by their names."""
    return store.rows(_STATIONS, {"stations": tuple(log.displays)})


def _print_table(rows: list[dict[str, Any]], log: IntervalLog, mapping: LogMapping) -> None:
    title = f"{log.path.name}: {plural(len(log.events), 'interval')} of {plural(len(rows), 'station')}"
    out().print(kpi_table(rows, {"station": lambda row: row["display"]}, title))
    for line in [*legend(rows), f"Convention of the mapping: {mapping.convention}.", *_working_time(rows)]:
        out().print(line)


def _working_time(rows: list[dict[str, Any]]) -> list[str]:
    without = [row["display"] for row in rows if not row["has_calendar"]]
    if not without:
        return []
    who = (
        "No station has" if len(without) == len(rows) else f"{plural(len(without), 'station has', 'stations have')} no"
    )
    calendar = "a calendar" if len(without) == len(rows) else "calendar"
    return [
        f"{who} {calendar}: planned around the clock from the first start to the last end; "
        "unreported time is UNKNOWN, neither run nor stop."
    ]
