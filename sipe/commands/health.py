"""`sipe health`: what became of the messages of each station, how late they were visible, and what is not known."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.health_sql import health_select
from sipe.commands._output import UNDEFINED, count, out, percent, print_json
from sipe.commands._reading import EVERYTHING, Selection, add_selection_options, reading_system, selection_of
from sipe.commands._system import add_data_option, settings_of

Row = dict[str, Any]

GROUPS = {"station": ("station",), "minute": ("station", "minute")}
LEGEND = (
    "Received = accepted + doubled + late + rejected, by the minute of the tick that took them in. "
    "Missing: the change of gaps in the numbering. Skew: the record's time less the event's. "
    "Visible after: from the event's time until its rows were stored, of live events of the last 30 days."
)


class _Column(NamedTuple):
    header: str
    cell: Callable[[Row], str]


def _seconds(value_ms: float | None) -> str:
    return UNDEFINED if value_ms is None else f"{value_ms / 1000:,.1f}"


_COLUMNS = (
    _Column("received", lambda row: count(row["received"])),
    _Column("accepted", lambda row: count(row["accepted"])),
    _Column("doubled", lambda row: count(row["duplicates"])),
    _Column("late", lambda row: count(row["late"])),
    _Column("missing", lambda row: count(row["missing"])),
    _Column("rejected", lambda row: count(row["rejected"])),
    _Column("skew s", lambda row: _seconds(row["skew_mean_ms"])),
    _Column("visible after s: p50", lambda row: _seconds(row["latency_p50_ms"])),
    _Column("p95", lambda row: _seconds(row["latency_p95_ms"])),
    _Column("p99", lambda row: _seconds(row["latency_p99_ms"])),
    _Column("max", lambda row: _seconds(row["latency_max_ms"])),
    _Column("cover", lambda row: percent(row["coverage"])),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--by", choices=tuple(GROUPS), default="station", help="default: station")
    add_selection_options(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON array, one object per row")
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the health; nothing received is an empty table."""
    selection = selection_of(args)
    with reading_system(settings_of(args)) as runtime:
        rows = health_rows(runtime.store(), args.by, selection)
    if args.json:
        print_json(rows)
    elif not rows:
        out().print("nothing was received: `sipe simulate` sends a factory day, `sipe replay` a log")
    else:
        out().print(_table(rows))
        out().print(LEGEND)
    return 0


def health_rows(store: Warehouse, by: str, selection: Selection = EVERYTHING) -> list[Row]:
    """The health by one of `GROUPS`, in its order; raises `SipeError` when no station matches."""
    condition, parameters = selection.condition(store)
    group = GROUPS[by]
    return store.rows(f"{health_select(group, condition)}\nORDER BY {', '.join(reversed(group))}", parameters)


def _table(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0), pad_edge=False)
    has_minutes = "minute" in rows[0]
    if has_minutes:
        table.add_column("minute (UTC)", no_wrap=True)
    table.add_column("station", overflow="fold")
    for column in _COLUMNS:
        table.add_column(column.header, justify="right")
    for row in rows:
        cells = [f"{row['minute']:%m-%d %H:%M}"] if has_minutes else []
        cells.append(row["station"] or "(no station)")
        table.add_row(*(Text(cell) for cell in cells), *(Text(column.cell(row)) for column in _COLUMNS))
    return table
