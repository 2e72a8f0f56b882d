"""A station's day with a real office, line, journal and spool; who scans and who looks at the screen is the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desk_post import Post
from shop import ASSEMBLY, CALIBRATION
from station_day import OfSheet, day, events

from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.spool import Spool
from edge.stations.parameterization import MeterError, Parameterization
from edge.stations.recorder import Notes
from edge.stations.scan_station import Scanned
from edge.stations.station import Job
from sipe.contracts.events import CycleCompleted, ParametersApplied

PostAt = Callable[[str], Post]


class Drawer:
    """The registers of a meter that may refuse, lie and be silent."""

    def __init__(self, *, refuses: str = "", keeps: dict[str, str] | None = None) -> None:
        self.registers: dict[str, str] = {}
        self._refuses = refuses
        self._keeps = keeps or {}
        self.closed = 0

    async def open(self) -> None:
        self.registers.clear()

    async def write(self, register: str, value: str) -> None:
        if register == self._refuses:
            raise MeterError(f"the meter refuses {register}: ER03")
        self.registers[register] = self._keeps.get(register, value)

    async def read(self, register: str) -> str:
        return self.registers[register]

    async def close(self) -> None:
        self.closed += 1


def test_units_begin_and_pass_and_the_office_and_the_spool_know(post_at: PostAt, spool: Spool) -> None:
    post = post_at(ASSEMBLY)
    seen = day(post, Scanned(begins_units=True), "OP-1", "OP-1", "OP-1", spool=spool)
    assert [state for state, _ in seen] == ["waiting", "waiting", "working", "passed", "working", "passed"]
    said = [(event.serial, event.result, event.seq) for event in events(spool) if isinstance(event, CycleCompleted)]
    assert said == [("WA000001", "good", 1), ("WA000002", "good", 2)]
    assert [visit.outcome for visit in post.journal.visits("told")] == ["taken", "taken"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["WA000001"], "no order is at work here"),
        (["OP-9"], "no order is at work here"),
        (["OP-1", "WX-1"], "no order knows a unit WX-1"),
        (["OP-1", "]Z9x"], "names no symbology"),
    ],
)
def test_what_may_not_come_is_stopped_with_why(post_at: PostAt, spool: Spool, lines: list[str], text: str) -> None:
    *_, (state, shown) = day(post_at(ASSEMBLY), Scanned(), *lines, spool=spool)
    assert state == "stopped"
    assert text in shown
    assert events(spool) == []


def calibrated(post_at: PostAt, spool: Spool, job: Job) -> tuple[Post, list[tuple[str, str]]]:
    """A unit of the assembly, worked on at the calibration station, whose step has a sheet."""
    assembly, post = post_at(ASSEMBLY), post_at(CALIBRATION)
    day(assembly, Scanned(begins_units=True), "OP-1", "OP-1", spool=spool)
    return post, day(post, job, "OP-1", "WA000001", spool=spool)


class Failing:
    """A job that fails, in words that no event takes as they are."""

    begins_units = False

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        return f"{unit.serial} burns\n" + "!" * 1_000


def test_a_failure_is_said_in_one_line_wherever_it_is_said(post_at: PostAt, spool: Spool) -> None:
    post, seen = calibrated(post_at, spool, Failing())
    assert seen[-1][0] == "failed"
    assert seen[-1][1].startswith("WA000001 burns\ufffd!")
    (told,) = post.journal.visits("told")
    assert (told.result, told.outcome, len(told.reason)) == ("failed", "taken", 500)
    last = events(spool)[-1]
    assert isinstance(last, CycleCompleted)
    assert (last.result, last.reason) == ("rework", told.reason)


def test_what_was_finished_when_the_power_went_is_in_the_spool_once(
    post_at: PostAt, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = post_at(ASSEMBLY)
    with monkeypatch.context() as patched:
        patched.setattr(post.journal, "spooled", _power_cut)  # the spool has the events, and the journal does not know
        with pytest.raises(PowerCutError):
            day(post, Scanned(begins_units=True), "OP-1", "OP-1", spool=spool)
    assert len(events(spool)) == 1
    post.restart()
    day(post, Scanned(begins_units=True), "OP-1", "OP-1", spool=spool)
    assert [event.seq for event in events(spool)] == [1, 2]
    assert post.desk.untold() == 0


class PowerCutError(Exception):
    """The power goes."""


def _power_cut(visit: int) -> None:
    raise PowerCutError


def test_a_meter_without_approved_parameters_is_not_written(post_at: PostAt, spool: Spool) -> None:
    meter = Drawer()
    seen = day(post_at(ASSEMBLY), Parameterization(meter, begins_units=True), "OP-1", "OP-1", spool=spool)
    assert seen[-1] == ("failed", "this step has no approved parameters: call the engineer")
    assert meter.closed == 0


@pytest.mark.parametrize(
    ("meter", "failure"),
    [
        (Drawer(), ""),
        (Drawer(keeps={"0.9.1": "127.0"}), ""),
        (Drawer(keeps={"0.9.1": "128"}), "0.9.1 was written as '127' and is '128'"),
        (Drawer(keeps={"0.9.1": "much"}), "0.9.1 was written as '127' and is 'much'"),
        (Drawer(keeps={"C.1": "a0"}), "C.1 was written as 'A0' and is 'a0'"),
        (Drawer(keeps={"0.0.0": "WA000009"}), "0.0.0 was written as 'WA000001' and is 'WA000009'"),
        (Drawer(refuses="0.0.0"), "the meter refuses 0.0.0: ER03"),
    ],
)
def test_what_was_written_is_read_back_and_said_with_the_digest(
    post_at: PostAt, spool: Spool, meter: Drawer, failure: str
) -> None:
    post, seen = calibrated(post_at, spool, OfSheet(meter))
    (applied,) = (event for event in events(spool) if isinstance(event, ParametersApplied))
    assert (applied.serial, applied.setup_digest) == ("WA000001", post.desk.contract("OP-1").setup_digest)
    assert (applied.accepted, applied.detail) == (not failure, failure)
    assert seen[-1] == ("failed" if failure else "passed", failure or "good")
    assert meter.closed == 1


def test_what_was_in_work_when_the_power_went_is_said_at_the_next_start(post_at: PostAt, spool: Spool) -> None:
    post = post_at(ASSEMBLY)
    unit = post.desk.begin("OP-1")
    post.restart()
    assert day(post, Scanned(), spool=spool)[0][1].endswith(f"again what was in work: {unit.serial}")
    assert ("passed", "good") in day(post, Scanned(), "OP-1", unit.serial, spool=spool)
    assert day(post, Scanned(), spool=spool) == [("waiting", "scan the order")]
