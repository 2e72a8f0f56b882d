"""The spool against a tiny model: whatever happens, what was taken in is delivered, waits, or is declared missing."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from spool_events import STATIONS, Identity, beat, contents, declared, decoded, identity, is_kept, unit

from edge.spool import NotTaken, Spool, SpoolLimits
from edge.spool.rows import ROW_BYTES
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, StationEvent

LIMITS = SpoolLimits(
    bytes_max=12_000,
    telemetry_bytes_max=4_000,
    telemetry_age_ms_max=10_000,
    reserve_bytes=2_000,
    segment_bytes_max=2_000,
    segment_age_ms_max=3_000,
)


class SpoolMachine(RuleBasedStateMachine):
    """Two devices, a gateway that is killed, an uplink that breaks, and a disk that others fill."""

    def __init__(self) -> None:
        super().__init__()
        self.parent = TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108  a directory of our own in it
        self.patch = pytest.MonkeyPatch()
        self.free_bytes = 10**9
        self.patch.setattr("edge.spool.room.free_bytes", lambda directory: self.free_bytes)
        self.starts = 0
        self.now_ms = 0
        self.boot = 1
        self.next_seq = dict.fromkeys(STATIONS, 1)
        self.appended: dict[Identity, StationEvent] = {}
        self.delivered: set[Identity] = set()
        self.declared_and_delivered: set[Identity] = set()
        self.taken: dict[int, StationEvent] = {}

    @initialize()
    def begin(self) -> None:
        self.open(Path(self.parent.name) / "0")

    def open(self, directory: Path) -> None:
        self.directory = directory
        self.spool = Spool(directory, LIMITS, monotonic_ms=lambda: self.now_ms)
        self.taken = {}
        self.refused_kinds: set[bool] = set()

    @rule(kinds=st.lists(st.booleans(), min_size=1, max_size=8), station=st.sampled_from(STATIONS), again=st.booleans())
    def append(self, kinds: list[bool], station: str, again: bool) -> None:
        first = self.next_seq[station]
        group: list[StationEvent] = [
            (unit if kept else beat)(first + i, boot=self.boot, station=station) for i, kept in enumerate(kinds)
        ]
        try:
            assert self.spool.append(group) == len(group)
        except NotTaken:
            assert any(kinds), "telemetry is never refused"
            self.refused_kinds |= set(kinds)
            return  # the device keeps it
        self.refused_kinds -= set(kinds)
        self.next_seq[station] += len(group)
        self.appended |= {identity(event): event for event in group}
        if again:  # the device did not hear that they were taken
            assert self.spool.append(group) == 0

    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        """A device that was cut off begins with what it sent before."""
        if self.appended:
            sent = data.draw(st.sampled_from(list(self.appended)))
            assert self.spool.append([self.appended[sent]]) == 0

    @rule(limit=st.integers(1, 10))
    def take(self, limit: int) -> None:
        found = self.spool.take(limit)
        for waiting, event in zip(found, decoded(found), strict=True):
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
            self.delivered.add(identity(event))
            self.declared_and_delivered |= declared([event])

    @rule()
    def give_back(self) -> None:
        self.spool.give_back()
        self.taken = {}

    @rule(by_ms=st.integers(0, 12_000))
    def wait(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.spool.trim()

    @rule(free_bytes=st.sampled_from([0, 1_990, 2_200, 10**9]))
    def others_fill_the_disk(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes

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

    @rule()
    def look(self) -> None:
        """What a gateway would find that starts now, so nobody's files are opened by looking."""
        copy = Path(self.parent.name) / "copy"
        shutil.copytree(self.directory, copy)
        with Spool(copy, LIMITS, monotonic_ms=lambda: self.now_ms) as spool:
            waiting = contents(spool)
            assert spool.set_aside == 0
        shutil.rmtree(copy)
        self.nothing_is_lost_in_silence(waiting)
        self.only_telemetry_that_is_gone_is_declared_missing(waiting)
        self.what_was_delivered_is_let_go(waiting)
        self.order_is_kept(waiting)
        assert bool(self.spool.waiting_bytes) == bool(waiting)
        sizes = [(is_kept(e), len(encode(e)) + ROW_BYTES) for e in waiting if not isinstance(e, GapDetected)]
        assert sum(size_bytes for _, size_bytes in sizes) <= LIMITS.bytes_max
        assert sum(size_bytes for kept, size_bytes in sizes if not kept) <= LIMITS.telemetry_bytes_max

    def nothing_is_lost_in_silence(self, waiting: list[StationEvent]) -> None:
        there = {identity(event) for event in waiting} | self.delivered
        missing = self.appended.keys() - there - declared(waiting) - self.declared_and_delivered
        assert not missing, sorted(missing)[:3]

    def only_telemetry_that_is_gone_is_declared_missing(self, waiting: list[StationEvent]) -> None:
        """But for telemetry that was on its way: it may be there, and be declared."""
        there = {identity(event) for event in waiting if not isinstance(event, GapDetected)}
        for missing in declared(waiting) | self.declared_and_delivered:
            assert not is_kept(self.appended[missing]), missing
            assert missing not in there, missing

    def what_was_delivered_is_let_go(self, waiting: list[StationEvent]) -> None:
        for event in waiting:
            if not isinstance(event, GapDetected):
                assert event == self.appended[identity(event)]
                assert identity(event) not in self.delivered

    def order_is_kept(self, waiting: list[StationEvent]) -> None:
        for station in STATIONS:
            order = [(event.boot, event.seq) for event in waiting if event.station == station]
            assert order == sorted(set(order))

    @invariant()
    def it_is_bounded(self) -> None:
        status = self.spool.status
        assert status.traceability_bytes + status.telemetry_bytes == self.spool.waiting_bytes
        files = [path for path in self.directory.iterdir() if path.suffix == ".sqlite3"]
        assert len(files) == status.segments + 1, "what is delivered is deleted"
        assert status.is_full == bool(self.refused_kinds)
        assert status.damaged_rows == status.damaged_files == 0

    def teardown(self) -> None:
        try:
            self.look()
        finally:
            self.spool.close()
            self.patch.undo()
            self.parent.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
