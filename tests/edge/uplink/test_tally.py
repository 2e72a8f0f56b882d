"""What has left a spool: noted as often as one likes, in any order, and there after whatever happens to the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.uplink.tally import HOUR_MS, KEEP_MS, Outcome, Tally

NOW_MS = 1_790_000_000_000
ALL = (0, 2 * NOW_MS)


class Row(NamedTuple):
    seq: int
    ts_ms: int = NOW_MS
    first_missing: int = 0
    source: str = "gateway"
    boot: int = 1
    position: int = 0
    message: bytes = b""


class Wall:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def tally(tmp_path: Path, wall: Wall) -> Iterator[Tally]:
    opened = Tally(tmp_path / "sent.sqlite3", wall.now_ms)
    yield opened
    opened.close()


def numbers(tally: Tally) -> dict[tuple[str, int, int, Outcome], set[int]]:
    found: dict[tuple[str, int, int, Outcome], set[int]] = {}
    for run in tally.runs(*ALL):
        here = found.setdefault(run[:4], set())
        new = set(range(run.first, run.last + 1))
        assert not here & (new | {run.first - 1, run.last + 1}), "runs of the same meet"
        found[run[:4]] |= new
    return found


BATCHES = st.lists(
    st.tuples(
        st.sampled_from(["taken", "refused"]),
        st.lists(
            st.builds(
                Row,
                seq=st.integers(1, 30),
                ts_ms=st.sampled_from([NOW_MS, NOW_MS + HOUR_MS]),
                source=st.sampled_from(["gateway", "device"]),
                boot=st.integers(1, 2),
                first_missing=st.just(0),
            ),
            max_size=20,
        ),
    ),
    max_size=10,
)


@given(BATCHES)
def test_whatever_is_noted_is_there_once_as_few_runs(batches: list[tuple[Outcome, list[Row]]]) -> None:
    tally = Tally(Path(":memory:"), lambda: NOW_MS)
    wanted: dict[tuple[str, int, int, Outcome], set[int]] = {}
    for outcome, rows in batches:
        tally.note(rows, outcome)
        for row in rows:
            who = (row.source, row.boot, row.ts_ms - row.ts_ms % HOUR_MS, outcome)
            wanted.setdefault(who, set()).add(row.seq)
    assert numbers(tally) == wanted
    tally.close()


def test_a_gap_that_is_taken_declares_what_it_stands_for(tally: Tally) -> None:
    tally.note([Row(3), Row(9, first_missing=4), Row(10)], "taken")
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    assert numbers(tally) == {
        ("gateway", 1, hour_ms, "taken"): {3, 10},
        ("gateway", 1, hour_ms, "declared"): {4, 5, 6, 7, 8, 9},
    }


def test_hours_are_those_of_the_events(tally: Tally) -> None:
    tally.note([Row(1, NOW_MS - 5 * HOUR_MS), Row(2)], "taken")
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    assert [run.first for run in tally.runs(hour_ms, hour_ms + HOUR_MS)] == [2]
    assert [run.first for run in tally.runs(hour_ms - 5 * HOUR_MS, hour_ms)] == [1]


def test_what_was_noted_is_there_after_a_start(tmp_path: Path, tally: Tally, wall: Wall) -> None:
    tally.note([Row(1)], "taken")
    tally.close()
    wall.ms += HOUR_MS
    again = Tally(tmp_path / "sent.sqlite3", wall.now_ms)
    assert (len(again.runs(*ALL)), again.began_ms) == (1, NOW_MS)
    again.close()


def test_what_left_long_ago_is_forgotten(tally: Tally, wall: Wall) -> None:
    tally.note([Row(1)], "taken")
    wall.ms += KEEP_MS + 1
    tally.note([Row(2, wall.ms)], "taken")
    assert [run.first for run in tally.runs(*ALL)] == [2]


def test_a_disk_that_takes_nothing_holds_nothing_up_and_loses_nothing(tmp_path: Path, tally: Tally) -> None:
    other = sqlite3.connect(tmp_path / "sent.sqlite3", isolation_level=None)
    tally._db.execute("PRAGMA busy_timeout = 10")
    other.execute("BEGIN IMMEDIATE")
    tally.note([Row(1)], "taken")
    assert tally.runs(*ALL) == [], "the file was not locked"
    other.execute("ROLLBACK")
    other.close()
    tally.note([Row(2)], "taken")
    assert [(run.first, run.last) for run in tally.runs(*ALL)] == [(1, 2)]


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to look like one" * 100])
def test_a_damaged_file_is_set_aside(tmp_path: Path, tally: Tally, wall: Wall, damage: bytes) -> None:
    tally.note([Row(1)], "taken")
    tally.close()
    path = tmp_path / "sent.sqlite3"
    path.write_bytes(damage)
    wall.ms += HOUR_MS
    again = Tally(path, wall.now_ms)
    assert (again.runs(*ALL), again.began_ms) == ([], wall.ms)
    again.note([Row(2)], "taken")
    assert len(again.runs(*ALL)) == 1
    again.close()
    assert (tmp_path / "sent.damaged.sqlite3").exists() == bool(damage)
