"""`sipe simulate`: a seeded meter-factory day into the stream, and its ground truth into files."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from connectors.clickhouse.client import Warehouse
from connectors.files.plant import read_plant
from connectors.files.truth import write_truth
from models.twin import DAY_HOURS, Day, simulate
from pipelines.runtime.system import Runtime
from sipe.commands._output import listed, note, out, plural, print_json
from sipe.commands._plant import add_plant_option, paced
from sipe.commands._system import add_data_option, send_and_store, sending_system, settings_of
from sipe.errors import UsageError

TICK_MS = 60_000
TICK_IN_THE_PAST_MS = 30 * 86_400_000
"""Into a log whose time is ahead of the day, a tick restates all that is open up to the present: one, at the end."""

_COUNTS = """
SELECT sum(accepted) AS accepted, sum(duplicates) AS duplicates, sum(late) AS late
FROM stations_current WHERE station IN %(stations)s
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same day (default: 1)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="above 0, up to 1: how fast the plant works (default: 1)"
    )
    parser.add_argument("--hours", type=float, default=DAY_HOURS, help=f"at least 1 (default: {DAY_HOURS})")
    parser.add_argument(
        "--speed", type=float, default=0.0, help="N times real time; 0, the default, is as fast as it can"
    )
    parser.add_argument("--truth", type=Path, metavar="DIR", help="write the rows that must come out as CSV files")
    add_plant_option(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object: what was sent and how it was taken")
    add_data_option(parser)
    parser.epilog = (
        "The same day again changes nothing. A day of another seed has the same event ids: play it into another "
        "store (--data DIR)."
    )


def run(args: argparse.Namespace) -> int:
    """Send the day, wait until it is stored, and print what was made of it."""
    day = simulated_day(args)
    if args.truth:
        write_truth(day, args.truth)
    with sending_system(settings_of(args)) as runtime:
        note(f"{day.plant.name}, seed {day.seed}: {plural(len(day.sends), 'message')}")
        store = runtime.store()
        before, start_s = _counts(store, day), time.monotonic()
        send_and_store(runtime, paced(day, args.speed, _tick_ms(runtime, store, day)))
        seconds = time.monotonic() - start_s
        taken = {name: number - before[name] for name, number in _counts(store, day).items()}
    summary = {"plant": day.plant.name, "seed": day.seed, "sent": len(day.sends), **taken, "seconds": round(seconds, 1)}
    if args.json:
        print_json(summary | {"irregularities": day.irregularities})
        return 0
    out().print(f"{plural(len(day.sends), 'message')} sent and stored in {seconds:.1f} s")
    out().print(listed([f"{number:,} {name}" for name, number in taken.items()]))
    if not taken["accepted"]:
        out().print("Nothing is new: this day, or one with the same ids, was there already (see sipe simulate --help)")
    out().print("`sipe kpi` shows what came out")
    return 0


def simulated_day(args: argparse.Namespace) -> Day:
    """The day that the options ask for; raises `UsageError`."""
    if not 0 < args.scale <= 1:
        raise UsageError(f"--scale {args.scale:g} does not lie above 0 and up to 1")
    if not 1 <= args.hours <= 7 * 24:
        raise UsageError(f"--hours {args.hours:g} does not lie between 1 and {7 * 24}")
    if not 0 <= args.speed < float("inf"):
        raise UsageError(f"--speed {args.speed:g} is not 0 or more")
    return simulate(read_plant(args.plant), seed=args.seed, scale=args.scale, hours=args.hours)


def _tick_ms(runtime: Runtime, store: Warehouse, day: Day) -> int:
    log_ms: int = store.rows("SELECT max(now_ms) AS log_ms FROM flow_progress")[0]["log_ms"]
    has_ticker = runtime.flow is None  # a flow of somebody else is ticked by the clock on the wall
    return TICK_IN_THE_PAST_MS if has_ticker or log_ms > day.from_ms else TICK_MS


def _counts(store: Warehouse, day: Day) -> dict[str, int]:
    return store.rows(_COUNTS, {"stations": tuple(station.id for station in day.plant.stations)})[0]
