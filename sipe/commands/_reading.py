"""What commands read: the store that is there, and which stations and times of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from connectors.clickhouse.client import Warehouse
from pipelines.runtime.system import Runtime, find
from sipe.commands._system import time_span, working_system
from sipe.errors import SipeError
from sipe.settings import Settings


class Selection(NamedTuple):
    """Which stations and minutes were asked for; None is all."""

    pattern: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def condition(self, store: Warehouse) -> tuple[str | None, dict[str, Any]]:
        """Trusted SQL over `station` and `minute`, and its parameters; raises `SipeError` when no station matches."""
        conditions: list[str] = []
        parameters: dict[str, Any] = {}
        if self.pattern:
            conditions.append("station IN %(stations)s")
            parameters["stations"] = matching(store, self.pattern)
        for name, operator, at in (("since", ">=", self.since), ("until", "<", self.until)):
            if at:
                conditions.append(f"minute {operator} toDateTime(%({name})s, 'UTC')")
                parameters[name] = round(at.timestamp())
        return " AND ".join(conditions) or None, parameters


EVERYTHING = Selection()


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Declare `--station`, `--from` and `--to`."""
    parser.add_argument(
        "--station", metavar="PATTERN", help="only stations whose id or name matches, such as '*line-1*'"
    )
    parser.add_argument(
        "--from", dest="since", metavar="TIME", help="from this time on: ISO 8601, UTC without an offset"
    )
    parser.add_argument("--to", dest="until", metavar="TIME", help="before this time")


def selection_of(args: argparse.Namespace) -> Selection:
    """What the options ask for; raises `UsageError`."""
    return Selection(args.station, *time_span(args.since, args.until, ("--from", "--to")))


@contextmanager
def reading_system(settings: Settings) -> Iterator[Runtime]:
    """The system that runs, else a store on the data directory for as long as this takes; raises `SipeError`."""
    if not find(settings) and not (settings.data_dir / "clickhouse").is_dir():
        working_system(settings)  # says that there is none
    with Runtime(settings, flow=False) as runtime:
        yield runtime


def matching(store: Warehouse, pattern: str) -> tuple[str, ...]:
    """The stations whose id or name matches; raises `SipeError` when none does."""
    names = store.rows("SELECT station, display FROM stations_current ORDER BY station")
    found = tuple(
        row["station"] for row in names if any(fnmatchcase(name.lower(), pattern.lower()) for name in row.values())
    )
    if not found:
        raise SipeError(f"no station matches {pattern!r}; `sipe kpi` lists those that have facts")
    return found
