"""Serial-output test: what a closed meter says by itself has to be what its order and its cover say.

The sheet says over which protocol. Where the meter says its serial, behind its seals, that has to be the one on the
cover: so a cover that was put on another meter is caught here, whatever happened before. A user output without a serial
proves that a meter at this position speaks as ordered, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from edge.channels.intake import Chunk
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.protocols.framer import Framer
from edge.protocols.pima import SERIAL_DIGITS, PimaDecoder
from edge.protocols.pima_verdict import Expected, Line, PostClosingTest, Verdict
from edge.protocols.records import Discard, Frame
from edge.protocols.ssu import SsuDecoder
from edge.protocols.ssu_verdict import UserOutputTest
from edge.stations.recorder import Notes
from edge.stations.user_output import FORMATS, NotSaid, blocks_expected, note_blocks
from sipe.contracts.events import DefectFound, TestMeasured

V_co = TypeVar("V_co", covariant=True)

TABLE = "expected_quantities"
RATE = "pima_rate_bd"
OUTPUT, PIMA = "output_protocol", "pima"
SILENCE_BITS = 200
BLOCKS_SILENCE_MS = 3_000
POLL_MS = 50
WORDS = {
    "SILENT": "nothing was heard: check the cable and the supply",
    "FRAMING_ERRORS": "nothing could be understood: check rate and polarity",
    "CRC": "too many packets came broken",
    "WRONG_SERIAL": "the meter says another serial than its cover",
    "TWO_SERIALS": "two meters are heard: one unit at a time",
    "MISSING_QUANTITY": "the meter does not say all that it has to",
    "UNEXPECTED_QUANTITY": "the meter says something that it must not",
    "BAD_BCD": "the meter says digits that are none",
    "TIMING": "the meter speaks too slowly, too fast or too rarely",
    "NOT_IN_ORDER": "a register is not what the order allows",
}
"""What each failure is to the operator."""
BLOCK_WORDS = {
    "CRC": "too many blocks came broken",
    "MISSING_QUANTITY": "the meter does not say its serial",
    "NOT_IN_ORDER": "a block is not what the sheet says",
}
"""The same where blocks of the user output are heard."""


class Listening(Protocol[V_co]):
    """A test that listens."""

    def hear(self, found: Frame | Discard) -> None:
        """What the decoder has found next."""

    def verdict(self, now_ms: float) -> V_co | None:
        """How it ended; None while it goes on."""


class SerialOutputTest:
    """The job of a serial-output station; the channel is 8N1 at the rate of the meter."""

    begins_units = False

    def __init__(self, channel: AsyncIterator[Chunk], monotonic_ms: Callable[[], int]) -> None:
        self._channel = channel
        self._monotonic_ms = monotonic_ms

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        """Listen until it can be said, for as long as the protocol or the sheet says at most."""
        output = str(_parameter(contract, OUTPUT) or PIMA)
        if output == PIMA:
            return await self._pima(unit, contract, notes)
        if output in FORMATS:
            return await self._user_output(output, unit, contract, notes)
        return f"this station does not hear {output}: call the engineer"

    async def _pima(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        serial = unit.serial.zfill(SERIAL_DIGITS)
        if len(serial) > SERIAL_DIGITS or not (serial.isascii() and serial.isdigit()):
            return f"{unit.serial} is no serial that PIMA can say: it has up to {SERIAL_DIGITS} digits"
        expected = expected_of(contract, serial)
        if not expected.required:
            return "the sheet does not say what has to be heard: call the engineer"
        line = Line(int(_parameter(contract, RATE) or 2400))
        test = PostClosingTest(expected, self._monotonic_ms(), line)
        verdict = await self._listened(PimaDecoder(), test, SILENCE_BITS * line.bit_ms)
        _note(notes, unit.serial, contract.step, expected, verdict)
        return _in_words(verdict.failures, WORDS)

    async def _user_output(self, output: str, unit: Unit, contract: Contract, notes: Notes) -> str:
        try:
            expected = blocks_expected(contract, output, unit.serial)
        except NotSaid as error:
            return str(error)
        test = UserOutputTest(expected, self._monotonic_ms())
        verdict = await self._listened(SsuDecoder(FORMATS[output]), test, BLOCKS_SILENCE_MS)
        note_blocks(notes, unit.serial, contract, verdict)
        return _in_words(verdict.failures, WORDS | BLOCK_WORDS)

    async def _listened(self, decoder: Framer, test: Listening[V_co], silence_ms: float) -> V_co:
        connection = 0
        began_ms = heard_ms = self._monotonic_ms()
        while True:
            chunk = await self._next(POLL_MS)
            now_ms = self._monotonic_ms()
            if chunk is not None and chunk.at_ms >= began_ms:  # older bytes are of the unit before
                if chunk.connection != connection:  # between two of them bytes may be missing
                    _hear(test, decoder.end())
                _hear(test, decoder.feed(chunk.data))
                heard_ms, connection = chunk.at_ms, chunk.connection
            elif now_ms - heard_ms >= silence_ms:
                _hear(test, decoder.end())
            verdict = test.verdict(now_ms)
            if verdict is not None:
                return verdict

    async def _next(self, wait_ms: int) -> Chunk | None:
        try:
            async with asyncio.timeout(wait_ms / 1000):
                return await anext(self._channel)
        except TimeoutError:
            return None
        except StopAsyncIteration:  # the channel was stopped, and so nothing is heard
            await asyncio.sleep(wait_ms / 1000)
            return None


def expected_of(contract: Contract, serial: str) -> Expected:
    """What the sheet wants to hear: pairs as `10/2`, with their limits."""
    rows = [row for table in contract.tables if table.id == TABLE for row in table.rows]
    pairs = {_pair(row): row for row in rows}
    return Expected(
        serial,
        tuple(pair for pair, row in pairs.items() if row.get("presence", "required") == "required"),
        tuple(pair for pair, row in pairs.items() if row.get("presence") == "optional"),
        {pair: (0, int(row["max_kwh"])) for pair, row in pairs.items() if row.get("max_kwh") is not None},
    )


def _pair(row: dict[str, Any]) -> tuple[int, int]:
    scope, _, index = str(row["scope_index"]).partition("/")
    return int(scope), int(index)


def _parameter(contract: Contract, name: str) -> Any:
    told = (*contract.protocol, *contract.parameters)
    return next((parameter.value for parameter in told if parameter.id == name), None)


def _in_words(failures: Sequence[str], words: Mapping[str, str]) -> str:
    return "; ".join(f"{failure}: {words[failure]}" for failure in failures)


def _hear(test: Listening[V_co], found: list[Frame | Discard]) -> None:
    for one in found:
        test.hear(one)


def _note(notes: Notes, serial: str, step: str, expected: Expected, verdict: Verdict) -> None:
    for failure in verdict.failures:
        notes.say(DefectFound, serial=serial, step=step, code=failure, by="station")
    for reading in verdict.readings:
        if reading.value is not None:
            low, high = expected.limits.get(reading.pair, (None, None))
            passed = high is None or reading.value <= high
            name = reading.quantity or f"{reading.scope}/{reading.index}"
            unit = reading.unit or "1"
            notes.say(
                TestMeasured, serial=serial, step=step, test=name, value=reading.value, unit=unit,
                low=low, high=high, passed=passed,
            )  # fmt: skip
