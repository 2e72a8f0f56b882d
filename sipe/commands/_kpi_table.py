"""KPI rows as a table that fits 120 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from sipe.commands._output import UNDEFINED, count, hours, percent

Row = Mapping[str, Any]


class _Column(NamedTuple):
    header: str
    cell: Callable[[Row], str]
    needed_by: str | None = None
    """Shown only when some row has this measure."""


def _effectiveness(row: Row) -> str:
    return percent(row["effectiveness"]) + ("*" if _is_too_fast(row) else "")


def _oee(row: Row) -> str:
    low, high = percent(row["oee_low"]), percent(row["oee_high"])
    return low if high in (low, UNDEFINED) else f"{low}-{high}"


_COLUMNS = (
    _Column("plan", lambda row: hours(row["pbt_ms"])),
    _Column("run", lambda row: hours(row["apt_ms"])),
    _Column("setup", lambda row: hours(row["aust_ms"]), "aust_ms"),
    _Column("delay", lambda row: hours(row["adet_ms"]), "adet_ms"),
    _Column("down", lambda row: hours(row["adot_ms"]), "adot_ms"),
    _Column("unkn.", lambda row: hours(row["unknown_ms"])),
    _Column("pieces", lambda row: count(row["pq"])),
    _Column("scrap", lambda row: count(row["scrap"]), "scrap"),
    _Column("rework", lambda row: count(row["rework"]), "rework"),
    _Column("avail", lambda row: percent(row["availability"])),
    _Column("effect", _effectiveness),
    _Column("qual.", lambda row: percent(row["quality"])),
    _Column("OEE", _oee),
    _Column("cover", lambda row: percent(row["coverage"])),
)

LEGEND = (
    "Hours: planned busy time, run (APT), setup (AUST), delay with an order (ADET), down without one (ADOT), unknown. "
    "KPIs in percent; OEE from-to: the unknown time counted as lost, or as run."
)
TOO_FAST = (
    "* Effectiveness above 100 %, shown as it is: the standard time is too generous, or run time went unreported."
)


def kpi_table(rows: Sequence[Row], group: Mapping[str, Callable[[Row], str]], title: str | None = None) -> Table:
    """The rows as a table: the columns of the group by their headers, then times, pieces and KPIs."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0), pad_edge=False)
    for header in group:
        table.add_column(header, overflow="fold")
    columns = [column for column in _COLUMNS if column.needed_by is None or any(row[column.needed_by] for row in rows)]
    for column in columns:
        table.add_column(column.header, justify="right", no_wrap=True)
    for row in rows:
        # As text: a name with square brackets is no markup.
        table.add_row(*(Text(cell(row)) for cell in group.values()), *(Text(column.cell(row)) for column in columns))
    return table


def legend(rows: Sequence[Row]) -> list[str]:
    """What the columns mean, and the flag where a row has it."""
    return [LEGEND, *([TOO_FAST] if any(map(_is_too_fast, rows)) else [])]


def _is_too_fast(row: Row) -> bool:
    return row["effectiveness"] is not None and row["effectiveness"] > 1
