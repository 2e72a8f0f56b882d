"""`sipe kpi`: the KPIs of what is stored, by station, line, order, shift or hour."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.kpi_sql import VIEWS, kpi_select
from pipelines.runtime.system import Runtime, find
from sipe.commands._kpi_table import Row, kpi_table, legend
from sipe.commands._output import out, print_json
from sipe.commands._system import add_data_option, settings_of, time_option, working_system
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings


def _line(row: Row) -> str:
    return f"{row['site']}.{row['area']}.{row['line']}"


def _or_none(column: str) -> Callable[[Row], str]:
    return lambda row: row[column] or "(none)"


HEADINGS: dict[str, dict[str, Callable[[Row], str]]] = {
    "station": {"station": lambda row: row["display"]},
    "line": {"line": _line},
    "order": {"site": lambda row: row["site"], "order": _or_none("order")},
    "shift": {"line": _line, "shift": _or_none("shift")},
    "hour": {"hour (UTC)": lambda row: f"{row['hour']:%m-%d %H:%M}", "station": lambda row: row["display"]},
}
"""The first columns of each table."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--by", choices=tuple(HEADINGS), default="station", help="default: station")
    parser.add_argument(
        "--station", metavar="PATTERN", help="only stations whose id or name matches, such as '*line-1*'"
    )
    parser.add_argument(
        "--from", dest="since", metavar="TIME", help="from this time on: ISO 8601, UTC without an offset"
    )
    parser.add_argument("--to", dest="until", metavar="TIME", help="before this time")
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array, one object per row, with every sum and KPI"
    )
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the KPIs; no facts are an empty table."""
    since, until = time_option(args.since, "--from"), time_option(args.until, "--to")
    if since and until and until <= since:
        raise UsageError(f"--to {args.until} does not lie after --from {args.since}")
    with reading_system(settings_of(args)) as runtime:
        rows = kpi_rows(runtime.store(), args.by, pattern=args.station, since=since, until=until)
    if args.json:
        print_json(rows)
    elif not rows:
        out().print("no facts yet: `sipe simulate` sends a factory day, `sipe replay` a log")
    else:
        out().print(kpi_table(rows, HEADINGS[args.by]))
        for line in legend(rows):
            out().print(line)
    return 0


@contextmanager
def reading_system(settings: Settings) -> Iterator[Runtime]:
    """The system that runs, else a store on the data directory for as long as this takes; raises `SipeError`."""
    if not find(settings) and not (settings.data_dir / "clickhouse").is_dir():
        working_system(settings)  # says that there is none
    with Runtime(settings, flow=False) as runtime:
        yield runtime


def kpi_rows(
    store: Warehouse,
    by: str,
    *,
    pattern: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """The KPIs by one of `HEADINGS`, in the order of the group; raises `SipeError` when no station matches."""
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if pattern:
        conditions.append("station IN %(stations)s")
        parameters["stations"] = matching(store, pattern)
    if since:
        conditions.append("minute >= toDateTime(%(since)s, 'UTC')")
        parameters["since"] = round(since.timestamp())
    if until:
        conditions.append("minute < toDateTime(%(until)s, 'UTC')")
        parameters["until"] = round(until.timestamp())
    group = VIEWS[f"kpi_by_{by}"]
    order = [name for name in ("hour",) if name in group] + [f"`{name}`" for name in group if name != "hour"]
    query = f"{kpi_select(group, ' AND '.join(conditions) or None)}\nORDER BY {', '.join(order)}"
    return store.rows(query, parameters)


def matching(store: Warehouse, pattern: str) -> tuple[str, ...]:
    """The stations whose id or name matches; raises `SipeError` when none does."""
    names = store.rows("SELECT station, display FROM stations_current ORDER BY station")
    found = tuple(
        row["station"] for row in names if any(fnmatchcase(name.lower(), pattern.lower()) for name in row.values())
    )
    if not found:
        raise SipeError(f"no station matches {pattern!r}; `sipe kpi` lists those that have facts")
    return found
