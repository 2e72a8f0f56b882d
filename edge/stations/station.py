"""A station's working day: an order is scanned, then unit after unit comes, is worked on, and goes, good or not.

    waiting ──scan──▶ working ──job──▶ passed / failed ──scan──▶ ...
        └── no unit may come: stopped, with the reason ──scan──▶ ...

What is done with a unit is a job, and the only thing that differs between stations. The operator decides nothing: what
to do is the contract's, whether a unit may come is the office's, or the lease's, and what came of it is the job's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from edge.client.shapes import Contract
from edge.desk.desk import WRONG_REVISION, Unit
from edge.desk.refusal import NoStart
from edge.stations.day import Day, Tools
from edge.stations.display import State
from edge.stations.recorder import Notes, line_of
from sipe.contracts.codec import encode
from sipe.contracts.events import CycleCompleted

SCAN_NEXT = "scan the next unit"
TAKE_OFF = "take the unit off the line"


class Job(Protocol):
    """What is done with a unit."""

    begins_units: bool
    """Whether units begin here, each with the next serial of the order, when the order is scanned again."""

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        """Work on a unit, and note what is measured, written or found.

        Why it failed, for the operator and the unit's passport; nothing when it is good. What cannot be done is a
        failure, and never an error.
        """


class Station(Day):
    """A station whose units are worked on, one after the other."""

    def __init__(self, job: Job, tools: Tools) -> None:
        super().__init__(tools)
        self._job = job

    async def run(self) -> None:
        """Work until cancelled. What was said of a unit when the power went is kept first."""
        await self._aside(self._keep_what_was_said)
        self._wait(await self._aside(self._tools.desk.in_work))
        while True:
            line = await self._tools.operator.scan()
            try:
                await self._scanned(line)
            except NoStart as error:
                self._show("stopped", str(error), then=TAKE_OFF)

    async def _scanned(self, line: str) -> None:
        found = await self._aside(self._tools.desk.look_up, line)
        is_at_work = self._contract is not None and self._contract.order == found.name
        if found.kind == "other":
            raise NoStart(f"this is no unit and no order but {found.name}")
        if found.kind == "order" and not (is_at_work and self._job.begins_units):
            self._contract = await self._aside(self._tools.desk.contract, found.name)
            self._wait()
        elif self._contract is None:
            raise NoStart("no order is at work here: scan the order first")
        elif found.kind == "order":
            await self._work_on(await self._aside(self._tools.desk.begin, found.name), self._contract)
        else:
            await self._enter(found.name, self._contract.order)

    async def _enter(self, serial: str, order: str) -> None:
        """Let a unit in by the contract that is at work; by the newest, when that was replaced meanwhile."""
        for is_last in (False, True):
            contract = self._contract
            if contract is None or is_last:
                contract = self._contract = await self._aside(self._tools.desk.contract, order)
            try:
                unit = await self._aside(self._tools.desk.enter, order, serial, contract.setup_digest)
            except NoStart as error:
                if is_last or error.reason != WRONG_REVISION:
                    raise
            else:
                await self._work_on(unit, contract)
                return

    async def _work_on(self, unit: Unit, contract: Contract) -> None:
        self.is_busy = True
        try:
            failure = await self._worked(unit, contract)
        finally:
            self.is_busy = False
        shown: State = "failed" if failure else "passed"
        self._show(shown, failure or "good", serial=unit.serial, then=TAKE_OFF if failure else SCAN_NEXT)
        await self.tell()

    async def _worked(self, unit: Unit, contract: Contract) -> str:
        self._show("working", unit.warning or f"{unit.serial} is in work", serial=unit.serial)
        began_ms, notes = self._tools.monotonic_ms(), Notes(self._tools.clock)
        failure = line_of(await self._job.work(unit, contract, notes))
        took_ms = self._tools.monotonic_ms() - began_ms
        notes.say(CycleCompleted, **_cycle(unit, contract, failure), **self._shared(unit, took_ms))
        await self._aside(self._finish, unit, failure, notes)
        return failure

    def _shared(self, unit: Unit, took_ms: int) -> dict[str, Any]:
        """What the units of one cycle have alike; here each has a cycle of its own."""
        return {"cycle_id": unit.visit.key, "cycle_ms": took_ms}

    def _finish(self, unit: Unit, failure: str, notes: Notes) -> None:
        """The result first, with what is said of it, then the spool: power may go between the two."""
        said = [encode(event) for event in self._tools.recorder.numbered(notes.facts)]
        self._tools.desk.finish(unit, "failed" if failure else "passed", failure, said)
        self._keep_what_was_said()

    def _keep_what_was_said(self) -> None:
        """Give the spool the events that the journal has; those it knows are left out."""
        for visit, lines in self._tools.journal.unspooled():
            self._keep_said(lines)
            self._tools.journal.spooled(visit)

    def _wait(self, left: Sequence[Unit] = ()) -> None:
        """`left` are the units that were in work when the gateway stopped: each is scanned again."""
        text = SCAN_NEXT if self._contract else "scan the order"
        if left:
            text += f", and then again what was in work: {', '.join(unit.serial for unit in left)}"
        self._show("waiting", text)


def _cycle(unit: Unit, contract: Contract, failure: str) -> dict[str, Any]:
    return {
        "order": contract.order,
        "product": contract.product,
        "step": contract.step,
        "qty": 1,
        "result": "rework" if failure else "good",
        "serial": unit.serial,
        "reason": failure,
        "sheet": contract.sheet.number if contract.sheet else None,
    }
