"""A test bench that names its units: what it says of one lets that one in, is judged by the sheet, and lets it go.

    waiting ──order──▶ a result ──the office lets the unit in──▶ judged ──▶ passed / failed
                          ├── the office cannot be asked: the result waits
                          └── the office does not: the result is kept, and its values are said

A result is on the disk before it is acknowledged, and judged once. The operator scans the order and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

from edge.channels.intake import Chunk, Message
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.desk.refusal import NoStart
from edge.protocols.lines import LineDecoder, ScannedLine
from edge.protocols.records import Discard, Frame
from edge.stations.bench_format import Format, Record, Unreadable, records_of
from edge.stations.bench_journal import BenchJournal, Result
from edge.stations.bench_verdict import limits_of, verdict_on
from edge.stations.day import Tools
from edge.stations.recorder import Notes, line_of
from edge.stations.station import TAKE_OFF, Station
from sipe.contracts.codec import encode
from sipe.contracts.events import TestMeasured

_log = logging.getLogger(__name__)

AGAIN_AFTER_MS = 5_000
SAID_NO_UNIT = "1"
"""TestMeasured wants a unit of measurement: that of a bare number."""


class Judged:
    """The job of a bench: to judge the result that it is given."""

    begins_units = False

    def __init__(self) -> None:
        self.result: Result | None = None

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        """Why the unit failed, by all of its values."""
        records = self.result.records if self.result else ()
        return "; ".join(note_values(notes, records, contract))


class BenchStation(Station):
    """A station whose units are what its bench names."""

    def __init__(self, settings: Format, channel: AsyncIterator[Chunk | Message], tools: Tools) -> None:
        """Raises `SipeError` for a journal that cannot be opened."""
        self._judge = Judged()
        super().__init__(self._judge, tools)
        self._settings = settings
        self._channel = channel
        self._results = BenchJournal(tools.home / "bench.sqlite3")
        self._decoder = LineDecoder()
        self._connection = 0
        self._said_ms = self._asked_ms = tools.monotonic_ms()
        self.discarded: Counter[str] = Counter()
        """How many records were none, by reason."""

    async def run(self) -> None:
        """Judge until cancelled; first what was left when the power went."""
        await self._aside(self._keep_what_was_said)
        await self._aside(self._take_up)
        self._wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_orders())
            group.create_task(self._listen())

    def close(self) -> None:
        """See `Day`."""
        super().close()
        self._results.close()

    async def _take_orders(self) -> None:
        while True:
            line = await self._tools.operator.scan()
            try:
                self._contract = await self._order_of(line)
            except NoStart as error:
                self._show("stopped", str(error), then="scan the order")
            else:
                self._asked_ms = self._tools.monotonic_ms() - AGAIN_AFTER_MS
                self._wait()

    async def _listen(self) -> None:
        while True:
            said = await self._next(self._channel)
            if said is not None:
                self._said_ms = said.at_ms
                await self._aside(self._take, said)
            elif self._tools.monotonic_ms() - self._said_ms >= self._settings.pause_ms:
                self._count_discards(self._decoder.end())
                if self._settings.complete == "pause":
                    await self._aside(self._complete_all)
            if isinstance(said, Message):
                said.taken()
            if said is not None or self._tools.monotonic_ms() - self._asked_ms >= AGAIN_AFTER_MS:
                self._asked_ms = self._tools.monotonic_ms()
                await self._judge_what_waits()

    def _take(self, said: Chunk | Message) -> None:
        """What the bench said: on the disk when this returns."""
        records: list[Record] = []
        for text in self._texts(said):
            for one in records_of(text, self._settings):
                if isinstance(one, Unreadable):
                    self._discard(one.reason, str(one))
                elif self._results.knows(_numbers([one])):
                    _log.info("a result of %s came twice: %s", one.serial, one.number)
                else:
                    records.append(one)
        if records:
            is_all = self._settings.complete == "record"
            complete = [one.serial for one in records if is_all or self._is_verdict(one)]
            self._results.take(records, complete, _numbers(records))

    def _texts(self, said: Chunk | Message) -> Iterable[str]:
        if isinstance(said, Message):
            return [said.payload.decode(errors="replace")]
        found: list[Frame | Discard] = []
        if said.connection != self._connection:  # between two of them bytes may be missing
            found += self._decoder.end()
            self._connection = said.connection
        found += self._decoder.feed(said.data)
        self._count_discards(found)
        lines = (one.text for one in found if isinstance(one, ScannedLine))
        return [line.encode("latin-1").decode(errors="replace") for line in lines]

    def _is_verdict(self, record: Record) -> bool:
        return self._settings.complete == "verdict" and record.passed is not None

    def _count_discards(self, found: Iterable[Frame | Discard]) -> None:
        for one in found:
            if isinstance(one, Discard) and one.reason != "blank":
                self._discard(one.reason, f"{one.size_bytes} bytes at {one.offset}")

    def _discard(self, reason: str, detail: str) -> None:
        self.discarded[reason] += 1
        _log.warning("a record of the bench is none: %s: %s", reason, line_of(detail))
        self._show("stopped", line_of(f"{self.discarded[reason]} records are none ({reason}): {detail}"))

    def _complete_all(self) -> None:
        if serials := self._results.incomplete():
            self._results.take([], serials, {})

    async def _judge_what_waits(self) -> None:
        """Result after result, as long as the office can be asked."""
        for result in await self._aside(self._results.results, "waiting"):
            contract = self._contract
            if contract is None:
                self._show("stopped", f"{result.serial} has a result, and no order is at work", then="scan the order")
                return
            self._judge.result = result
            try:
                await self._enter(result.serial, contract.order)
            except NoStart as error:
                if not error.is_final:
                    self._show("stopped", f"the result of {result.serial} waits: {error}", serial=result.serial)
                    return
                await self._aside(self._refuse, result, contract, str(error))
                kept = await self._aside(self._results.refused)
                text = f"{result.serial} may not come: {error}; its result is kept, {kept} of them"
                self._show("stopped", text, serial=result.serial, then=TAKE_OFF)

    def _refuse(self, result: Result, contract: Contract, why: str) -> None:
        notes = Notes(self._tools.clock)
        note_values(notes, result.records, contract)
        said = [encode(event) for event in self._tools.recorder.numbered(notes.facts)]
        self._results.refuse(result, why, said)
        self._keep_what_was_said()
        _log.error("the result of %s is kept, for it may not come: %s", result.serial, why)

    def _finish(self, unit: Unit, failure: str, notes: Notes) -> None:
        """See `Station`; whoever looks after a power cut knows by the key whether it was done."""
        result = self._judge.result
        if result is not None:
            self._results.work(result, unit.visit.key)
        super()._finish(unit, failure, notes)
        if result is not None:
            self._results.done(result)

    def _take_up(self) -> None:
        """What was being written down when the power went: it is done, or it is judged again."""
        for result in self._results.results("working"):
            visit = self._tools.journal.visit(result.visit)
            if visit is not None and visit.state == "working":
                self._results.wait(result)
            else:
                self._results.done(result)

    def _keep_what_was_said(self) -> None:
        super()._keep_what_was_said()
        for result, lines in self._results.unspooled():
            self._keep_said(lines)
            self._results.spooled(result)

    def _shared(self, unit: Unit, took_ms: int) -> dict[str, Any]:
        """What the bench says of the cycle; the units that it names together had one."""
        del took_ms  # to judge takes no time; how long the bench took only the bench knows
        records = self._judge.result.records if self._judge.result else ()
        return {
            "cycle_id": next((one.cycle for one in records if one.cycle), unit.visit.key),
            "position": next((one.position for one in records if one.position), None),
            "cycle_ms": next((one.cycle_ms for one in records if one.cycle_ms), 0),
        }


def _numbers(records: Iterable[Record]) -> list[tuple[str, str]]:
    return [("", one.number) for one in records if one.number]


def note_values(notes: Notes, records: tuple[Record, ...], contract: Contract) -> tuple[str, ...]:
    """Note what was measured, each value with its limits; why the unit is not good."""
    verdict = verdict_on(records, limits_of(contract))
    for one in verdict.measured:
        notes.say(
            TestMeasured,
            serial=records[0].serial,
            step=contract.step,
            test=one.value.test,
            value=one.value.value,
            unit=one.value.unit or SAID_NO_UNIT,
            low=one.low,
            high=one.high,
            passed=one.passed,
        )
    return verdict.failures
