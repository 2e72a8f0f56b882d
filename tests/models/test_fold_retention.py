"""A fold that forgets publishes what one that never forgets publishes, for every event that is not late."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from models.fold.intake import Outcome
from models.fold.partition import PartitionFold, Restatement
from models.fold.rules import DAY_MS, HOUR_MS, MINUTE_MS, FoldConfig
from sipe.contracts.codec import build
from sipe.contracts.events import StationEvent

STATION = "manaus.final.line-1.packing"
T0 = 1_772_445_600_000  # 2026-03-02T10:00:00Z, a Monday
SPAN_MS = 2 * DAY_MS
HORIZON_MS = 2 * HOUR_MS
INTERVAL_MS = 3 * HOUR_MS
STATES = ["executing", "idle", "setup", "down", "maintenance", "planned_stop", "off"]


class Forgetful(FoldConfig):
    """Everything on a scale of hours, so that the floor rises many times while the story lasts."""

    @property
    def reach_ms(self) -> int:
        return HORIZON_MS + INTERVAL_MS


class Endless(FoldConfig):
    """The same, but nothing is ever out of reach."""

    @property
    def reach_ms(self) -> int:
        return 1 << 62


LIMITS: dict[str, int] = {"horizon_ms": HORIZON_MS, "retire_ms": 9 * HOUR_MS}


class Tables:
    """A fold of one station, and what a store holds after its restatements."""

    def __init__(self, config: FoldConfig) -> None:
        self.fold = PartitionFold(config)
        self.facts: dict[tuple[int, str, str, str], tuple[int, ...]] = {}
        self.stops: dict[int, tuple[Any, ...]] = {}
        self.counts: tuple[Any, ...] = ()

    def apply(self, event: StationEvent) -> Outcome:
        return self.fold.apply(event)

    def tick(self, now_ms: int) -> Restatement:
        restatement = self.fold.tick(now_ms)
        for run in restatement.minutes:
            for i in range(run.minutes):
                key = (run.minute_ms + i * MINUTE_MS, run.order, run.product, run.shift)
                if run.is_deleted:
                    del self.facts[key]
                else:
                    self.facts[key] = run.measures
        for change in restatement.stops:
            if change.is_deleted:
                del self.stops[change.stop.from_ms]
            else:
                self.stops[change.stop.from_ms] = tuple(change.stop)
        self.counts = tuple(restatement.stations[-1]) if restatement.stations else self.counts
        return restatement


def calendar(random: Random) -> dict[str, Any]:
    first = {"name": "A", "start": "06:00", "end": random.choice(["14:00", "22:00"])}
    tea = {"name": "tea", "start": "09:00", "end": "09:15"}
    return {"zone": "America/Manaus", "shifts": random.choice([[], [first]]), "breaks": random.choice([[], [tea]])}


def instant(random: Random, from_ms: int, to_ms: int) -> int:
    """Any millisecond, but often the border of a minute."""
    at_ms = random.randrange(from_ms, to_ms)
    return at_ms if random.random() < 0.5 else max(from_ms, at_ms - at_ms % MINUTE_MS)


def told(random: Random, source: str, at_ms: int) -> dict[str, Any]:
    """What a source says at an instant; corrections and definitions speak of time that is surely within reach."""
    order = {"order": random.choice(["po-1", "po-2"]), "product": random.choice(["e31", "e34"])}
    past_ms = instant(random, at_ms - INTERVAL_MS, at_ms + 1)
    near_ms = instant(random, at_ms - HORIZON_MS, at_ms + 1)
    counted = {"step": random.choice(["pack", "weigh"])}
    if source == "api":
        span = {"from_ts_ms": near_ms, "to_ts_ms": at_ms, "stop_version": random.randint(1, 3), "by": "lead"}
        moved = {"result_before": "good", "result": "scrap", "serial": "s", "attempt": 1, "by": "lead", "reason": "x"}
        return random.choice([
            {"type": "stop_classified", "reason": random.choice(["jam", "no material"]), **span},
            {"type": "unit_reclassified", "cycle_ts_ms": near_ms, **order, **counted, **moved},
        ])  # fmt: skip
    if source == "plant":
        return random.choice([
            {"type": "calendar_assigned", "valid_from_ms": at_ms, "calendar": calendar(random)},
            {"type": "standard_time_set", "valid_from_ms": at_ms, "product": "e31", "planned_cycle_ms": 7, **counted},
            {"type": "counting_authority_set", "valid_from_ms": at_ms, "source_kind": "operator", **counted},
        ])  # fmt: skip
    cycle = {"qty": 1, "result": random.choice(["good", "scrap"]), "cycle_ms": 9, **order, **counted}
    state = {"state": random.choice(STATES), "reason": random.choice(["", "jam"])}
    quantities = {"good": random.randint(0, 2), "scrap": random.randint(0, 1), "step": "pack"}
    return random.choice([
        {"type": "state_changed", **state},
        {"type": "state_changed", **state, **order},
        {"type": "interval_reported", "from_ts_ms": past_ms, **state, **order, **quantities},
        {"type": "cycle_completed", "cycle_id": f"{at_ms // HOUR_MS}", **cycle},
        {"type": "cycle_completed", **cycle},
        {"type": "heartbeat"},
        {"type": "order_started", "planned_qty": 5, **order},
        {"type": "order_ended", "planned_qty": 5, **order},
        {"type": random.choice(["operator_signed_on", "operator_signed_off"]), "operator": "ana", "role": "packer"},
    ])  # fmt: skip


def story(random: Random) -> list[tuple[int, StationEvent]]:
    """Events of sources that come and go, with the moment at which each arrives, later than it was by up to an hour."""
    found: list[tuple[int, StationEvent]] = []
    for source in random.sample(["device", "device-2", "operator", "api", "plant"], random.randint(2, 5)):
        seq, boot = 0, 1
        at_ms = T0 + random.randrange(SPAN_MS // 2)
        fields: dict[str, Any] = {"type": "heartbeat"}
        if source.startswith("device"):
            fields = {"type": "station_born", "firmware": "1", "heartbeat_ms": random.choice([10_000, HOUR_MS])}
        while at_ms < T0 + SPAN_MS:
            if source in ("api", "plant") and fields["type"] == "heartbeat":
                fields = told(random, source, at_ms)
            seq += random.choice([1, 1, 1, 2])
            event = build({"station": STATION, "source": source, "boot": boot, "seq": seq, "ts_ms": at_ms, **fields})
            assert isinstance(event, StationEvent)
            for _ in range(random.choice([1, 1, 1, 2])):
                found.append((at_ms + random.choice([0, 0, random.randrange(HORIZON_MS)]), event))
            silence_ms = random.choice([MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, HOUR_MS, 5 * HOUR_MS, 20 * HOUR_MS])
            at_ms = instant(random, at_ms, at_ms + silence_ms)
            fields = told(random, source, at_ms)
            if source == "device" and silence_ms > HOUR_MS and random.random() < 0.5:
                boot, seq = boot + 1, 0
                fields = {"type": "station_born", "firmware": "1", "heartbeat_ms": random.choice([10_000, HOUR_MS])}
    return sorted(found, key=lambda arrival: arrival[0])


@given(st.integers(0, 2**32))
@example(755_004)  # a boot speaks again, within reach, after the next one has begun
def test_forgetting_changes_nothing_that_is_published(seed: int) -> None:
    random = Random(seed)
    forgetful, endless = Tables(Forgetful(**LIMITS)), Tables(Endless(**LIMITS))
    tick_every_ms = random.choice([7 * MINUTE_MS, 40 * MINUTE_MS, HOUR_MS + 1])
    tick_ms = T0
    for arrives_ms, event in story(random):
        while tick_ms < arrives_ms:
            floor_ms = station.floor_ms if (station := forgetful.fold.stations.get(STATION)) else 0
            restatement = forgetful.tick(tick_ms)
            assert all(run.minute_ms >= floor_ms for run in restatement.minutes)
            endless.tick(tick_ms)
            tick_ms += tick_every_ms if arrives_ms - tick_ms < 2 * HOUR_MS else HOUR_MS
            if random.random() < 0.02:
                forgetful.fold = pickle.loads(pickle.dumps(forgetful.fold))
        forgetful.apply(event)
        endless.apply(event)
    for table in (forgetful, endless):
        table.tick(T0 + 2 * SPAN_MS)
        assert all(minute_ms >= T0 - DAY_MS for minute_ms, *_ in table.facts)
    assert forgetful.facts == endless.facts
    assert sorted(forgetful.stops.values()) == sorted(endless.stops.values())
