"""One simulated day of one station: what happens at it, before anything is numbered or sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from models.plant import PlantStation
from models.twin.behaviour import Behaviour
from models.twin.drafts import NO_JOB, Draft, Job, Span, Stop
from models.twin.hours import Hours
from models.twin.noise import FITTED
from sipe.contracts.events import (
    CycleCompleted,
    OrderEnded,
    OrderStarted,
    ParameterMeasured,
    StateChanged,
    StationBorn,
    StationEvent,
    TestMeasured,
)
from sipe.contracts.fields import State

HOUR_MS = 3_600_000
LAST_MS = 20_000
"""What a station needs to end its day: the last order, and switching off."""
FIRMWARE = "twin 1.0"


@dataclass(kw_only=True)
class Work:
    """A station at work. `run` fills `drafts`, in the order of their times, and `stops`."""

    station: PlantStation
    behaviour: Behaviour
    hours: Hours
    random: Random
    span: Span
    drafts: list[Draft] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _now_ms: int = 0
    _state: tuple[State, str] | None = None
    _state_from_ms: int = 0
    _job: Job = NO_JOB
    _serials: int = 0
    _cycles: int = 0
    _burst_cycles: int = 0
    _waiting_rework: list[tuple[str, int]] = field(default_factory=list)
    _parameter_due_ms: int = 0

    def run(self, jobs: Sequence[Job]) -> None:
        """Work through the jobs of the day, one after the other, then switch off."""
        self._now_ms = self.span.from_ms + self._draw_ms(1_000, 20_000)
        self._emit(
            StationBorn,
            firmware=FIRMWARE,
            capabilities=self.station.steps,
            heartbeat_ms=self.station.heartbeat_ms,
            display=self.station.display,
        )
        self._pass(self._draw_ms(500, 3_000))
        for job in jobs:
            self._change("idle", "no order")
            self._pass(self._draw_ms(5_000, 60_000))
            self._job = job
            self._emit(OrderStarted, order=job.order, product=job.product, planned_qty=job.planned_qty)
            self._set_up()
            while self._now_ms < job.to_ms:
                self._work_on()
            self._change("idle", "order finished", named=False)
            self._pass(self._draw_ms(200, 2_000))
            self._emit(OrderEnded, order=job.order, product=job.product, planned_qty=job.planned_qty)
            self._job = NO_JOB
            self._waiting_rework.clear()
            self._pass(self._draw_ms(200, 2_000))
        self._change("off", "end of day")

    def _work_on(self) -> None:
        if not (self.hours.planned.at(self._now_ms) or self.behaviour.works_through):
            self._rest()
        else:
            self._change("executing")
            cycle_ms = self._cycle()
            if self._happens(self.behaviour.breakdowns_per_h * cycle_ms / HOUR_MS):
                self._break_down()
            elif self._happens(self.behaviour.micro_stops_per_h * cycle_ms / HOUR_MS):
                self._stop_for("idle", self.random.choice(self.behaviour.micro_stop_reasons), 25_000, 0.8)

    def _rest(self) -> None:
        """A break, or the time between shifts; people come back a little early or late."""
        planned_ms = self.hours.planned.next_change_ms(self._now_ms)
        while planned_ms is not None and not self.hours.planned.at(planned_ms):
            planned_ms = self.hours.planned.next_change_ms(planned_ms)
        end_ms = self.span.to_ms if planned_ms is None else planned_ms + self._draw_ms(-30_000, 90_000)
        if self.hours.shift.at(self._now_ms) == "":
            self._change("off", "no shift")
        else:
            self._change(*self.random.choice((("planned_stop", "break"), ("idle", "break"), ("planned_stop", ""))))
        self._pass(max(1_000, min(end_ms, self._job.to_ms) - self._now_ms))

    def _set_up(self) -> None:
        left_ms = max(0, self._job.to_ms - self._now_ms)
        self._stop_for("setup", self.behaviour.setup_reason, min(self.behaviour.setup_ms, left_ms // 4), 0.3)

    def _break_down(self) -> None:
        """Down, first without a reason; some are repaired as maintenance."""
        self.happened["breakdowns"] += 1
        reason = self.random.choice(self.behaviour.breakdown_reasons)
        if self._happens(0.5):
            self._stop_for("down", "", self.behaviour.breakdown_ms // 4, 0.5)
        self._stop_for("down", reason, self.behaviour.breakdown_ms, 0.8)
        if self._happens(0.3):
            self._stop_for("maintenance", reason, self.behaviour.breakdown_ms, 0.4)

    def _cycle(self) -> int:
        """One cycle and all that it reports; returns its milliseconds."""
        job, does = self._job, self.behaviour
        step = self.random.choice(self.station.steps)
        standard_ms = self._standard_ms(step)
        planned_ms = standard_ms * does.positions * does.pieces
        cycle_ms = self._bounded_ms(round(1.05 * planned_ms * FITTED.sample(self.random)))
        self._pass(cycle_ms)
        self._cycles += 1
        if self._burst_cycles == 0 and self._happens(does.burst_per_cycle):
            self.happened["scrap_bursts"] += 1
            self._burst_cycles = self.random.randint(4, 12)
        shared: dict[str, Any] = {"order": job.order, "product": job.product, "step": step, "cycle_ms": cycle_ms}
        if does.own_standard:
            shared |= {"planned_cycle_ms": standard_ms, "sheet": f"{step}-{job.product}-r3"}
        if does.positions > 1:
            shared["cycle_id"] = f"cycle-{self._cycles:06d}"
        for position in range(1, does.positions + 1):
            self._piece(shared, position)
        self._burst_cycles = max(0, self._burst_cycles - 1)
        self._measure_parameter()
        return cycle_ms

    def _piece(self, shared: dict[str, Any], position: int) -> None:
        does = self.behaviour
        scrap = 0.5 if self._burst_cycles else does.scrap
        chance = self.random.random()
        result = "scrap" if chance < scrap else "rework" if chance < scrap + does.rework else "good"
        fields = {**shared, "qty": does.pieces, "result": result}
        if does.positions > 1:
            fields["position"] = str(position)
        if result != "good":
            fields["reason"] = self.random.choice(("out of limits", "visual defect", "no reply"))
        if does.serials:
            serial, attempt = self._next_unit()
            fields |= {"serial": serial, "attempt": attempt}
            if result == "rework":
                self._waiting_rework.append((serial, attempt + 1))
            if does.test is not None:
                self._test(serial, shared["step"], passed=result == "good")
        self._emit(CycleCompleted, **fields)
        self._pass(self._draw_ms(2, 12))

    def _next_unit(self) -> tuple[str, int]:
        """A unit that comes back from rework, or the next new one."""
        if self._waiting_rework and self._happens(0.3):
            self.happened["rework_loops"] += 1
            return self._waiting_rework.pop(0)
        self._serials += 1
        return f"{self._job.product}-{self._serials:08d}", 1

    def _test(self, serial: str, step: str, *, passed: bool) -> None:
        assert self.behaviour.test is not None  # noqa: S101  only stations with a test get here
        name, unit, low, high = self.behaviour.test
        share = self.random.uniform(0.1, 0.9) if passed else self.random.uniform(1.05, 1.6)
        value = round(low + share * (high - low), 4)
        self._emit(
            TestMeasured, serial=serial, step=step, test=name, value=value, unit=unit, low=low, high=high, passed=passed
        )
        self._pass(1)

    def _measure_parameter(self) -> None:
        parameter = self.behaviour.parameter
        if parameter is None or self._now_ms < self._parameter_due_ms:
            return
        value = round(self.random.gauss(parameter.mean, parameter.sigma), 2)
        self._emit(ParameterMeasured, name=parameter.name, value=value, unit=parameter.unit, order=self._job.order)
        self._parameter_due_ms = self._now_ms + 2 * self.station.heartbeat_ms

    def _standard_ms(self, step: str) -> int:
        """The standard time, or where the plant has none for the product what its other products take."""
        times = self.station.planned_cycle_ms[step]
        return times.get(self._job.product) or max(times.values(), default=10_000)

    def _stop_for(self, state: State, reason: str, median_ms: int, sigma: float) -> None:
        self._change(state, reason)
        self._pass(self._bounded_ms(round(median_ms * math.exp(self.random.gauss(0, sigma)))))

    def _bounded_ms(self, duration_ms: int) -> int:
        """No cycle and no stop takes more than an eighth of the day, nor reaches its last seconds."""
        longest_ms = min((self.span.to_ms - self.span.from_ms) // 8, self.span.to_ms - LAST_MS - self._now_ms)
        return max(2, min(duration_ms, longest_ms))

    def _change(self, state: State, reason: str = "", *, named: bool = True) -> None:
        """Report a change of state; half of the reports name the order."""
        if self._state == (state, reason):
            return
        if self._state is not None and self._state[0] in {"idle", "down"}:
            self.stops.append(Stop(self._state_from_ms, self._now_ms, self._state[0]))
        fields: dict[str, Any] = {"state": state, "reason": reason}
        if named and self._job.order and self._happens(0.5):
            fields |= {"order": self._job.order, "product": self._job.product}
        self._emit(StateChanged, **fields)
        self._state, self._state_from_ms = (state, reason), self._now_ms
        self._pass(1)

    def _emit(self, kind: Callable[..., StationEvent], **fields: Any) -> None:
        self.drafts.append(Draft(self._now_ms, kind, fields))

    def _pass(self, duration_ms: int) -> None:
        self._now_ms += duration_ms

    def _draw_ms(self, low_ms: int, high_ms: int) -> int:
        return self.random.randint(low_ms, high_ms)

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance
