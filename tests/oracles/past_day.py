"""A short simulated day that is long over, and what a store knows of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.files.plant import read_plant
from models.fold.rules import DAY_MS, MINUTE_MS, FoldConfig
from models.twin.day import simulate
from models.twin.link import Send
from pipelines.reprocess.job import Result, fold_again
from pipelines.reprocess.pending import asked_for
from sipe.contracts.codec import build
from sipe.contracts.events import ClockAdvanced, Event, StationEvent
from sipe.contracts.script import Tick

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
LATER_MS = 11 * DAY_MS
"""So long after the day all of it lies before every floor, also that of stations with a source that speaks seldom."""


def as_log(script: Iterable[Send | Tick]) -> list[Event]:
    """What a script sends, as it lies in the log."""
    return [ClockAdvanced(now_ms=item.now_ms) if isinstance(item, Tick) else item.event for item in script]


def some_hours(stations: int) -> list[Event]:
    """Some hours of some stations of a factory, with its ticks."""
    script = as_log(simulate(read_plant(PLANT), seed=5, hours=5, scale=0.05).script(20 * MINUTE_MS))
    names = names_of(script)[:stations]
    return [event for event in script if isinstance(event, ClockAdvanced) or event.station in names]


def end_of(day: list[Event]) -> int:
    """The time of the last event."""
    return max(event.ts_ms for event in day if isinstance(event, StationEvent))


def names_of(day: list[Event]) -> list[str]:
    """The stations."""
    return sorted({event.station for event in day if isinstance(event, StationEvent)})


def say(station: str, type_: str, at_ms: int, seq: int, **fields: Any) -> Event:
    """An event of a boot that the day does not know."""
    given = {"type": type_, "station": station, "boot": 99, "seq": seq, "ts_ms": at_ms}
    return build(given | fields)


def later(day: list[Event]) -> list[Event]:
    """A sign of life of every station when the day is long over."""
    at_ms = end_of(day) + LATER_MS
    return [*(say(name, "heartbeat", at_ms, 1) for name in names_of(day)), ClockAdvanced(now_ms=at_ms + 1)]


def tables(store: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """What is known now, whenever it became known."""
    return {
        "minute_facts": store.rows("SELECT * EXCEPT (closed, version) FROM minute_facts_current ORDER BY ALL"),
        "stops": store.rows("SELECT * EXCEPT version FROM stops_current ORDER BY ALL"),
    }


def again(address: Address, store: Warehouse, from_ms: int = 0, to_ms: int = 1 << 41, **options: Any) -> Result:
    """Fold a span again, in this process."""
    found = cuts(store, FoldConfig())
    return fold_again(address, asked_for(found.values(), from_ms, to_ms), **({"processes": 1} | options))
