"""A counting station: a machine without serials, such as a placer or a solder wave, and the order that it works on.

    waiting ──order──▶ counting: pieces, and whether the machine is executing, idle or down ──order──▶ ...

The operator scans the order and nothing else; it is at work over a restart, too. What the machine makes before any
order is scanned is kept, and belongs to the first that is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any
from uuid import uuid4

from msgspec import Meta, Struct

from edge.channels.intake import Chunk, Message
from edge.channels.settings import SpanMs
from edge.client.shapes import Contract
from edge.desk.refusal import NoStart
from edge.stations.count_journal import CountJournal, Cycle
from edge.stations.day import Day, Tools
from edge.stations.display import State
from edge.stations.machine_inputs import Heard, Inputs, InputSettings, Kept, Pieces
from edge.stations.machine_state import Change, MachineState
from edge.stations.recorder import Fact, line_of
from sipe.contracts.codec import CLOCK_SET_MS_MIN, encode
from sipe.contracts.events import CycleCompleted, StateChanged

_log = logging.getLogger(__name__)

SCAN_ORDER = "scan the order"


class CountSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a counting station is told."""

    inputs: Annotated[tuple[InputSettings, ...], Meta(min_length=1, max_length=32)]
    idle_after_ms: SpanMs = 120_000
    """A machine that has made nothing for so long is idle, since the last piece."""


class CountingStation(Day):
    """A station that counts what its machine says."""

    def __init__(self, settings: CountSettings, channel: AsyncIterator[Chunk | Message], tools: Tools) -> None:
        """Raises `SipeError` for a journal that cannot be opened."""
        super().__init__(tools)
        self._channel = channel
        self._settings = settings
        self._journal = CountJournal(tools.home / "count.sqlite3")
        self._inputs = Inputs(settings.inputs)
        self._machine = MachineState(settings.idle_after_ms, tools.monotonic_ms())
        self._made_ms: int | None = None
        """When the last piece was made; None when nobody was there."""
        self._counters: dict[str, int] = {}
        self._made: Counter[str] = Counter()
        """What was made since the order was scanned, or since the start."""
        self._has_heard = False
        self._trouble = self._refusal = ""
        self._shown: tuple[State, str, str] | None = None

    async def run(self) -> None:
        """Count until cancelled, from where the counters stood."""
        await self._aside(self._restore)
        self._show_what_goes()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_orders())
            group.create_task(self._listen())

    def close(self) -> None:
        """See `Day`."""
        super().close()
        self._journal.close()

    async def _take_orders(self) -> None:
        while True:
            line = await self._tools.operator.scan()
            try:
                contract = await self._order_of(line)
            except NoStart as error:
                self._refusal = str(error)
            else:
                self._refusal = ""
                await self._aside(self._begin, contract)
            self._show_what_goes()

    async def _listen(self) -> None:
        while True:
            said = await self._next(self._channel)
            if said is not None:
                await self._aside(self._take, said)
            if isinstance(said, Message):
                said.taken()
            if changes := self._machine.looked(self._tools.monotonic_ms()):
                await self._aside(self._count, Heard(), (), changes)
            self._show_what_goes()

    def _restore(self) -> None:
        self._keep_what_was_said()
        self._contract = self._journal.contract()
        now_ms, stood = self._tools.clock.now_ms(), self._journal.counters()
        self._counters = {key: value for key, (value, _) in stood.items()}
        kept = {key: Kept(value, _ago_ms(at_ms, now_ms)) for key, (value, at_ms) in stood.items()}
        self._inputs.restore(kept, self._tools.monotonic_ms())

    def _begin(self, contract: Contract) -> None:
        """Another order, or its contract as it is now; the machine goes on in the state that it is in."""
        is_other = self._contract is None or self._contract.order != contract.order
        self._contract = contract
        unordered = self._journal.unordered()
        facts = [fact for cycle in unordered for fact in self._cycles([cycle])]
        if is_other:
            self._made.clear()
            for cycle in unordered:
                self._made[cycle.result] += cycle.qty
            if self._machine.state is not None:
                facts.append(self._state_fact(self._machine.state, self._tools.clock.now_ms()))
        self._journal.begin(contract, self._encoded(facts))
        self._keep_what_was_said()

    def _take(self, said: Chunk | Message) -> None:
        """What came: on the disk when this returns."""
        heard, self._has_heard = self._inputs.take(said), True
        self._trouble = line_of("; ".join(heard.troubles))
        if self._journal.knows(heard.messages):
            _log.info("a message came twice: %s", heard.messages)
            return
        changes = self._machine.told(said.at_ms, is_down=heard.is_down) if heard.is_down is not None else []
        cycles: list[Cycle] = []
        if heard.pieces:
            changes += self._machine.made(said.at_ms)
            cycles = self._cycles_of(heard.pieces, said.at_ms)
        self._count(heard, cycles, changes)

    def _count(self, heard: Heard, cycles: Sequence[Cycle], changes: Iterable[Change]) -> None:
        counters = {key: value for key, value in heard.counters.items() if self._counters.get(key) != value}
        facts = [self._state_fact(change.state, self._wall_ms(change.at_ms)) for change in changes]
        has_order = self._contract is not None
        facts += self._cycles(cycles) if has_order else []
        if not (counters or heard.messages or facts or cycles):
            return
        now_ms = self._tools.clock.now_ms()
        unordered = () if has_order else cycles
        self._journal.count(counters, heard.messages, now_ms, self._encoded(facts), unordered)
        self._counters |= counters
        for cycle in cycles:
            self._made[cycle.result] += cycle.qty
        self._keep_what_was_said()

    def _cycles_of(self, pieces: Sequence[Pieces], at_ms: int) -> list[Cycle]:
        """Pieces that came together, which took the time since the ones before, if the machine was at it that long."""
        took_ms = at_ms - self._made_ms if self._made_ms is not None else 0
        cycle_ms = took_ms if took_ms < self._settings.idle_after_ms else 0
        self._made_ms = at_ms
        ts_ms = self._wall_ms(at_ms)
        return [Cycle(one.result, one.qty, cycle_ms, ts_ms) for one in pieces]

    def _cycles(self, cycles: Sequence[Cycle]) -> list[Fact]:
        contract = self._contract
        if contract is None:
            return []
        shared: dict[str, Any] = {"order": contract.order, "product": contract.product, "step": contract.step}
        shared["sheet"] = contract.sheet.number if contract.sheet else None
        shared["cycle_id"] = uuid4().hex if len(cycles) > 1 else None
        return [
            Fact(CycleCompleted, one.ts_ms, {**shared, "qty": one.qty, "result": one.result, "cycle_ms": one.cycle_ms})
            for one in cycles
        ]

    def _state_fact(self, state: str, ts_ms: int) -> Fact:
        contract = self._contract
        what = {"order": contract.order, "product": contract.product} if contract else {}
        return Fact(StateChanged, ts_ms, {"state": state, **what})

    def _wall_ms(self, at_ms: int) -> int:
        """The wall time of a moment of the other clock."""
        return self._tools.clock.now_ms() - (self._tools.monotonic_ms() - at_ms)

    def _encoded(self, facts: Sequence[Fact]) -> list[bytes]:
        return [encode(event) for event in self._tools.recorder.numbered(facts)]

    def _keep_what_was_said(self) -> None:
        for said, lines in self._journal.unspooled():
            self._keep_said(lines)
            self._journal.spooled(said)

    def _show_what_goes(self) -> None:
        made = ", ".join(f"{qty} {result}" for result, qty in sorted(self._made.items()))
        made = made or ("nothing was made yet" if self._has_heard else "the machine has said nothing yet")
        shown: tuple[State, str, str]
        if self._refusal:
            shown = "stopped", self._refusal, SCAN_ORDER
        elif self._trouble:
            shown = "stopped", self._trouble, "call the engineer"
        elif self._contract is None:
            shown = "waiting", f"{made}, and no order", SCAN_ORDER
        elif self._machine.state == "down":
            shown = "stopped", f"the machine is down; {made}", ""
        else:
            shown = "working" if self._machine.state == "executing" else "waiting", made, ""
        if shown != self._shown:
            self._shown = shown
            self._show(shown[0], shown[1], then=shown[2])


def _ago_ms(at_ms: int, now_ms: int) -> int | None:
    """How long ago a wall time was; None when a clock was not set, or was set back."""
    return now_ms - at_ms if CLOCK_SET_MS_MIN <= at_ms <= now_ms else None
