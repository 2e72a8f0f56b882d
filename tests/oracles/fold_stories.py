"""Random stories of one station, and what a store holds after a fold has told them."""

from __future__ import annotations

import pickle
import random
from typing import Any

import fold_oracle
from hypothesis import strategies as st

from models.fold.minutes import MinuteRun
from models.fold.partition import PartitionFold, Restatement
from models.fold.rules import MINUTE_MS, FoldConfig
from models.fold.stops import StopChange
from sipe.contracts import events as ev
from sipe.contracts.codec import build
from sipe.contracts.tables import MEASURES

STATION = "manaus.final.line-1.calibration"
BASE_MS = 1_772_445_600_000  # 2026-03-02T10:00:00Z, a Monday
STEP_MS = fold_oracle.STEP_MS
SPAN_STEPS = 60

Tables = tuple[dict[tuple[int, str, str, str], dict[str, int]], dict[int, tuple[Any, ...]]]


class Store:
    """What a store holds after the restatements so far."""

    def __init__(self) -> None:
        self.facts: dict[tuple[int, str, str, str], dict[str, int]] = {}
        self.stops: dict[int, tuple[Any, ...]] = {}

    def write(self, restatement: Restatement) -> None:
        self.change(restatement.minutes, restatement.stops)

    def change(self, minutes: list[MinuteRun], stops: list[StopChange]) -> None:
        for run in minutes:
            for i in range(run.minutes):
                key = (run.minute_ms + i * MINUTE_MS, run.order, run.product, run.shift)
                if run.is_deleted:
                    del self.facts[key]
                else:
                    self.facts[key] = {m.name: v for m, v in zip(MEASURES, run.measures, strict=True)}
        for change in stops:
            if change.is_deleted:
                del self.stops[change.stop.from_ms]
            else:
                self.stops[change.stop.from_ms] = tuple(change.stop)


steps = st.integers(0, SPAN_STEPS)
orders = st.sampled_from([None, "po-1", "po-2"])
products = st.sampled_from([None, "e31", "e34"])
reasons = st.sampled_from(["", "no material", "jam"])
states = st.sampled_from(["executing", "idle", "setup", "down", "maintenance", "planned_stop", "off"])
shifts = [
    {"name": "A", "start": "06:00", "end": "06:05"},
    {"name": "B", "start": "06:04", "end": "06:09"},
    {"name": "N", "start": "22:00", "end": "06:03"},
]


@st.composite
def told(draw: st.DrawFn) -> dict[str, Any]:
    """One event but for its identity."""
    kind = draw(
        st.sampled_from(
            ["state_changed"] * 5
            + ["interval_reported"] * 3
            + ["cycle_completed"] * 4
            + ["heartbeat", "station_born", "order_started", "order_ended", "operator_signed_on"]
            + ["operator_signed_off", "stop_classified", "unit_reclassified", "calendar_assigned"]
            + ["standard_time_set", "counting_authority_set"]
        )
    )
    at = BASE_MS + STEP_MS * draw(steps)
    source = draw(st.sampled_from(["device", "device", "device", "log-1", "log-2", "operator"]))
    fields: dict[str, Any] = {"type": kind, "source": source, "ts_ms": at}
    past = BASE_MS + STEP_MS * draw(st.integers(-60, (at - BASE_MS) // STEP_MS))
    step = draw(st.sampled_from(["calibrate", "verify"]))
    if kind == "state_changed":
        fields |= {"state": draw(states), "reason": draw(reasons), "order": draw(orders), "product": draw(products)}
    elif kind == "interval_reported":
        fields |= {"state": draw(states), "from_ts_ms": past, "order": draw(orders), "product": draw(products)}
        fields |= {name: draw(st.integers(0, 3)) for name in ("good", "scrap", "rework")}
        fields |= {"step": step, "planned_cycle_ms": draw(st.sampled_from([None, 700]))}
    elif kind == "cycle_completed":
        fields |= {"order": draw(orders) or "po-3", "product": draw(products) or "e31", "step": step, "qty": 1}
        fields |= {"result": draw(st.sampled_from(["good", "scrap", "rework"])), "cycle_ms": draw(st.integers(1, 9))}
        fields |= {"cycle_id": draw(st.sampled_from([None, "c1", "c2"]))}
        fields |= {"planned_cycle_ms": draw(st.sampled_from([None, None, 900]))}
    elif kind == "station_born":
        fields |= {"firmware": "1", "heartbeat_ms": draw(st.sampled_from([10_000, 90_000]))}
    elif kind in ("order_started", "order_ended"):
        fields |= {"order": draw(orders) or "po-1", "product": draw(products) or "e31", "planned_qty": 5}
    elif kind in ("operator_signed_on", "operator_signed_off"):
        fields |= {"operator": draw(st.sampled_from(["ana", "rui"])), "role": "tester"}
    elif kind == "stop_classified":
        fields |= {"from_ts_ms": past, "to_ts_ms": at, "stop_version": draw(st.integers(1, 3)), "by": "lead"}
        fields |= {"reason": draw(reasons), "source": "api"}
    elif kind == "unit_reclassified":
        fields |= {"serial": "s", "order": "po-1", "product": "e31", "step": step, "attempt": 1, "source": "api"}
        fields |= {"cycle_ts_ms": at, "result_before": "good", "result": "scrap", "reason": "x", "by": "lead"}
    elif kind == "calendar_assigned":
        calendar = {
            "zone": "America/Manaus",
            "shifts": draw(st.sampled_from([shifts, shifts[:1], []])),
            "breaks": draw(st.sampled_from([[], [{"name": "tea", "start": "06:06", "end": "06:07"}]])),
            "planned_stops": draw(st.sampled_from([[], [{"from_ms": BASE_MS + 90_000, "to_ms": BASE_MS + 220_000}]])),
        }
        fields |= {"valid_from_ms": draw(st.sampled_from([0, at])), "calendar": calendar, "source": "plant"}
    elif kind == "standard_time_set":
        fields |= {"valid_from_ms": at, "product": "e31", "step": step, "planned_cycle_ms": draw(st.integers(1, 9))}
        fields |= {"source": "plant"}
    elif kind == "counting_authority_set":
        fields |= {"valid_from_ms": at, "step": step, "source_kind": draw(st.sampled_from(["device", "log"]))}
        fields |= {"source": "plant"}
    return fields


@st.composite
def stories(draw: st.DrawFn) -> list[ev.StationEvent]:
    """Events of one station; a boot may be born again, and say something else."""
    found: list[ev.StationEvent] = []
    for seq, fields in enumerate(draw(st.lists(told(), min_size=1, max_size=25)), start=1):
        boot = 1 + (fields["ts_ms"] > BASE_MS + 300_000)
        event = build(fields | {"station": STATION, "boot": boot, "seq": seq})
        assert isinstance(event, ev.StationEvent)
        found.append(event)
    return found


def play(events: list[ev.StationEvent], rng: random.Random, end_ms: int, *, crash: bool = False) -> Store:
    """Send events in the given order with ticks at random moments; the last tick is at `end_ms`."""
    fold, store = PartitionFold(FoldConfig()), Store()
    now_ms = BASE_MS
    for event in events:
        fold.apply(event)
        if rng.random() < 0.3:
            now_ms = min(end_ms, now_ms + rng.choice([0, 1_000, 61_000, 300_000]))
            store.write(fold.tick(now_ms))
            if crash:
                fold = pickle.loads(pickle.dumps(fold))
    store.write(fold.tick(end_ms))
    return store
