"""The plant that commands send or simulate, and a simulated day in the pace that was asked for."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from models.twin import Day, Send
from sipe.contracts.events import StationEvent
from sipe.contracts.script import Tick

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"


def add_plant_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--plant FILE`."""
    parser.add_argument(
        "--plant", type=Path, metavar="PLANT.toml", default=EXAMPLE, help="default: examples/plant.toml"
    )


def paced(day: Day, speed: float, tick_ms: int) -> Iterator[StationEvent | Tick]:
    """The day's events and ticks, `speed` times as fast as they happened; 0 is without any pause."""
    start_s = time.monotonic()
    for item in day.script(tick_ms):
        at_ms = item.at_ms if isinstance(item, Send) else item.now_ms
        if speed:
            due_s = start_s + (at_ms - day.from_ms) / 1000 / speed
            time.sleep(max(0.0, due_s - time.monotonic()))
        yield item.event if isinstance(item, Send) else item
