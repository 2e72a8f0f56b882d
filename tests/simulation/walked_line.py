"""A line without wires and clocks: the stations' jobs and the office's rules, over a real store, tray after tray.

Routing, serials and digests are ruled by the office as it rules over HTTP, a tray in one transaction. Meters are
parameterized at their registers, and heard as they speak: PIMA's own packets, in a time that takes none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
from line_shop import ORDER, STATIONS
from office import who

from connectors.sql import stations, units
from connectors.sql.work import Store, Work
from edge.channels.intake import Chunk
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.desk.journal import Visited
from edge.protocols.session import Send, Wait
from edge.sim.line.line import Outcome
from edge.sim.line.meter import LineMeter
from edge.sim.line.plan import STEPS, Planned, Step
from edge.stations.parameterization import Parameterization
from edge.stations.recorder import Notes
from edge.stations.scan_station import Scanned
from edge.stations.serial_output import POLL_MS, SerialOutputTest
from edge.stations.station import Job
from sipe.clock import ManualClock

TRAY = 100
DEVICE = who("ana")


class AtRegisters:
    """A `Meter` whose registers are at hand: what is on the wire is proved where drivers and protocols are."""

    def __init__(self, meter: LineMeter) -> None:
        self._meter = meter

    async def open(self) -> None: ...

    async def write(self, register: str, value: str) -> None:
        self._meter.registers.write(register, value)

    async def read(self, register: str) -> str:
        return str(self._meter.registers.read(register, ""))

    async def close(self) -> None: ...


class Output:
    """The channel to a meter's serial output; time passes while it is listened to."""

    def __init__(self, meter: LineMeter, clock: ManualClock) -> None:
        self._session = meter.output().session
        self._clock = clock

    def __aiter__(self) -> Output:
        return self

    async def __anext__(self) -> Chunk:
        action = self._session.resume(b"", self._clock.now_ms())
        if isinstance(action, Send):
            return Chunk(self._clock.now_ms(), 1, action.data)
        assert isinstance(action, Wait)
        self._clock.advance(POLL_MS)
        raise TimeoutError


class WalkedLine:
    """The stations of the line shop; `old_digest` is of the setup sheet that was in force before."""

    def __init__(self, store: Store, clock: ManualClock, old_digest: str) -> None:
        self._store = store
        self._clock = clock
        self._old_digest = old_digest
        self._contracts = {step: self._contract(step) for step in STEPS}

    def walk(self, plan: Sequence[Planned]) -> Iterator[Outcome]:
        """What becomes of the meters, tray by tray."""
        with asyncio.Runner() as runner:
            for start in range(0, len(plan), TRAY):
                yield from self._walk(runner, plan[start : start + TRAY])

    def _walk(self, runner: asyncio.Runner, plan: Sequence[Planned]) -> Iterator[Outcome]:
        meters = self._store.work(DEVICE, self._begun, plan)
        for step in STEPS[1:]:
            here = [meter for meter in meters if not (step == STEPS[1] and meter.planned.wrong == "skipped-step")]
            off = self._store.work(DEVICE, self._worked, step, here, runner)
            yield from off
            gone = {outcome.planned.number for outcome in off}
            meters = [meter for meter in meters if meter.planned.number not in gone]
        yield from (Outcome(meter.planned, meter.cover, None, "") for meter in meters)

    def _begun(self, work: Work, plan: Sequence[Planned]) -> list[LineMeter]:
        meters = [LineMeter(planned) for planned in plan]
        new = [meter for meter in meters if meter.planned.wrong != "doubled-serial"]
        station = STATIONS["assembly"][0]
        for meter, unit in zip(new, units.begin(work, ORDER, len(new)), strict=True):
            meter.serial = units.enter(work, station, unit.serial).unit.serial
            units.succeed(work, station, meter.serial)
        others = {meter.planned.number: meter for meter in meters}
        for meter in meters:
            other = others.get(meter.planned.other if meter.planned.other is not None else -1)
            if meter.planned.wrong == "doubled-serial" and other:
                meter.serial = other.serial
            meter.cover = other.serial if other else meter.serial
        return meters

    def _worked(self, work: Work, step: Step, meters: Sequence[LineMeter], runner: asyncio.Runner) -> list[Outcome]:
        """What is taken off at a step."""
        station, contract, off = STATIONS[step][0], self._contracts[step], []
        for meter in meters:
            label = meter.serial if step == "parameterization" else meter.cover
            shown = None if contract is None else contract.setup_digest
            if step == "parameterization" and meter.planned.wrong == "wrong-revision":
                shown = self._old_digest
            admission = stations.admit(work, station, label, order=ORDER, setup_digest=shown)
            failure = str(admission.refusal or "")
            if not failure and contract is not None:
                failure = runner.run(self._job(step, meter).work(_unit(label), contract, Notes(self._clock)))
                if failure:
                    units.fail(work, station, label, failure)
            if not failure:
                units.succeed(work, station, label)
            else:
                off.append(Outcome(meter.planned, label, step, failure))
        return off

    def _job(self, step: Step, meter: LineMeter) -> Job:
        if step == "parameterization":
            return Parameterization(AtRegisters(meter))
        if step == "serial-output":
            return SerialOutputTest(Output(meter, self._clock), self._clock.now_ms)
        return Scanned()

    def _contract(self, step: Step) -> Contract | None:
        with self._store.reading() as connection:
            station = STATIONS[step][0]
            found = stations.at_work(connection, station, ORDER, self._clock.now_ms())
            return msgspec.json.decode(stations.contract_of(connection, found, station), type=Contract)


def _unit(serial: str) -> Unit:
    return Unit(serial, Visited(1, "key", "working", ORDER, serial, None, 0, None, None, "", None, ""))
