"""The spool against a tiny model, against kill -9, and against power cuts, damage and a full disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fault_record import record
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger import Balance

from edge.spool import ROW_BYTES, Spool, SpoolLimits
from edge.spool_file import SCHEMA_VERSION
from sipe.contracts.codec import decode, encode
from sipe.contracts.events import GapDetected, Heartbeat, StationEvent
from sipe.errors import SipeError

STATIONS = ("site.area.line.one", "site.area.line.two")
KILLS = 500 if os.environ.get("SIPE_PROVE") else 12

WRITER = """
import sys
from pathlib import Path
from edge.spool import Spool
from sipe.contracts.events import Heartbeat
spool = Spool(Path(sys.argv[1]))
station = "site.area.line.one"
print("open", flush=True)
while True:
    group = []
    for _ in range(5):
        boot, seq = spool.next_identity(station, "device")
        group.append(Heartbeat(station=station, boot=boot, seq=seq, ts_ms=seq))
    spool.append(group)
    print(group[-1].boot, group[-1].seq, flush=True)
    if seq % 20 == 0:
        spool.delivered([waiting.position for waiting in spool.take(10)])
"""


def beat(seq: int, *, boot: int = 1, station: str = STATIONS[0]) -> Heartbeat:
    return Heartbeat(station=station, boot=boot, seq=seq, ts_ms=1_000 * seq)


def contents(spool: Spool) -> list[StationEvent]:
    """Everything that waits; asked of a spool from which nothing is taken yet."""
    found = [decode(waiting.value) for waiting in spool.take(1_000_000)]
    spool.give_back()
    assert all(isinstance(event, StationEvent) for event in found)
    return found  # type: ignore[return-value]  # just checked


def seqs(spool: Spool) -> list[int]:
    return [event.seq for event in contents(spool)]


def declared(events: list[StationEvent]) -> set[tuple[str, int, int]]:
    return {
        (gap.station, gap.boot, seq)
        for gap in events
        if isinstance(gap, GapDetected)
        for seq in range(gap.first_missing, gap.last_missing + 1)
    }


class SpoolMachine(RuleBasedStateMachine):
    """Whatever happens: what was appended is delivered, waits, or is declared missing; in order, and bounded."""

    BYTES_MAX = 20 * ROW_BYTES
    AGE_MS_MAX = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.parent = TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108  a directory of our own in it
        self.starts = 0
        self.now_ms = 0
        self.boot = 1
        self.next_seq = dict.fromkeys(STATIONS, 1)
        self.appended: list[tuple[str, int, int]] = []
        self.delivered: set[tuple[str, int, int]] = set()
        self.taken: dict[int, StationEvent] = {}
        self.declared_and_delivered: set[tuple[str, int, int]] = set()

    @initialize()
    def begin(self) -> None:
        self.open(Path(self.parent.name) / "0")

    def open(self, directory: Path) -> None:
        self.directory = directory
        limits = SpoolLimits(bytes_max=self.BYTES_MAX, age_ms_max=self.AGE_MS_MAX)
        self.spool = Spool(directory, limits, monotonic_ms=lambda: self.now_ms)
        self.taken = {}

    @rule(count=st.integers(1, 8), station=st.sampled_from(STATIONS), again=st.booleans())
    def append(self, count: int, station: str, again: bool) -> None:
        first = self.next_seq[station]
        self.next_seq[station] += count
        group = [beat(seq, boot=self.boot, station=station) for seq in range(first, first + count)]
        assert self.spool.append(group) == count
        self.appended += [(station, self.boot, event.seq) for event in group]
        if again:  # the device did not hear that they were taken
            assert self.spool.append(group) == 0

    @rule(limit=st.integers(1, 10))
    def take(self, limit: int) -> None:
        for waiting in self.spool.take(limit):
            event = decode(waiting.value)
            assert isinstance(event, StationEvent)
            assert waiting.station == event.station
            assert waiting.position not in self.taken, "taken twice"
            self.taken[waiting.position] = event

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        if not self.taken:
            return
        positions = data.draw(st.lists(st.sampled_from(sorted(self.taken)), unique=True))
        self.spool.delivered(positions)
        for position in positions:
            event = self.taken.pop(position)
            self.delivered.add((event.station, event.boot, event.seq))
            self.declared_and_delivered |= declared([event])

    @rule()
    def give_back(self) -> None:
        self.spool.give_back()
        self.taken = {}

    @rule(by_ms=st.integers(0, 12_000))
    def wait(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.spool.trim()

    @rule(kind=st.sampled_from(["close", "kill"]))
    def restart(self, kind: str) -> None:
        """A killed process leaves the files as they are: open a copy of them."""
        self.starts += 1
        boot_before = self.spool.boot
        copy = Path(self.parent.name) / str(self.starts)
        if kind == "close":
            self.spool.close()
        shutil.copytree(self.directory, copy)
        if kind == "kill":
            self.spool.close()
        shutil.rmtree(self.directory)
        self.now_ms = random.Random(self.starts).randint(0, 10**9)  # a monotonic clock begins anywhere
        self.open(copy)
        assert self.spool.boot > boot_before
        self.boot += 1
        self.next_seq = dict.fromkeys(STATIONS, 1)

    @invariant()
    def nothing_is_lost_in_silence(self) -> None:
        waiting = self.waiting()
        there = {(event.station, event.boot, event.seq) for event in waiting} | self.delivered
        there |= declared(waiting) | self.declared_and_delivered
        missing = [event for event in self.appended if event not in there]
        assert not missing, missing[:3]

    @invariant()
    def order_is_kept(self) -> None:
        for station in STATIONS:
            order = [(event.boot, event.seq) for event in self.waiting() if event.station == station]
            assert order == sorted(set(order))

    @invariant()
    def it_is_bounded(self) -> None:
        waiting = self.waiting()
        gaps = sum(isinstance(event, GapDetected) for event in waiting)
        assert self.spool.waiting_bytes == sum(len(encode(event)) + ROW_BYTES for event in waiting)
        assert self.spool.waiting_bytes <= self.BYTES_MAX or gaps == len(waiting)

    def waiting(self) -> list[StationEvent]:
        """Looked at from outside, so that taking is left to the rules."""
        rows = self.spool._db.execute("SELECT value FROM waiting ORDER BY position").fetchall()
        return [event for (value,) in rows if isinstance(event := decode(value), StationEvent)]

    def teardown(self) -> None:
        self.spool.close()
        self.parent.cleanup()


TestSpoolMachine = SpoolMachine.TestCase


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool") as spool:
        yield spool


def test_what_is_pushed_out_is_declared_in_its_place(tmp_path: Path) -> None:
    size = len(encode(beat(10))) + ROW_BYTES
    with Spool(tmp_path, SpoolLimits(bytes_max=6 * size)) as spool:
        spool.append([beat(1, station=STATIONS[1]), *(beat(seq) for seq in range(10, 20))])
        first, second, *rest = contents(spool)
        assert (first, second) == (
            GapDetected(station=STATIONS[1], boot=1, seq=1, ts_ms=1_000, first_missing=1, last_missing=1),
            GapDetected(
                station=STATIONS[0], boot=1, seq=second.seq, ts_ms=second.ts_ms, first_missing=10,
                last_missing=second.seq,
            ),
        )  # fmt: skip
        assert [event.seq for event in rest] == list(range(second.seq + 1, 20))
        assert spool.waiting_bytes <= 6 * size


def test_a_delivery_report_that_comes_too_late_does_not_take_the_gap_along(tmp_path: Path) -> None:
    with Spool(tmp_path, SpoolLimits(bytes_max=1_000)) as spool:
        spool.append([beat(1), beat(2)])
        sent = spool.take()
        spool.append([beat(seq) for seq in range(3, 10)])
        spool.delivered(waiting.position for waiting in sent)
        gap, *_ = contents(spool)
        assert isinstance(gap, GapDetected)
        assert gap.first_missing == 1


def test_age_counts_the_time_that_the_gateway_runs(tmp_path: Path) -> None:
    now_ms = 5_000_000
    limits = SpoolLimits(age_ms_max=1_000)
    with Spool(tmp_path, limits, monotonic_ms=lambda: now_ms) as spool:
        spool.append([beat(1)])
    now_ms = 17  # switched off for a month, and the clock begins anew
    with Spool(tmp_path, limits, monotonic_ms=lambda: now_ms) as spool:
        now_ms += 1_000
        spool.append([beat(2)])
        assert seqs(spool) == [1, 2]
        now_ms += 1
        spool.trim()
        gap, younger = contents(spool)
        assert isinstance(gap, GapDetected)
        assert younger == beat(2)


def test_an_append_is_synchronous_to_the_disk(spool: Spool) -> None:
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: every commit waits for the disk"


@pytest.mark.slow
@pytest.mark.timeout(60 + 3 * KILLS)
def test_killed_at_any_moment_it_holds_what_it_acknowledged(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # noqa: T201  shown when the test fails
    moments = random.Random(seed)
    acknowledged: list[tuple[int, int]] = []
    for _ in range(KILLS):
        words = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n"
            for _ in range(moments.randint(1, 12)):
                boot, seq = map(int, writer.stdout.readline().split())
                acknowledged += [(boot, seq - back) for back in range(4, -1, -1)]
            os.kill(writer.pid, signal.SIGKILL)
            rest = writer.stdout.read().split("\n")[:-1]  # lines that were complete when it died
            for boot, seq in (map(int, line.split()) for line in rest):
                acknowledged += [(boot, seq - back) for back in range(4, -1, -1)]
    with Spool(tmp_path) as spool:
        left = [(event.boot, event.seq) for event in contents(spool)]
    assert left == sorted(set(left))
    lost = sorted(set(acknowledged) - set(left))
    delivered = len(lost)
    assert lost == [event for event in acknowledged if event < left[0]], "only the oldest were delivered"
    assert 0 < delivered < len(acknowledged)
    assert len({boot for boot, _ in acknowledged}) == KILLS, "every start counts a boot of its own"
    record("spool-killed", Balance(), met=KILLS, runs=KILLS)


def test_after_a_power_cut_at_any_byte_it_holds_what_was_on_disk(tmp_path: Path) -> None:
    """The log of the file is cut, and its last sector half written, at every length that it went through."""
    source, wal = tmp_path / "source", "spool.sqlite3-wal"
    acknowledged_at: list[tuple[int, int]] = [(0, 0)]
    with Spool(source) as spool:
        base = (source / wal).stat().st_size if (source / wal).exists() else 0
        for seq in range(1, 16):
            spool.append([beat(seq)])
            acknowledged_at.append(((source / wal).stat().st_size, seq))
        sizes = random.Random(1).sample(range(base, acknowledged_at[-1][0]), 25)
        for number, size in enumerate([*sizes, *(size for size, _ in acknowledged_at[1:])]):
            cut = tmp_path / f"cut-{number}"
            shutil.copytree(source, cut)
            with (cut / wal).open("r+b") as file:
                file.truncate(size)
                file.seek(size)
                file.write(b"\xa5" * 300)
            safe = max(seq for written, seq in acknowledged_at if written <= size)
            with Spool(cut) as opened:
                assert opened.set_aside == 0
                found = seqs(opened)
                assert found == list(range(1, len(found) + 1))
                assert len(found) >= safe
                assert opened.append([beat(100)]) == 1
    record("spool-power-cut", Balance(), met=number + 1, runs=number + 1)


@pytest.mark.parametrize("damage", ["not a database", "header", "page"])
def test_a_damaged_file_is_set_aside_and_service_goes_on(tmp_path: Path, damage: str) -> None:
    with Spool(tmp_path) as spool:
        spool.append([beat(seq) for seq in range(1, 400)])
        boot = spool.boot
    path = tmp_path / "spool.sqlite3"
    content = bytearray(path.read_bytes())
    if damage == "not a database":
        content = bytearray(b"hello" * 1000)
    elif damage == "header":
        content[:100] = bytes(100)
    else:
        content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)
    with Spool(tmp_path) as spool:
        assert spool.set_aside == 1
        assert spool.boot == boot + 1, "numbers are never used again"
        assert spool.append([beat(1)]) == 1
        assert seqs(spool) == [1]
    assert (tmp_path / "spool.damaged-1.sqlite3").read_bytes() == bytes(content)
    record("spool-damaged", met=1)


def test_what_was_set_aside_is_never_overwritten(tmp_path: Path) -> None:
    for damage in (b"first", b"second", b"third"):
        (tmp_path / "spool.sqlite3").write_bytes(damage * 1_000)
        if damage == b"third":
            (tmp_path / "spool.damaged-1.sqlite3").unlink()  # somebody is done with it
        Spool(tmp_path).close()
    for name, damage in (("spool.damaged-1.sqlite3", b"third"), ("spool.damaged-2.sqlite3", b"second")):
        assert (tmp_path / name).read_bytes() == damage * 1_000


def test_a_full_disk_takes_nothing_and_says_so(spool: Spool) -> None:
    spool.append([beat(1)])
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")  # to SQLite the same as a disk that is full
    with pytest.raises(SipeError, match=r"took nothing: .*full; is the disk full\?"):
        spool.append([beat(seq) for seq in range(2, 500)])
    assert seqs(spool) == [1]
    spool._db.execute("PRAGMA max_page_count = 100000")
    assert spool.append([beat(seq) for seq in range(2, 500)]) == 498
    assert spool.waiting_bytes == sum(len(encode(event)) + ROW_BYTES for event in contents(spool))


def test_churn_does_not_make_the_file_grow(tmp_path: Path) -> None:
    with Spool(tmp_path, SpoolLimits(bytes_max=40_000)) as spool:
        for group in range(60):
            spool.append([beat(group * 100 + seq) for seq in range(1, 101)])
        files = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert files < 6_000_000, "the log of the file is taken over from time to time, and pages are used again"


def test_two_gateways_cannot_share_a_spool(tmp_path: Path) -> None:
    with Spool(tmp_path), pytest.raises(SipeError, match=r"locked; does another gateway run on it\?"):
        Spool(tmp_path)


def test_an_older_gateway_refuses_a_newer_spool(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    db = sqlite3.connect(tmp_path / "spool.sqlite3")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(SipeError, match="written by a newer gateway"):
        Spool(tmp_path)
    assert not list(tmp_path.glob("*damaged*"))


def test_a_boot_count_that_is_gone_bad_stops_it(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    (tmp_path / "boot").write_text("?")
    with pytest.raises(SipeError, match=r"boot holds '\?': write the newest boot"):
        Spool(tmp_path)


def test_the_gateways_own_numbers_grow_and_are_never_given_twice(tmp_path: Path) -> None:
    given = []
    for _ in range(3):
        with Spool(tmp_path) as spool:
            given += [spool.next_identity(STATIONS[0], "device") for _ in range(3)]
            assert spool.next_identity(STATIONS[1], "device")[1] == 1
    assert given == sorted(set(given))
