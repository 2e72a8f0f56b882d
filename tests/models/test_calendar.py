"""Shifts over changes of the clock, midnight, breaks and exceptions."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import fold_oracle
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar import Window, windows
from sipe.contracts.calendar import Break, Calendar, DayException, PlannedStop, Shift

HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_a_night_shift_belongs_to_the_day_it_starts_on() -> None:
    calendar = Calendar(zone="America/Manaus", shifts=(Shift(name="N", start="22:00", end="06:00", days=(5,)),))
    assert windows(calendar, ms("2026-03-01"), ms("2026-03-10")) == [
        Window(ms("2026-03-07T02:00"), ms("2026-03-07T10:00"), "2026-03-06/N", True)
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 8), ("2026-03-29", 8), ("2026-10-24", 8), ("2026-10-25", 8)])
def test_a_shift_by_day_lasts_as_long_as_its_clock_says(day: str, hours: int) -> None:
    calendar = Calendar(zone="Europe/Berlin", shifts=(Shift(name="A", start="06:00", end="14:00"),))
    (window,) = windows(calendar, ms(f"{day}T02:00"), ms(f"{day}T20:00"))
    assert window.to_ms - window.from_ms == hours * HOUR_MS


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9)])
def test_a_shift_over_a_change_of_the_clock_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    calendar = Calendar(zone="Europe/Berlin", shifts=(Shift(name="N", start="22:00", end="06:00"),))
    night = next(w for w in windows(calendar, ms(f"{day}T12:00"), ms(f"{day}T23:59") + 12 * HOUR_MS) if day in w.shift)
    assert night.to_ms - night.from_ms == hours * HOUR_MS


def test_breaks_and_planned_stops_cut_a_shift_and_are_not_busy_time() -> None:
    calendar = Calendar(
        zone="UTC",
        shifts=(Shift(name="A", start="06:00", end="14:00"),),
        breaks=(Break(name="lunch", start="11:00", end="12:00"),),
        planned_stops=(PlannedStop(from_ms=ms("2026-03-02T11:30"), to_ms=ms("2026-03-02T12:30")),),
    )
    found = windows(calendar, ms("2026-03-02"), ms("2026-03-03"))
    assert [(w.from_ms, w.to_ms, w.planned) for w in found] == [
        (ms("2026-03-02T06:00"), ms("2026-03-02T11:00"), True),
        (ms("2026-03-02T11:00"), ms("2026-03-02T12:00"), False),
        (ms("2026-03-02T12:00"), ms("2026-03-02T12:30"), False),
        (ms("2026-03-02T12:30"), ms("2026-03-02T14:00"), True),
    ]


def test_an_exception_replaces_the_shifts_of_its_day() -> None:
    calendar = Calendar(
        zone="UTC",
        shifts=(Shift(name="A", start="06:00", end="14:00"),),
        exceptions=(
            DayException(date="2026-03-02"),
            DayException(date="2026-03-03", shifts=(Shift(name="X", start="08:00", end="10:00"),)),
        ),
    )
    assert [w.shift for w in windows(calendar, ms("2026-03-02"), ms("2026-03-05"))] == ["2026-03-03/X", "2026-03-04/A"]


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="Mars/Olympus"):
        msgspec.convert({"zone": "Mars/Olympus"}, Calendar)


times = st.sampled_from(["00:00", "01:30", "02:30", "03:00", "06:00", "14:00", "22:00", "23:30"])
spans = st.tuples(times, times, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))))


@given(
    st.sampled_from(["UTC", "America/Manaus", "America/Sao_Paulo", "Europe/Berlin", "Australia/Lord_Howe"]),
    st.lists(spans, max_size=3),
    st.lists(spans, max_size=2),
    st.sampled_from(["2026-03-28", "2026-10-24", "2026-04-04", "2026-02-28", "2018-11-03"]),
)
def test_windows_say_what_the_clock_says(
    zone: str,
    shift_spans: list[tuple[str, str, tuple[int, ...]]],
    break_spans: list[tuple[str, str, tuple[int, ...]]],
    day: str,
) -> None:
    calendar = Calendar(
        zone=zone,
        shifts=tuple(Shift(name=f"s{i}", start=a, end=b, days=d) for i, (a, b, d) in enumerate(shift_spans)),
        breaks=tuple(Break(name=f"b{i}", start=a, end=b, days=d) for i, (a, b, d) in enumerate(break_spans)),
    )
    start = ms(day)
    found = windows(calendar, start, start + 48 * HOUR_MS)
    assert all(one.to_ms <= other.from_ms for one, other in pairwise(found))
    assert all(w.from_ms < w.to_ms for w in found)
    for at in range(start, start + 48 * HOUR_MS, 30 * 60_000):
        window = next((w for w in found if w.from_ms <= at < w.to_ms), None)
        says = (window.shift, "busy" if window.planned else "planned_stop") if window else ("", "")
        assert says == fold_oracle._calendar_says(calendar, at)
