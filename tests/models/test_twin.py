from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from models.plant import Plant, parse_plant
from models.twin import Day, FactRow, Send, StopRow, simulate
from models.twin.hours import hours
from models.twin.noise import FITTED
from models.twin.truth import truth_of
from sipe.contracts.calendar import Break, Calendar, DayException, PlannedStop, Shift
from sipe.contracts.codec import decode, encode
from sipe.contracts.events import (
    CalendarAssigned,
    CountingAuthoritySet,
    CycleCompleted,
    GapDetected,
    Heartbeat,
    OperatorSignedOff,
    OperatorSignedOn,
    OrderEnded,
    OrderStarted,
    StandardTimeSet,
    StateChanged,
    StationBorn,
    StationEvent,
    StopClassified,
    UnitReclassified,
)
from sipe.contracts.script import Tick
from sipe.contracts.tables import DIMENSIONS, MEASURES, STOPS

STATION = "a.b.c.bench"
T0 = 1_772_445_600_000
MINUTE = 60_000
ALWAYS = Calendar(zone="UTC", shifts=(Shift(name="A", start="00:00", end="00:00"),))


def plant() -> Plant:
    example = Path(__file__).resolve().parents[2] / "examples/plant.toml"
    return parse_plant(tomllib.loads(example.read_text(encoding="utf-8")))


@cache
def day() -> Day:
    return simulate(plant(), seed=11, scale=0.05)


def unique(events: list[StationEvent]) -> dict[tuple[str, str, int, int], StationEvent]:
    return {(event.station, event.source, event.boot, event.seq): event for event in events}


def lines(day: Day) -> list[bytes]:
    return [b"%d %s" % (send.at_ms, encode(send.event)) for send in day.sends]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    again = simulate(plant(), seed=11, scale=0.05)
    other = simulate(plant(), seed=12, scale=0.05)
    assert lines(again) == lines(day())
    assert again.truth == day().truth
    assert lines(other) != lines(day())


def test_every_event_passes_the_contract() -> None:
    for event in day().events:
        assert decode(encode(event)) == event


def test_events_are_numbered_without_holes_but_for_what_was_lost() -> None:
    numbers = defaultdict(set)
    declared: Counter[tuple[str, str, int]] = Counter()
    for station, source, boot, seq in unique(day().events):
        numbers[station, source, boot].add(seq)
    for event in unique(day().events).values():
        if isinstance(event, GapDetected):
            declared[event.station, event.source, event.boot] = event.last_missing - event.first_missing + 1
    for line, seqs in numbers.items():
        assert max(seqs) - len(seqs) == declared[line], line
    assert sum(declared.values()) == day().irregularities["lost"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_irregularity_happens(seed: int) -> None:
    missing = [name for name, count in simulate(plant(), seed=seed, scale=0.05).irregularities.items() if count == 0]
    assert missing == []


def test_irregularities_are_counted_as_sent() -> None:
    sent = Counter((event.station, event.source, event.boot, event.seq) for event in day().events)
    assert day().irregularities["doubled"] == sum(count - 1 for count in sent.values())
    late = [send for send in day().sends if send.event.replayed and send.at_ms - send.event.ts_ms >= 10 * MINUTE]
    assert late
    assert max(send.at_ms - send.event.ts_ms for send in late) <= 45 * MINUTE


def test_a_silent_device_is_silent_for_three_heartbeats() -> None:
    gap = next(event for event in day().events if isinstance(event, GapDetected))
    birth = next(e for e in day().events if isinstance(e, StationBorn) and e.station == gap.station)
    times = sorted(e.ts_ms for e in day().events if (e.station, e.source) == (gap.station, gap.source))
    assert max(b - a for a, b in pairwise(times)) > 3 * birth.heartbeat_ms
    assert sum(row.unknown_ms for row in day().truth.facts if row.station == gap.station) > 0


def test_positions_share_a_cycle() -> None:
    sizes = Counter(
        (event.station.rpartition(".")[2], event.boot, event.cycle_id)
        for event in unique(day().events).values()
        if isinstance(event, CycleCompleted) and event.cycle_id is not None
    )
    usual = {station: Counter(n for (s, _, _), n in sizes.items() if s == station).most_common(1)[0][0]
             for station, _, _ in sizes}  # fmt: skip
    assert usual == {"calibration": 24, "press-1": 8, "press-2": 8}


def test_the_script_never_runs_ahead_of_its_ticks() -> None:
    now_ms, sends, ticks = 0, 0, []
    for entry in day().script():
        if isinstance(entry, Tick):
            assert entry.now_ms > now_ms
            now_ms = entry.now_ms
            ticks.append(now_ms)
        else:
            assert now_ms <= entry.at_ms < now_ms + MINUTE
            assert entry.event.ts_ms <= entry.at_ms
            sends += 1
    assert sends == len(day().sends)
    assert ticks == list(range(day().from_ms, day().now_ms + 1, MINUTE))


def test_truth_rows_are_the_rows_of_the_contract() -> None:
    names = tuple(column.name for column in (*DIMENSIONS, *MEASURES))
    assert tuple(name.removesuffix("_ms") if name == "minute_ms" else name for name in FactRow._fields) == names
    stop_names = {column.name for column in STOPS.columns} - {"version", "is_deleted"}
    assert {name.replace("_ms", "_ts") for name in StopRow._fields} == stop_names
    keys = [row[:5] for row in day().truth.facts]
    assert keys == sorted(set(keys))
    assert all(any(row[5:]) for row in day().truth.facts)


def test_truth_partitions_planned_busy_time() -> None:
    planned: Counter[str] = Counter()
    for row in day().truth.facts:
        assert row.pbt_ms == row.apt_ms + row.aust_ms + row.adet_ms + row.adot_ms + row.unknown_ms
        assert row.down_ms <= row.adet_ms + row.adot_ms
        assert row.worked_ms <= row.attended_ms
        planned[row.station] += row.pbt_ms + (row.planned_stop_ms if row.shift else 0)
    # Inside shifts all time is busy or a planned stop: 16 h in two shifts, and half an hour of the presses' third.
    for press in ("press-1", "press-2"):
        assert planned.pop(f"manaus.moulding.hall-1.{press}") == 16.5 * 3_600_000
    assert set(planned.values()) == {16 * 3_600_000}


def test_stops_cover_the_lost_time_exactly() -> None:
    lost: Counter[str] = Counter()
    for row in day().truth.facts:
        lost[row.station] += row.adet_ms + row.adot_ms + row.unknown_ms
    for stop in day().truth.stops:
        lost[stop.station] -= stop.to_ms - stop.from_ms
    assert set(lost.values()) == {0}
    assert {stop.open for stop in day().truth.stops} == {0}
    assert any(stop.stop_version == 2 for stop in day().truth.stops)


def test_truth_counts_what_devices_sent_once() -> None:
    cycles = [event for event in unique(day().events).values() if isinstance(event, CycleCompleted)]
    moved = Counter[str]()
    for event in unique(day().events).values():
        if isinstance(event, UnitReclassified):
            moved[event.result_before] -= 1
            moved[event.result] += 1
    for result in ("good", "scrap", "rework"):
        counted = sum(event.qty for event in cycles if event.source == "device" and event.result == result)
        assert sum(getattr(row, result) for row in day().truth.facts) == counted + moved[result]
    hand_counted = sum(event.qty for event in cycles if event.source != "device")
    assert sum(row.other_source_pieces for row in day().truth.facts) == hand_counted
    with_standard = sum(row.pieces_with_standard for row in day().truth.facts)
    assert 0 < with_standard < sum(event.qty for event in cycles if event.source == "device")


def test_truth_does_not_depend_on_the_order_of_arrival() -> None:
    events = day().events
    Random(1).shuffle(events)
    assert truth_of(events, day().now_ms) == day().truth


def over_median(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) * percent // 100] / ordered[len(ordered) // 2]


def test_cycle_times_spread_like_the_log() -> None:
    assert FITTED.quantile(0.90) / FITTED.quantile(0.5) == pytest.approx(2.72, rel=0.02)
    assert FITTED.quantile(0.99) / FITTED.quantile(0.5) == pytest.approx(13.02, rel=0.02)
    random = Random(5)
    samples = [FITTED.sample(random) for _ in range(40_000)]
    assert sum(samples) / len(samples) == pytest.approx(1, rel=0.03)
    assert over_median(samples, 90) == pytest.approx(2.72, rel=0.05)
    assert over_median(samples, 99) == pytest.approx(13.02, rel=0.10)
    fast = simulate(plant(), seed=5, hours=4, scale=0.5)
    standards = {
        (e.station, e.product): e.planned_cycle_ms for e in fast.events[:100] if isinstance(e, StandardTimeSet)
    }
    positions = {"calibrate": 24, "mould-base": 8, "mould-cover": 8}
    ratios = [
        event.cycle_ms / (event.qty * positions.get(event.step, 1) * standards[event.station, event.product])
        for event in unique(fast.events).values()
        if isinstance(event, CycleCompleted) and event.source == "device" and event.position in {None, "1"}
        if (event.station, event.product) in standards
    ]
    assert len(ratios) > 3_000
    assert over_median(ratios, 90) == pytest.approx(2.72, rel=0.12)
    # An eighth of the day bounds a cycle, which cuts the very longest of the calibration bench.
    assert over_median(ratios, 99) == pytest.approx(13.02, rel=0.25)


@pytest.mark.parametrize(
    ("arguments", "says"), [({"scale": 0}, "scale"), ({"scale": 2}, "scale"), ({"hours": 0.5}, "hour")]
)
def test_what_cannot_be_simulated_is_refused(arguments: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        simulate(plant(), seed=1, **arguments)  # type: ignore[arg-type]


def test_another_length_and_start_of_day_fit() -> None:
    short = simulate(plant(), seed=1, day_start_ms=T0 + 24 * 3_600_000, hours=2, scale=0.1)
    assert {row.shift for row in short.truth.facts if row.pbt_ms} == {"2026-03-03/A"}
    assert all(short.from_ms <= event.ts_ms <= short.to_ms + 2 * 3_600_000 for event in short.events)
    assert isinstance(next(short.script()), Tick)
    assert sum(isinstance(entry, Send) for entry in short.script()) == len(short.sends)


# The rules of the accounts, one by one, on days of a few events.


def told(
    *events: StationEvent, minutes: int = 10
) -> tuple[dict[tuple[int, str, str], FactRow], list[tuple[int, int, str, str, str]]]:
    """Facts by (minute, order, shift) and stops, in seconds, of a day whose last tick is at `minutes`."""
    truth = truth_of(events, T0 + minutes * MINUTE)
    facts = {((row.minute_ms - T0) // MINUTE, row.order, row.shift.rpartition("/")[2]): row for row in truth.facts}
    assert len(facts) == len(truth.facts)
    stops = [((s.from_ms - T0) // 1000, (s.to_ms - T0) // 1000, s.state, s.reason, s.order) for s in truth.stops]
    return facts, stops


class Script:
    """Builds events at seconds after T0, numbered per source and boot."""

    def __init__(self, calendar: Calendar = ALWAYS) -> None:
        self.seqs: Counter[tuple[str, int]] = Counter()
        self.events: list[StationEvent] = []
        self.add(CalendarAssigned, 0, source="plant", valid_from_ms=T0, calendar=calendar)

    def add(
        self, kind: type[StationEvent], at_s: float, *, source: str = "device", boot: int = 1, **fields: Any
    ) -> None:
        self.seqs[source, boot] += 1
        seq = self.seqs[source, boot]
        ts_ms = T0 + round(at_s * 1000)
        self.events.append(kind(station=STATION, source=source, boot=boot, seq=seq, ts_ms=ts_ms, **fields))

    def born(self, at_s: float, boot: int = 1) -> None:
        self.add(StationBorn, at_s, boot=boot, firmware="f", heartbeat_ms=20_000)

    def beat(self, from_s: int, to_s: int, boot: int = 1) -> None:
        for at_s in range(from_s, to_s, 20):
            self.add(Heartbeat, at_s, boot=boot)

    def cycle(self, at_s: float, result: str = "good", *, source: str = "device", **fields: Any) -> None:
        fields = {"order": "O1", "product": "P", "step": "s", "qty": 1, "cycle_ms": 1_000, **fields}
        self.add(CycleCompleted, at_s, source=source, result=result, **fields)


def test_silence_becomes_unknown_and_the_state_holds_again_after() -> None:
    script = Script()
    script.born(0)
    script.add(StateChanged, 0, state="executing")
    script.add(Heartbeat, 150)
    facts, stops = told(*script.events, minutes=5)
    assert [facts[minute, "", "A"].apt_ms for minute in range(4)] == [60_000, 0, 30_000, 30_000]
    assert stops == [(60, 150, "unknown", "", ""), (210, 300, "unknown", "", "")]


def test_a_restart_forgets_the_state_but_not_the_order() -> None:
    script = Script()
    script.born(0)
    script.add(OrderStarted, 0, order="O1", product="P", planned_qty=5)
    script.add(StateChanged, 0, state="down", reason="belt")
    script.born(30, boot=2)
    script.add(StateChanged, 40, boot=2, state="down", reason="belt")
    facts, stops = told(*script.events, minutes=1)
    row = facts[0, "O1", "A"]
    assert (row.adet_ms, row.unknown_ms, row.failures, row.down_ms) == (50_000, 10_000, 2, 50_000)
    assert stops == [(0, 30, "down", "belt", "O1"), (30, 40, "unknown", "", "O1"), (40, 60, "down", "belt", "O1")]


def test_delay_needs_an_order_and_a_named_order_comes_first() -> None:
    script = Script()
    script.born(0)
    script.add(StateChanged, 0, state="idle")
    script.add(OrderStarted, 10, order="O1", product="P", planned_qty=5)
    script.add(StateChanged, 20, state="setup", order="O2", product="Q")
    script.add(OrderEnded, 25, order="O7", product="P", planned_qty=5)
    script.add(StateChanged, 30, state="off")
    script.add(OrderEnded, 40, order="O1", product="P", planned_qty=5)
    facts, _ = told(*script.events, minutes=1)
    assert (facts[0, "", "A"].adot_ms, facts[0, "O1", "A"].adet_ms, facts[0, "O2", "A"].aust_ms) == (
        30_000,
        20_000,
        10_000,
    )
    assert facts[0, "O2", "A"].product == "Q"


def test_breaks_planned_stops_and_overtime() -> None:
    calendar = Calendar(
        zone="America/Manaus",
        shifts=(Shift(name="A", start="06:00", end="06:03"),),
        breaks=(Break(name="coffee", start="06:01", end="06:02"),),
    )
    script = Script(calendar)
    script.born(0)
    script.add(StateChanged, 0, state="executing")
    script.beat(20, 90)
    script.add(StateChanged, 90, state="planned_stop")
    script.add(StateChanged, 150, state="down")
    script.add(StateChanged, 190, state="executing")
    script.beat(195, 300)
    facts, stops = told(*script.events, minutes=5)
    assert facts[0, "", "A"].apt_ms == 60_000
    assert (facts[1, "", "A"].planned_stop_ms, facts[1, "", "A"].overtime_ms) == (60_000, 30_000)
    assert (facts[2, "", "A"].planned_stop_ms, facts[2, "", "A"].pbt_ms, facts[2, "", "A"].failures) == (
        30_000,
        30_000,
        1,
    )
    assert facts[3, "", ""].overtime_ms == 50_000
    assert stops == [(150, 180, "down", "", "")]


def test_the_highest_stop_version_gives_the_reason_of_its_part() -> None:
    script = Script()
    script.born(0)
    script.add(StateChanged, 0, state="down", reason="?")
    script.beat(20, 120)
    for version, reason in ((2, "belt"), (1, "motor")):
        script.add(StopClassified, 200, source="api", from_ts_ms=T0 + 30_000, to_ts_ms=T0 + 60_000,
                   stop_version=version, reason=reason, by="ann")  # fmt: skip
    _, stops = told(*script.events, minutes=2)
    assert stops == [(0, 30, "down", "?", ""), (30, 60, "down", "belt", ""), (60, 120, "down", "?", "")]


def test_people_count_twice_when_they_are_two() -> None:
    script = Script()
    script.born(0)
    script.add(StateChanged, 0, state="executing")
    script.add(StateChanged, 40, state="idle")
    script.add(OperatorSignedOn, 0, source="terminal", operator="ann", role="operator")
    script.add(OperatorSignedOn, 20, source="terminal", operator="bob", role="operator")
    script.add(OperatorSignedOff, 50, source="terminal", operator="ann", role="operator")
    facts, _ = told(*script.events, minutes=1)
    assert (facts[0, "", "A"].attended_ms, facts[0, "", "A"].worked_ms) == (90_000, 60_000)


def test_pieces_go_to_their_own_minute_and_order() -> None:
    script = Script()
    script.add(
        StandardTimeSet, 0, source="plant", valid_from_ms=T0 + 30_000, product="P", step="s", planned_cycle_ms=700
    )
    script.add(CountingAuthoritySet, 0, source="plant", valid_from_ms=T0, source_kind="device")
    script.cycle(59.999, cycle_id="c", position="2", serial="x", attempt=1)  # the standard is not in force at 0 s
    script.cycle(60.000, cycle_id="c", position="1")
    script.cycle(61, "rework", qty=3)
    script.cycle(62, qty=2, planned_cycle_ms=900, order="O2")
    script.cycle(63, qty=50, source="operator-1")
    script.add(UnitReclassified, 500, source="api", serial="x", order="O1", product="P", step="s", attempt=1,
               cycle_ts_ms=T0 + 59_999, result_before="good", result="scrap", reason="r", by="ann")  # fmt: skip
    facts, _ = told(*script.events)
    first, second, other = facts[0, "O1", "A"], facts[1, "O1", "A"], facts[1, "O2", "A"]
    assert (first.good, first.scrap, first.cycles, first.cycle_ms, first.pieces_with_standard) == (0, 1, 1, 1_000, 0)
    assert (second.good, second.rework, second.cycles, second.planned_run_ms) == (1, 3, 1, 4 * 700)
    assert (second.pieces_with_standard, second.other_source_pieces) == (4, 50)
    assert (other.good, other.planned_run_ms, other.pieces_with_standard) == (2, 1_800, 2)


def test_hours_follow_zone_exceptions_and_planned_stops() -> None:
    calendar = Calendar(
        zone="Europe/Berlin",
        shifts=(Shift(name="N", start="22:00", end="06:00", days=(6,)),),
        planned_stops=(PlannedStop(from_ms=1_774_746_000_000, to_ms=1_774_747_800_000),),
        exceptions=(DayException(date="2026-03-29", shifts=(Shift(name="X", start="12:00", end="13:00"),)),),
    )
    # The night of Saturday 2026-03-28 loses an hour: 21:00Z to 04:00Z.
    from_ms, to_ms = 1_774_720_800_000, 1_774_800_000_000
    planned_ms: Counter[str] = Counter()
    for start_ms, end_ms, shift, planned in hours([(from_ms, calendar)], from_ms, to_ms).spans(from_ms, to_ms):
        planned_ms[shift] += planned * (end_ms - start_ms)
    assert planned_ms == {"": 0, "2026-03-28/N": 6.5 * 3_600_000, "2026-03-29/X": 3_600_000}
