"""`sipe reprocess`: fold a span of the past again from the archive, and swap in the rows that differ."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from connectors.clickhouse.client import Address, connect
from connectors.clickhouse.cuts import Cut, cuts
from models.fold.rules import FoldConfig
from pipelines.reprocess.job import Result, fold_again, one_at_a_time
from pipelines.reprocess.pending import asked_for, marks, settle, settle_marks, settled_by
from pipelines.reprocess.watch import watch
from pipelines.runtime.system import settings_within
from sipe.commands._output import count, note, out, plural, print_json, progress_bar
from sipe.commands._reading import matching, reading_system
from sipe.commands._system import add_data_option, settings_of, stop_event, time_span, unix_ms, working_system
from sipe.errors import UsageError
from sipe.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--from", dest="since", metavar="TIME", help="from here on: ISO 8601, UTC without an offset")
    parser.add_argument("--to", dest="until", metavar="TIME", help="before this time")
    parser.add_argument("--station", metavar="PATTERN", help="only stations whose id or name matches")
    parser.add_argument(
        "--pending", action="store_true", help="the station-days that late events and corrections have marked"
    )
    parser.add_argument("--watch", action="store_true", help="do the same again and again, as `sipe up` does by itself")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="worker processes (default: 2)")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = "The last 72 hours of a station are the running flow's and are left alone; `--to` is cut there."


def run(args: argparse.Namespace) -> int:
    """Reprocess; raises `SipeError` when another run is at work, or the store fails."""
    settings = settings_of(args)
    span = _checked(args)
    if args.watch:
        return _watch(args, settings)
    with ExitStack() as open_while:
        if settings.clickhouse_url:
            address = Address.parse(settings.clickhouse_url)
        else:
            address = open_while.enter_context(reading_system(settings)).system.store
        return _asked_for(args, settings, address, *span) if span else _pending(args, settings, address)


def _watch(args: argparse.Namespace, settings: Settings) -> int:
    stop = stop_event()
    if not settings.clickhouse_url:
        settings = settings_within(settings, working_system(settings))
    watch(settings, stop, processes=args.processes)
    return 0


def _checked(args: argparse.Namespace) -> tuple[datetime, datetime] | None:
    """The time that is asked for, None for what is marked; raises `UsageError`."""
    if args.processes < 1:
        raise UsageError(f"--processes {args.processes}: at least one is needed")
    if args.pending or args.watch:
        if args.since or args.until or args.station or args.dry_run:
            raise UsageError("--pending and --watch take what is marked; leave out --from, --to, --station, --dry-run")
        return None
    since, until = time_span(args.since, args.until, ("--from", "--to"))
    if since is None or until is None:
        raise UsageError("name the time to fold again with --from and --to, or --pending for what is marked")
    return since, until


def _asked_for(args: argparse.Namespace, settings: Settings, address: Address, since: datetime, until: datetime) -> int:
    with ExitStack() as open_while:
        open_while.enter_context(one_at_a_time(settings.data_dir))
        report = open_while.enter_context(progress_bar("station-days"))
        store = open_while.enter_context(connect(address))
        found = cuts(store, FoldConfig(), matching(store, args.station) if args.station else None)
        waiting = marks(store)  # after the cuts, so that none of before them is overlooked
        tasks = asked_for(found.values(), unix_ms(since), unix_ms(until))
        result = fold_again(address, tasks, processes=args.processes, dry_run=args.dry_run, report=report)
        if not args.dry_run:
            settle(address, settled_by(result.done, waiting), result.done)
    notes = _left_out(found, tasks, until)
    _say(args, result, notes)
    return 0


def _pending(args: argparse.Namespace, settings: Settings, address: Address) -> int:
    with one_at_a_time(settings.data_dir), progress_bar("station-days") as report:
        result = settle_marks(address, processes=args.processes, report=report)
    _say(args, result, [])
    return 0


def _left_out(found: dict[str, Cut], tasks: list[Any], until: datetime) -> list[str]:
    """What of the span was not looked at, and why."""
    if not found:
        return ["nothing is published yet: there is nothing to fold again"]
    cut_short = [cut for cut in found.values() if cut.floor_ms < unix_ms(until)]
    notes = []
    if cut_short:
        first = datetime.fromtimestamp(min(cut.floor_ms for cut in cut_short) / 1000, UTC)
        notes.append(
            f"the running flow restates the last 72 h itself: {plural(len(cut_short), 'station')} cut short, the first "
            f"at {first:%Y-%m-%dT%H:%M}Z; run it again when that time is older"
        )
    if missing := len(found) - len(tasks):
        notes.append(f"{plural(missing, 'station')} left out: all of the span lies within those 72 h")
    return notes


def _say(args: argparse.Namespace, result: Result, notes: list[str]) -> None:
    waiting = sum(done.resume_ms > 0 for done in result.done)
    numbers = {
        "stations": len({done.task.cut.station for done in result.done}),
        "events_read": result.total("events"),
        "cells_compared": result.total("compared"),
        "cells_changed": result.total("changed"),
        "stops_changed": result.total("stops_changed"),
        "seconds": round(result.seconds, 3),
        "dry_run": args.dry_run,
    }
    if waiting:
        notes = [*notes, f"{plural(waiting, 'station')}: a stop reaches into the last 72 h and waits until it is older"]
    if args.json:
        print_json(numbers | {"notes": notes})
        return
    for text in notes:
        note(text)
    would = "would change" if args.dry_run else "changed"
    out().print(
        f"{plural(numbers['stations'], 'station')}, {count(numbers['events_read'])} events read, "
        f"{count(numbers['cells_compared'])} cells compared: {count(numbers['cells_changed'])} cells and "
        f"{plural(numbers['stops_changed'], 'stop')} {would}, in {result.seconds:.1f} s"
    )
