"""Data health per minute: what was received, attributed to the tick that took it in; minutes add up to the totals."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.fold.partition import PartitionFold, StationRow
from models.fold.rules import FoldConfig
from models.health import MINUTE_MS, NAMES_MAX, NOBODY, Health, HealthRow
from sipe.contracts.events import Heartbeat

A, B = "manaus.final.line-1.packing", "manaus.final.line-1.closing"
T0 = 1_772_445_600_000


def row(station: str, minute: int = 0, **counts: int) -> HealthRow:
    empty = dict.fromkeys(HealthRow._fields[2:], 0)
    return HealthRow(station, T0 + minute * MINUTE_MS, **(empty | counts))


def test_a_minute_grows_from_tick_to_tick_and_the_next_begins_at_nothing() -> None:
    health = Health()
    health.event(A, "accepted", 30)
    health.event(A, "duplicate", -10)
    assert health.tick(T0 + 1_000, [(A, 0)]) == [
        row(A, received=2, accepted=1, duplicates=1, skew_min_ms=-10, skew_max_ms=30, skew_sum_ms=20)
    ]
    health.event(A, "late", 50)
    assert health.tick(T0 + 59_000, [(A, 0)]) == [
        row(A, received=3, accepted=1, duplicates=1, late=1, skew_min_ms=-10, skew_max_ms=50, skew_sum_ms=70)
    ]
    health.event(A, "accepted", 5)
    assert health.tick(T0 + MINUTE_MS, [(A, 0)]) == [
        row(A, 1, received=1, accepted=1, skew_min_ms=5, skew_max_ms=5, skew_sum_ms=5)
    ]


def test_nothing_new_is_nothing_published() -> None:
    health = Health()
    health.event(A, "accepted", 0)
    assert len(health.tick(T0, [(A, 0)])) == 1
    assert health.tick(T0 + 1_000, []) == []
    assert health.tick(T0 + MINUTE_MS, []) == []


def test_missing_is_the_change_and_a_straggler_takes_it_back() -> None:
    health = Health()
    levels = [(0, 5), (1_000, 8), (MINUTE_MS, 2), (MINUTE_MS + 1_000, 2)]
    published = {}
    for after_ms, level in levels:
        for one in health.tick(T0 + after_ms, [(A, level)]):
            published[one.minute_ms] = one.missing
    assert published == {T0: 8, T0 + MINUTE_MS: -6}


def test_rejects_count_for_the_station_in_their_key_else_for_nobody() -> None:
    health = Health()
    for key in (A.encode(), A.encode(), None, b"", b"\xff\xfe", b"no station", A.encode() + b"\n", b"a.b.c.d.e"):
        health.reject(key)
    assert health.tick(T0, []) == [row(NOBODY, received=6, rejected=6), row(A, received=2, rejected=2)]


def test_made_up_names_cannot_fill_the_memory() -> None:
    health = Health()
    for number in range(2 * NAMES_MAX):
        health.reject(f"a.b.c.{number}".encode())
    assert len(health.fresh) <= NAMES_MAX + 1
    rows = health.tick(T0, [])
    assert sum(one.rejected for one in rows) == 2 * NAMES_MAX
    assert rows[0].station == NOBODY
    assert rows[0].rejected >= NAMES_MAX
    health.tick(T0 + MINUTE_MS, [])
    assert not health.counts


def test_a_skew_beyond_all_clocks_stays_within_its_column() -> None:
    health = Health()
    for _ in range(3):
        health.event(A, "accepted", 1 << 62)
        health.event(B, "accepted", -(1 << 62))
    for one in health.tick(T0, [(A, 0), (B, 0)]):
        assert abs(one.skew_sum_ms) < 1 << 63


Step = tuple[str, int]


@given(st.lists(st.tuples(st.sampled_from([A, B, "tick"]), st.integers(1, 40)), max_size=80))
def test_the_minutes_of_a_station_add_up_to_its_totals(steps: list[Step]) -> None:
    fold = PartitionFold(FoldConfig())
    stored: dict[tuple[str, int], HealthRow] = {}
    totals: dict[str, StationRow] = {}
    now_ms = T0
    for what, number in [*steps, ("tick", 1)]:
        if what != "tick":
            ts_ms = T0 - number * 3_600_000  # up to 40 h back: some are late
            event = Heartbeat(station=what, boot=1, seq=number, ts_ms=ts_ms)
            fold.health.event(what, fold.apply(event), now_ms - ts_ms)
            continue
        now_ms += number * 10_000
        restatement = fold.tick(now_ms)
        stored |= {(one.station, one.minute_ms): one for one in restatement.health}
        totals |= {one.station: one for one in restatement.stations}
        sums: dict[str, Counter[str]] = {}
        for one in stored.values():
            sums.setdefault(one.station, Counter()).update(one._asdict() | {"station": 0})
            assert one.received == one.accepted + one.duplicates + one.late + one.rejected
        assert sums.keys() == totals.keys()
        for station, total in totals.items():
            for name in ("accepted", "duplicates", "late", "missing"):
                assert sums[station][name] == getattr(total, name), name
