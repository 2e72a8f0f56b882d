"""`sipe plant apply PLANT.toml`: calendars, standard times and counting authorities into the stream."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from connectors.clickhouse.client import Warehouse
from connectors.files.plant import read_plant
from models.plant import plant_events
from sipe.clock import SystemClock
from sipe.commands._output import out, plural, print_json
from sipe.commands._system import add_data_option, send_and_store, sending_system, settings_of, time_option
from sipe.contracts.schema import event_type
from sipe.contracts.script import Tick

SOURCE = "plant"
_LAST_BOOT = "SELECT max(boot) AS boot FROM events WHERE source = %(source)s"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's actions and options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    apply = actions.add_parser("apply", help="send what a plant file says", description="Send what a plant file says.")
    apply.add_argument("plant", type=Path, metavar="PLANT.toml", help="see examples/plant.toml")
    apply.add_argument("--from", dest="since", metavar="TIME", help="valid from this time on (default: now)")
    apply.add_argument("--json", action="store_true", help="print a JSON object: events by type")
    add_data_option(apply)


def run(args: argparse.Namespace) -> int:
    """Send the plant, wait until the store knows it, and print what was sent."""
    plant = read_plant(args.plant)
    since = time_option(args.since, "--from")
    with sending_system(settings_of(args)) as runtime:
        now_ms = SystemClock().now_ms()
        valid_from_ms = round(since.timestamp() * 1000) if since else None
        boot = _next_boot(runtime.store(), now_ms)
        events = plant_events(plant, now_ms, boot=boot, source=SOURCE, valid_from_ms=valid_from_ms)
        send_and_store(runtime, [*events, Tick(now_ms)])
    sent = Counter(event_type(event) for event in events)
    if args.json:
        print_json({"plant": plant.name, "stations": len(plant.stations), "events": dict(sent)})
        return 0
    out().print(f"{plant.name}: {plural(len(plant.stations), 'station')}")
    for type_, number in sent.items():
        out().print(f"  {number:>5}  {type_}")
    return 0


def _next_boot(store: Warehouse, now_ms: int) -> int:
    """The time in seconds, but always above every plant sent before: each sending replaces the one before."""
    last: int = store.rows(_LAST_BOOT, {"source": SOURCE})[0]["boot"]
    return max(now_ms // 1000, last + 1)
