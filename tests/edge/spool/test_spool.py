"""The spool as its callers see it: what goes in comes out once, in order, and stays until it is let go."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from spool_events import STATIONS, beat, contents, decoded, seqs, unit

from edge.spool import Spool, SpoolLimits
from sipe.errors import SipeError, UsageError

SMALL = SpoolLimits(bytes_max=100_000, telemetry_bytes_max=50_000, reserve_bytes=0, segment_bytes_max=2_000)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool") as spool:
        yield spool


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("t*.sqlite3"))


def test_events_of_both_classes_come_out_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    sent = [(unit if seq % 3 else beat)(seq) for seq in range(1, 100)]
    with Spool(tmp_path, SMALL) as spool:
        for first in range(0, len(sent), 7):
            spool.append(sent[first : first + 7])
        assert spool.status.segments > 4
        assert contents(spool) == sent
        found = []
        while waiting := spool.take(5):
            found += decoded(waiting)
            spool.delivered(position for position, _, _ in waiting)
    assert found == sent


def test_positions_grow_over_segments_and_starts(tmp_path: Path) -> None:
    positions = []
    for start in range(1, 4):
        with Spool(tmp_path, SMALL) as spool:
            for seq in range(1, 40):
                spool.append([unit(seq, boot=start), beat(seq, boot=start, station=STATIONS[1])])
            waiting = spool.take(1_000)
            positions += [position for position, _, _ in waiting]
            spool.delivered(positions)
            assert spool.waiting_bytes == 0
    assert len(positions) == 3 * 39 * 2
    assert positions == sorted(set(positions))


def test_a_segment_that_is_delivered_is_deleted_at_once(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for seq in range(1, 60):
            spool.append([unit(seq)])
        before = files(tmp_path)
        first, rest = (waiting := spool.take(1_000))[:20], waiting[20:]
        spool.delivered(position for position, _, _ in first)
        assert len(before) > 6
        assert set(files(tmp_path)) < set(before)
        spool.delivered(position for position, _, _ in rest)
        assert len(files(tmp_path)) == 2, "the current ones"
        assert spool.status.segments == 2


def test_a_segment_of_which_one_event_is_left_stays_until_that_is_delivered(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for seq in range(1, 30):
            spool.append([unit(seq)])
        first, *rest = spool.take(1_000)
        spool.delivered(position for position, _, _ in rest)
        assert "traceability-0000000001.sqlite3" in files(tmp_path)
        spool.give_back()
        assert seqs(spool) == [1]
        spool.delivered([first.position])
        assert "traceability-0000000001.sqlite3" not in files(tmp_path)


def test_a_report_that_comes_after_the_next_segment_was_begun_counts(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        spool.append([unit(1)])
        (sent,) = spool.take()
        spool.append([unit(seq) for seq in range(2, 20)])
        spool.append([unit(20)])
        assert spool.status.segments == 3
        spool.give_back()
        spool.delivered([sent.position])
        assert seqs(spool) == list(range(2, 21))


def test_a_day_of_running_time_ends_a_segment(tmp_path: Path) -> None:
    now_ms = 7
    with Spool(tmp_path, monotonic_ms=lambda: now_ms) as spool:
        spool.append([beat(1)])
        now_ms += 86_399_999
        spool.append([beat(2)])
        assert len(files(tmp_path)) == 2
        now_ms += 1
        spool.append([beat(3)])
        assert len(files(tmp_path)) == 3, "nothing waited in one of the first"


def test_what_was_taken_in_before_is_left_out(tmp_path: Path) -> None:
    group = [beat(1), unit(2), beat(3), unit(4)]
    with Spool(tmp_path) as spool:
        assert spool.append(group) == 4
        assert spool.append(group) == 0
        assert spool.append([*group, beat(5)]) == 1
        assert spool.append([beat(1, boot=2), unit(9)]) == 2
        assert spool.append([beat(8, boot=1)]) == 0, "of a boot before the last one"
        spool.delivered(position for position, _, _ in spool.take())
        assert spool.append(group) == 0, "whether it waits or not"
    with Spool(tmp_path) as spool:
        assert spool.append(group) == 0
        assert spool.append([beat(2, boot=2), unit(10)]) == 2


def test_the_same_twice_in_one_append_is_one(spool: Spool) -> None:
    assert spool.append([unit(1), unit(1), beat(2), beat(2)]) == 2
    assert seqs(spool) == [1, 2]


def test_what_was_taken_is_not_taken_again_until_it_is_given_back(spool: Spool) -> None:
    spool.append([beat(seq) for seq in range(1, 6)])
    assert [event.seq for event in decoded(spool.take(3))] == [1, 2, 3]
    assert [event.seq for event in decoded(spool.take(3))] == [4, 5]
    assert spool.take() == []
    spool.give_back()
    assert seqs(spool) == [1, 2, 3, 4, 5]


def test_an_append_is_synchronous_to_the_disk(spool: Spool) -> None:
    spool.append([beat(1), unit(2)])
    for chain in (spool._store.kept, spool._store.telemetry):
        assert chain.newest is not None
        spool.append([beat(3), unit(4)])
        db = chain.newest._db()
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: every commit waits for the disk"


def test_churn_does_not_make_the_files_grow(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for group in range(60):
            spool.append([unit(group * 100 + seq) for seq in range(1, 21)])
            spool.delivered(position for position, _, _ in spool.take(1_000))
        size_bytes = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size_bytes < 500_000


def test_two_gateways_cannot_share_a_spool(tmp_path: Path) -> None:
    with Spool(tmp_path), pytest.raises(SipeError, match=r"is locked; does another gateway run on it\?"):
        Spool(tmp_path)
    Spool(tmp_path).close()


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SipeError, match=r"the spool .*file cannot be used: .*File exists"):
        Spool(tmp_path / "file")


def test_a_boot_count_that_is_gone_bad_is_told_to_who_needs_it(tmp_path: Path) -> None:
    (tmp_path / "boot").write_text("?")
    with Spool(tmp_path) as spool:
        spool.append([beat(1)])
        with pytest.raises(SipeError, match=r"boot holds '\?': write the newest boot"):
            spool.next_identity(STATIONS[0], "gateway")
        assert seqs(spool) == [1], "devices have boots of their own"


def test_the_gateways_own_numbers_grow_and_are_never_given_twice(tmp_path: Path) -> None:
    given = []
    for _ in range(3):
        with Spool(tmp_path) as spool:
            given += [spool.next_identity(STATIONS[0], "device") for _ in range(3)]
            assert spool.next_identity(STATIONS[1], "device")[1] == 1
    assert given == sorted(set(given))


def test_limits_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(UsageError, match="segment_bytes_max <= telemetry_bytes_max <= bytes_max - reserve_bytes"):
        SpoolLimits(bytes_max=300_000_000, reserve_bytes=100_000_000)


def test_what_was_left_half_done_is_swept_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1)])
    left = ("traceability-0000000009.sqlite3.new", "telemetry-0000000003.sqlite3-wal", "spool.sqlite3.new-journal")
    for name in left:
        (tmp_path / name).write_bytes(b"half")
    with caplog.at_level(logging.WARNING), Spool(tmp_path) as spool:
        assert seqs(spool) == [1]
        assert spool.set_aside == 0
    assert not {path.name for path in tmp_path.iterdir()} & set(left)
    assert not caplog.records


def test_nothing_but_the_spool_reads_its_files_while_it_runs(spool: Spool, tmp_path: Path) -> None:
    spool.append([unit(1)])
    path = tmp_path / "spool" / "traceability-0000000001.sqlite3"
    with (
        closing(sqlite3.connect(path, timeout=0)) as db,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        db.execute("DELETE FROM waiting")
