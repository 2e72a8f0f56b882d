"""`sipe kpi`: the KPIs of what is stored, by station, line, order, shift or hour."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.kpi_sql import VIEWS, kpi_select
from sipe.commands._kpi_table import Row, kpi_table, legend
from sipe.commands._output import out, print_json
from sipe.commands._reading import EVERYTHING, Selection, add_selection_options, reading_system, selection_of
from sipe.commands._system import add_data_option, settings_of


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
    add_selection_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array, one object per row, with every sum and KPI"
    )
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the KPIs; no facts are an empty table."""
    selection = selection_of(args)
    with reading_system(settings_of(args)) as runtime:
        rows = kpi_rows(runtime.store(), args.by, selection)
    if args.json:
        print_json(rows)
    elif not rows:
        out().print("no facts yet: `sipe simulate` sends a factory day, `sipe replay` a log")
    else:
        out().print(kpi_table(rows, HEADINGS[args.by]))
        for line in legend(rows):
            out().print(line)
    return 0


def kpi_rows(store: Warehouse, by: str, selection: Selection = EVERYTHING) -> list[dict[str, Any]]:
    """The KPIs by one of `HEADINGS`, in the order of the group; raises `SipeError` when no station matches."""
    condition, parameters = selection.condition(store)
    group = VIEWS[f"kpi_by_{by}"]
    order = [name for name in ("hour",) if name in group] + [f"`{name}`" for name in group if name != "hour"]
    query = f"{kpi_select(group, condition)}\nORDER BY {', '.join(order)}"
    return store.rows(query, parameters)
