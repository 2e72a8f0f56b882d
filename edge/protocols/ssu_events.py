"""What the blocks of a user output tell, one after the other: pulses by register, and the ends of intervals.

A register is compared with its own last count, for the quadrant of a block says which two it tells of. The last block
of an interval is sent three times and counts once, since a count that is the same again is no pulse.
"""

from __future__ import annotations

from edge.protocols.pulses import pulses_between
from edge.protocols.records import Record
from edge.protocols.ssu import SECONDS_LOST_MAX
from edge.protocols.ssu_blocks import Block

DEMAND_INTERVAL, REACTIVE_INTERVAL, DEMAND_RESET = "demand_interval", "reactive_interval", "demand_reset"
"""What ended."""
CLOCK_SET_MAX_S = 5
"""By so many seconds a clock may be set within an interval; what is more is another interval."""


class Pulses(Record):
    """Pulses that came since the block before."""

    FIELDS = ("register", "count")

    def __init__(self, register: int, count: int) -> None:
        self.register = register
        self.count = count


class Ended(Record):
    """An interval ended, or the demand was reset, between the block before and this one."""

    FIELDS = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what


class Missed(Record):
    """Pulses may be missing: the end of an interval was not heard, or the meter started anew."""


class SsuEvents:
    """The events of one meter. What it has counted before it was first heard is not told."""

    def __init__(self) -> None:
        self._before: Block | None = None
        self._before_ms: float | None = None
        self._counts: dict[int, int] = {}
        self._has_begun = False
        """Whether the interval was seen to begin, so that a register which comes later began with 0."""

    def take(self, block: Block, at_ms: float | None = None) -> list[Record]:
        """The events of the next block, ends first. With times it is known too when whole intervals were lost."""
        events: list[Record] = []
        if self._before is not None and type(self._before) is not type(block):
            self._before, self._counts, self._has_begun = None, {}, False
            events.append(Missed())
        if self._before is not None:
            events += self._ended(self._before, block, at_ms)
        events += self._counted(block)
        self._before, self._before_ms = block, at_ms
        return events

    def _ended(self, before: Block, block: Block, at_ms: float | None) -> list[Record]:
        events: list[Record] = []
        passed_s = before.seconds_left - block.seconds_left
        is_new = passed_s < -CLOCK_SET_MAX_S
        is_missed = is_new and before.seconds_left > SECONDS_LOST_MAX
        if at_ms is not None and self._before_ms is not None:
            late_s = (at_ms - self._before_ms) / 1000 - (0 if is_new else passed_s)
            is_missed = is_missed or abs(late_s) > CLOCK_SET_MAX_S
        if is_missed:
            events.append(Missed())
        if is_new or is_missed:
            events.append(Ended(DEMAND_INTERVAL))
            self._counts, self._has_begun = {}, True
        if before.reactive_interval != block.reactive_interval:
            events.append(Ended(REACTIVE_INTERVAL))
        if before.demand_reset != block.demand_reset:
            events.append(Ended(DEMAND_RESET))
        return events

    def _counted(self, block: Block) -> list[Record]:
        events: list[Record] = []
        for register, count in block.counters():
            before = self._counts.get(register, 0 if self._has_begun else count)
            self._counts[register] = count
            pulses = pulses_between(before, count, block.WRAP, block.WRAP // 2)
            if pulses is None:
                events.append(Missed())
            elif pulses:
                events.append(Pulses(register, pulses))
        return events
