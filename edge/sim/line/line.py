"""A line at work: each meter goes from stand to stand until it is packed, or taken off because it may not go on.

A meter's label is its serial until it is closed, and its cover from then on. Those of two meters are swapped when both
are closed; a label that was printed twice is found where the second one comes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from edge.sim.line.meter import LineMeter
from edge.sim.line.plan import STEPS, Planned, Step
from edge.sim.line.stand import Stand
from edge.stations.display import Display

PASSED_BEFORE = ("has passed this station", "has passed every step")
"""What is shown when a unit comes again whose result nobody saw, as the gateway went down with it."""


class Outcome(NamedTuple):
    """What became of a meter."""

    planned: Planned
    label: str
    """That it had in the end."""
    taken_off: Step | None
    """Where; None is packed."""
    because: str
    """What stood on the screen there."""

    @property
    def is_right(self) -> bool:
        """Whether it ended where it had to, for the reason that had to be found."""
        fate = self.planned.fate
        if fate is None:
            return self.taken_off is None
        return self.taken_off == fate.step and any(words in self.because for words in fate.because)


class Line:
    """The stands of each step; a meter goes to the one that is free first."""

    def __init__(self, stands: Mapping[Step, Sequence[Stand]]) -> None:
        self._stands = stands
        self._free: dict[Step, asyncio.Queue[Stand]] = {}

    async def run(self, plan: Sequence[Planned], ended: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
        """Have all meters begun, and then walk, in their order; `ended` is told of each as it leaves the line.

        Every station has the order before the first one walks: so the leases that it takes name all of them.
        """
        self._free = {step: asyncio.Queue() for step in STEPS}
        for step, stands in self._stands.items():
            for stand in stands:
                self._free[step].put_nowait(stand)
        meters = await self._begun(plan)
        await asyncio.gather(*(stand.at_order() for stands in self._stands.values() for stand in stands))
        ready = {meter.planned.number: asyncio.Event() for meter in meters}

        async def walk(meter: LineMeter) -> Outcome:
            try:
                outcome = await self._walked(meter, ready)
            finally:
                ready[meter.planned.number].set()  # nobody waits for one that was taken off
            ended(outcome)
            return outcome

        async with asyncio.TaskGroup() as group:
            walks = [group.create_task(walk(meter)) for meter in meters]
        return [walk.result() for walk in walks]

    async def _begun(self, plan: Sequence[Planned]) -> list[LineMeter]:
        """The meters with their serials, each of its own but those that were printed twice; the covers are ready."""
        meters = [LineMeter(planned) for planned in plan]
        for meter in meters:
            if meter.planned.wrong == "doubled-serial":
                meter.serial = meters[meter.planned.other or 0].serial
            else:
                meter.serial = (await self._stands["assembly"][0].begin()).serial or ""
        for meter in meters:
            other = meter.planned.other
            meter.cover = meter.serial if other is None else meters[other].serial
        return meters

    async def _walked(self, meter: LineMeter, ready: Mapping[int, asyncio.Event]) -> Outcome:
        """`ready` is set for each meter that waits to be closed: those whose covers get swapped lie side by side."""
        planned = meter.planned
        for step in STEPS[1:]:
            if step == "parameterization" and planned.wrong == "skipped-step":
                continue
            if step == "closing":
                ready[planned.number].set()
                if planned.wrong == "swapped-cover" and planned.other is not None:
                    await ready[planned.other].wait()
            label = meter.serial if step == "parameterization" else meter.cover
            screen = await self._worked(step, label, meter)
            if screen.state != "passed":
                return Outcome(planned, label, step, screen.text)
        return Outcome(planned, meter.cover, None, "")

    async def _worked(self, step: Step, label: str, meter: LineMeter) -> Display:
        stand = await self._free[step].get()
        dark = stand.dark
        talker = {"parameterization": meter.head, "serial-output": meter.output}.get(step)
        try:
            screen = await stand.work_on(label, talker() if talker else None)
        finally:
            self._free[step].put_nowait(stand)
        if stand.dark > dark and any(words in screen.text for words in PASSED_BEFORE):
            return Display(state="passed", text=screen.text)
        return screen
