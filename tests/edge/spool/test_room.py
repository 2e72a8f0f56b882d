"""Who gets room: the oldest telemetry makes it and is declared, traceability is refused and never dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from spool_events import STATIONS, beat, contents, declared, identity, is_kept, seqs, unit

from edge.spool import NotTaken, Spool, SpoolLimits
from edge.spool.rows import ROW_BYTES
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected

BEAT_BYTES = len(encode(beat(100))) + ROW_BYTES
UNIT_BYTES = len(encode(unit(100))) + ROW_BYTES
PLENTY = 10**12


class Disk:
    """What `free_bytes` says of the disk."""

    free_bytes = PLENTY


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr("edge.spool.room.free_bytes", lambda directory: disk.free_bytes)
    return disk


def limits(*, telemetry: int = 100, everything: int = 1_000, reserve: int = 0, segment: int = 10) -> SpoolLimits:
    """Limits in events."""
    return SpoolLimits(
        bytes_max=everything * BEAT_BYTES + reserve * BEAT_BYTES,
        telemetry_bytes_max=telemetry * BEAT_BYTES,
        reserve_bytes=reserve * BEAT_BYTES,
        segment_bytes_max=segment * BEAT_BYTES,
    )


def gap(first: int, last: int, station: str = STATIONS[0]) -> GapDetected:
    return GapDetected(
        station=station, boot=1, seq=last, ts_ms=1_000 * last, source="device", first_missing=first, last_missing=last
    )


def test_the_oldest_telemetry_makes_room_by_segments_and_is_declared_in_its_place(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=30)) as spool:
        for seq in range(100, 150):
            spool.append([beat(seq)])
            assert spool.status.telemetry_bytes <= 30 * BEAT_BYTES
        assert contents(spool) == [gap(100, 119), *map(beat, range(120, 150))]
        assert spool.status.dropped == 20
        assert not spool.status.is_full


def test_a_gap_for_each_source_is_where_its_last_event_was(tmp_path: Path) -> None:
    one, two = STATIONS
    with Spool(tmp_path, limits(telemetry=20)) as spool:
        for seq in range(100, 115):
            spool.append([beat(seq, station=one), beat(seq, station=two)])
        found = contents(spool)
    assert found[:2] == [gap(100, 104, one), gap(100, 104, two)]
    assert found[2:] == [beat(seq, station=station) for seq in range(105, 115) for station in (one, two)]


def test_no_gap_reaches_over_what_is_kept(tmp_path: Path) -> None:
    sent = [(unit if seq % 4 == 0 else beat)(seq) for seq in range(1, 200)]
    with Spool(tmp_path, limits(telemetry=20)) as spool:
        for event in sent:
            spool.append([event])
        found = contents(spool)
        assert [event for event in found if is_kept(event) and not isinstance(event, GapDetected)] == sent[3::4]
        left = {identity(event) for event in found if not is_kept(event)}
        assert declared(found) == {identity(event) for event in sent if not is_kept(event)} - left
        assert [event.seq for event in found] == sorted(event.seq for event in found)


def test_gaps_alone_do_not_keep_files(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=30)) as spool:
        for seq in range(1, 1_000):
            spool.append([beat(seq)])
        assert spool.status.segments < 10
        first, *rest = contents(spool)
        assert (first, rest) == (gap(1, rest[0].seq - 1), [*map(beat, range(rest[0].seq, 1_000))])


def test_a_gap_stays_until_it_is_delivered(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=10)) as spool:
        for seq in range(1, 30):
            spool.append([beat(seq)])
        first = spool.take(1)
        spool.delivered([first[0].position])
        for seq in range(30, 60):
            spool.append([beat(seq)])
        second, *_ = contents(spool)
    assert isinstance(second, GapDetected)
    assert second.first_missing == 21, "what is delivered is not declared again"


def test_a_delivery_report_that_comes_too_late_does_not_take_the_gap_along(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=10)) as spool:
        spool.append([beat(1), beat(2)])
        sent = spool.take()
        for seq in range(3, 30):
            spool.append([beat(seq)])
        spool.delivered(waiting.position for waiting in sent)
        first, *_ = contents(spool)
        assert isinstance(first, GapDetected)
        assert first.first_missing == 1


def test_what_is_never_dropped_is_refused_when_there_is_no_room_and_taken_when_there_is(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=10, everything=40)) as spool:
        taken = 100 + 40 * BEAT_BYTES // UNIT_BYTES
        for seq in range(101, taken + 1):
            assert spool.append([unit(seq)]) == 1
        with pytest.raises(NotTaken, match=r"is full: \d+ of \d+ bytes wait to be delivered, .* never dropped"):
            spool.append([unit(taken + 1)])
        assert (spool.status.is_full, spool.status.refused) == (True, 1)
        assert spool.append([unit(taken)]) == 0
        assert spool.append([beat(taken + 1)]) == 1
        assert spool.status.is_full, "that did not take any room of it"
        assert seqs(spool)[: taken - 100] == list(range(101, taken + 1))
        spool.delivered(position for position, _, _ in spool.take(10))
        assert spool.append([unit(taken + 2)]) == 1
        assert not spool.status.is_full


def test_when_all_of_it_has_no_room_none_of_it_is_taken(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=10, everything=20)) as spool:
        with pytest.raises(NotTaken):
            spool.append([beat(1), *(unit(seq) for seq in range(2, 40)), beat(40)])
        assert contents(spool) == []
        assert spool.status.refused == 40
        assert spool.append([beat(1), unit(2)]) == 2


def test_traceability_pushes_telemetry_out(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=30, everything=60)) as spool:
        for seq in range(1, 31):
            spool.append([beat(seq)])
        for seq in range(31, 31 + 58 * BEAT_BYTES // UNIT_BYTES):
            spool.append([unit(seq)])
        found = contents(spool)
    assert isinstance(found[0], GapDetected)
    assert all(is_kept(event) for event in found)
    assert declared(found) == {identity(beat(seq)) for seq in range(1, 31)}


def test_telemetry_leaves_the_reserve_of_the_limit_to_traceability(tmp_path: Path) -> None:
    with Spool(tmp_path, limits(telemetry=30, everything=30, reserve=20)) as spool:
        for seq in range(1, 100):
            spool.append([beat(seq)])
        assert spool.status.telemetry_bytes <= 30 * BEAT_BYTES
        for seq in range(100, 100 + 30 * BEAT_BYTES // UNIT_BYTES):
            spool.append([unit(seq)])
        for seq in range(200, 250):
            assert spool.append([beat(seq)]) == 1, "it is not refused"
        assert spool.waiting_bytes <= 30 * BEAT_BYTES + 10 * UNIT_BYTES
        found = contents(spool)
    known = declared(found) | {identity(event) for event in found}
    assert {identity(beat(seq)) for seq in (*range(1, 100), *range(200, 250))} <= known


def test_on_a_disk_that_others_fill_telemetry_is_declared_at_the_door(tmp_path: Path, disk: Disk) -> None:
    with Spool(tmp_path, limits(reserve=20)) as spool:
        spool.append([beat(seq) for seq in range(1, 16)])
        disk.free_bytes = 10 * BEAT_BYTES
        for seq in range(16, 100):
            assert spool.append([beat(seq)]) == 1
        assert spool.append([unit(100)]) == 1, "the reserve is for this"
        assert spool.append([beat(101)]) == 1
        assert contents(spool) == [gap(1, 99), unit(100), gap(101, 101)]
        assert spool.status.dropped == 100
        disk.free_bytes = PLENTY
        spool.append([beat(102)])
        assert contents(spool)[-1] == beat(102)
        assert spool.append([beat(seq) for seq in range(1, 103)]) == 0


def test_a_gap_at_the_door_does_not_reach_over_what_came_in_before_it(tmp_path: Path, disk: Disk) -> None:
    with Spool(tmp_path, limits(reserve=20, segment=100)) as spool:
        for seq, free_bytes in ((1, 0), (2, PLENTY), (3, 0), (4, 0), (5, PLENTY), (6, PLENTY), (7, 0)):
            disk.free_bytes = free_bytes
            spool.append([beat(seq)])
        assert contents(spool) == [gap(1, 1), beat(2), gap(3, 4), beat(5), beat(6), gap(7, 7)]


def test_gaps_of_before_go_on_when_their_segment_is_pushed_out(tmp_path: Path, disk: Disk) -> None:
    with Spool(tmp_path, limits(telemetry=10, reserve=5)) as spool:
        disk.free_bytes = 0
        spool.append([beat(1)])
        disk.free_bytes = PLENTY
        for seq in range(2, 24):
            spool.append([beat(seq)])
        first, *rest = contents(spool)
        assert (first, rest) == (gap(1, rest[0].seq - 1), [*map(beat, range(rest[0].seq, 24))])


def test_what_a_device_declares_is_never_dropped(tmp_path: Path) -> None:
    own = GapDetected(station=STATIONS[0], boot=1, seq=9, ts_ms=9_000, first_missing=5, last_missing=8)
    with Spool(tmp_path, limits(telemetry=10)) as spool:
        spool.append([own])
        for seq in range(10, 100):
            spool.append([beat(seq)])
        found = contents(spool)
    assert found[0] == own
    assert declared(found) >= {identity(beat(seq)) for seq in range(5, 9)}


def test_age_counts_the_time_that_the_gateway_runs(tmp_path: Path) -> None:
    now_ms = 5_000_000
    young = SpoolLimits(telemetry_age_ms_max=1_000)
    with Spool(tmp_path, young, monotonic_ms=lambda: now_ms) as spool:
        spool.append([beat(1), unit(2)])
    now_ms = 17  # switched off for a month, and the clock begins anew
    with Spool(tmp_path, young, monotonic_ms=lambda: now_ms) as spool:
        now_ms += 1_000
        spool.trim()
        assert seqs(spool) == [1, 2]
        now_ms += 1
        spool.trim()
        assert contents(spool) == [gap(1, 1), unit(2)]
        now_ms += 10**9
        spool.trim()
        assert contents(spool) == [gap(1, 1), unit(2)], "what is kept does not grow old"


def test_what_was_delivered_still_tells_the_running_time(tmp_path: Path) -> None:
    now_ms = 0
    young = SpoolLimits(telemetry_age_ms_max=1_000)
    with Spool(tmp_path, young, monotonic_ms=lambda: now_ms) as spool:
        now_ms = 900
        spool.append([beat(1)])
        spool.delivered(position for position, _, _ in spool.take())
    with Spool(tmp_path, young, monotonic_ms=lambda: 0) as spool:
        spool.append([beat(2)])
        assert spool._store.known_ms == 900


def test_how_much_waits_is_counted_before_anything_is_dropped_or_refused(tmp_path: Path) -> None:
    """After a start it is known by the size of files, in which much may have been delivered."""
    small = SpoolLimits(bytes_max=300_000, telemetry_bytes_max=230_000, reserve_bytes=40_000, segment_bytes_max=100_000)
    with Spool(tmp_path, small) as spool:
        spool.append([beat(seq) for seq in range(1, 700)])
        spool.append([beat(seq) for seq in range(700, 1_400)])
        spool.append([beat(1_400)])
        spool.delivered(position for position, _, _ in spool.take(690))
        spool.delivered(position for position, _, _ in spool.take(690))
    with Spool(tmp_path, small) as spool:
        assert spool.waiting_bytes > 100_000
        spool.append([beat(seq) for seq in range(1_401, 2_400)])
        assert spool.status.dropped == 0
        assert seqs(spool) == list(range(1_381, 2_400))
