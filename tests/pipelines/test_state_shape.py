"""What the flow saves has the shape that its version stands for."""

from __future__ import annotations

from pathlib import Path

from past_day import as_log
from state_shape import shape_of

from connectors.clickhouse.archive import Restored
from connectors.files.plant import read_plant
from connectors.kafka.records import Record
from connectors.kafka.source import Position
from models.fold.partition import PartitionFold
from models.fold.rules import FoldConfig
from models.twin.day import simulate
from pipelines.decode import DecodedBatch
from pipelines.fold import FoldLogic
from pipelines.runtime.recovery import STATE_VERSION
from sipe.contracts.codec import Reject, admit, build, encode
from sipe.contracts.events import Event

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
AT_MS = 1_772_445_600_000
SHAPE = Path(__file__).with_name("state_shape.txt")


def nothing_before(epoch: int, partition: int, offset: int) -> Restored:
    del epoch, partition, offset
    return Restored(PartitionFold(FoldConfig()), 0)


def state_of_a_day() -> FoldLogic:
    """What is held after half a day of every kind of event, ended between two ticks and after a poisonous message."""
    day = simulate(read_plant(PLANT), seed=5, scale=0.02, hours=12)
    events = as_log(day.script(3_600_000))
    told_at_the_end = {"type": "interval_reported", "station": "s.a.l.s", "boot": 1, "seq": 1, "ts_ms": AT_MS}
    events.insert(-1, build(told_at_the_end | {"from_ts_ms": AT_MS - 60_000, "state": "down", "good": 1}))
    records: list[tuple[Record, Event | Reject]] = [
        (Record(offset, AT_MS, None, encode(event)), event) for offset, event in enumerate(events[:-1])
    ]
    poison = Record(len(records), AT_MS, b"s.a.l.s", b"{")
    records.append((poison, admit(poison.value, poison.key, poison.timestamp_ms)))
    logic = FoldLogic(None, nothing_before)
    logic.on_batch([DecodedBatch(1, 0, records)])
    return logic


def test_the_saved_state_has_the_shape_of_its_version() -> None:
    logic = state_of_a_day()
    saved = (logic._fold, logic._pending, logic._tick_offset)
    position = " ".join(Position._fields)
    found = f"version {STATE_VERSION}\nPosition: {position}\n{shape_of(logic.snapshot(), saved)}"
    assert found == SHAPE.read_text(), (
        "What the flow saves has another shape than version "
        f"{STATE_VERSION}: raise STATE_VERSION in pipelines/runtime/recovery.py by one (unless no program of this "
        f"version was ever run), and write this into {SHAPE.name}:\n{found}"
    )
