"""A station's working day: an order is scanned, then unit after unit comes, is worked on, and goes, good or not.

    waiting ──scan──▶ working ──job──▶ passed / failed ──scan──▶ ...
        └── no unit may come: stopped, with the reason ──scan──▶ ...

What is done with a unit is a job, and the only thing that differs between stations. The operator decides nothing: what
to do is the contract's, whether a unit may come is the office's, or the lease's, and what came of it is the job's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from edge.client.problems import ApiError
from edge.client.shapes import Contract
from edge.desk.desk import WRONG_REVISION, Desk, Room, Unit
from edge.desk.journal import Journal
from edge.desk.refusal import NoStart
from edge.stations.display import Display, Operator, State
from edge.stations.recorder import Notes, Recorder, line_of
from sipe.clock import Clock
from sipe.contracts.codec import Reject, decode, encode
from sipe.contracts.events import CycleCompleted, StationEvent

T = TypeVar("T")
_log = logging.getLogger(__name__)

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


class Station:
    """One station of a gateway; `run` ends only when it is cancelled."""

    def __init__(
        self, job: Job, *, desk: Desk, journal: Journal, recorder: Recorder, operator: Operator, clock: Clock
    ) -> None:
        self._job = job
        self._desk = desk
        self._journal = journal
        self._recorder = recorder
        self._operator = operator
        self._clock = clock
        self._contract: Contract | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="station")

    async def run(self) -> None:
        """Work until cancelled. What was said of a unit when the power went is kept first."""
        await self._aside(self._keep_what_was_said)
        self._wait(await self._aside(self._desk.in_work))
        while True:
            line = await self._operator.scan()
            try:
                await self._scanned(line)
            except NoStart as error:
                self._show("stopped", str(error), then=TAKE_OFF)

    async def tell(self) -> bool:
        """Tell the office what it has not heard, if it can be told; whether it now knows all."""
        try:
            await self._aside(self._desk.tell)
        except ApiError:
            return False
        return True

    async def renew_lease(self, units: int) -> Room | None:
        """Have a lease for so many units of the order at work, as far as the office can be asked; what there is."""
        if self._contract is None:
            return None
        return await self._aside(self._desk.renew_lease, self._contract.order, units)

    async def untold(self) -> int:
        """How many results the office has not heard."""
        return await self._aside(self._desk.untold)

    def close(self) -> None:
        """Let the thread go; what it is at comes to its end first."""
        self._thread.shutdown()

    async def _scanned(self, line: str) -> None:
        found = await self._aside(self._desk.look_up, line)
        is_at_work = self._contract is not None and self._contract.order == found.name
        if found.kind == "other":
            raise NoStart(f"this is no unit and no order but {found.name}")
        if found.kind == "order" and not (is_at_work and self._job.begins_units):
            self._contract = await self._aside(self._desk.contract, found.name)
            self._wait()
        elif self._contract is None:
            raise NoStart("no order is at work here: scan the order first")
        elif found.kind == "order":
            await self._work_on(await self._aside(self._desk.begin, found.name), self._contract)
        else:
            await self._enter(found.name, self._contract.order)

    async def _enter(self, serial: str, order: str) -> None:
        """Let a unit in by the contract that is at work; by the newest, when that was replaced meanwhile."""
        for is_last in (False, True):
            contract = self._contract
            if contract is None or is_last:
                contract = self._contract = await self._aside(self._desk.contract, order)
            try:
                unit = await self._aside(self._desk.enter, order, serial, contract.setup_digest)
            except NoStart as error:
                if is_last or error.reason != WRONG_REVISION:
                    raise
            else:
                await self._work_on(unit, contract)
                return

    async def _work_on(self, unit: Unit, contract: Contract) -> None:
        self._show("working", unit.warning or f"{unit.serial} is in work", serial=unit.serial)
        began_ms = self._clock.now_ms()
        notes = Notes(self._clock)
        failure = line_of(await self._job.work(unit, contract, notes))
        notes.say(CycleCompleted, **_cycle(unit, contract, failure), cycle_ms=max(0, self._clock.now_ms() - began_ms))
        await self._aside(self._finish, unit, failure, notes)
        shown: State = "failed" if failure else "passed"
        self._show(shown, failure or "good", serial=unit.serial, then=TAKE_OFF if failure else SCAN_NEXT)
        await self.tell()

    def _finish(self, unit: Unit, failure: str, notes: Notes) -> None:
        """The result first, with what is said of it, then the spool: power may go between the two."""
        said = [encode(event) for event in self._recorder.numbered(notes.facts)]
        self._desk.finish(unit, "failed" if failure else "passed", failure, said)
        self._keep_what_was_said()

    def _keep_what_was_said(self) -> None:
        """Give the spool the events that the journal has; those it knows are left out."""
        for visit, lines in self._journal.unspooled():
            read = [decode(line) for line in lines]
            self._recorder.keep([event for event in read if isinstance(event, StationEvent)])
            for reject in (one for one in read if isinstance(one, Reject)):  # of a journal that somebody has changed
                _log.error("an event of the journal is none: %s", reject.detail)
            self._journal.spooled(visit)

    def _wait(self, left: Sequence[Unit] = ()) -> None:
        """`left` are the units that were in work when the gateway stopped: each is scanned again."""
        text = SCAN_NEXT if self._contract else "scan the order"
        if left:
            text += f", and then again what was in work: {', '.join(unit.serial for unit in left)}"
        self._show("waiting", text)

    def _show(self, state: State, text: str, *, serial: str | None = None, then: str = "") -> None:
        order = self._contract.order if self._contract else None
        self._operator.show(Display(state=state, text=text, order=order, serial=serial, then=then))

    async def _aside(self, work: Callable[..., T], *args: Any) -> T:
        """Do what blocks in the station's own thread: one thing at a time, while the other stations go on."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


def _cycle(unit: Unit, contract: Contract, failure: str) -> dict[str, Any]:
    return {
        "order": contract.order,
        "product": contract.product,
        "step": contract.step,
        "qty": 1,
        "result": "rework" if failure else "good",
        "serial": unit.serial,
        "cycle_id": unit.visit.key,
        "reason": failure,
        "sheet": contract.sheet.number if contract.sheet else None,
    }
