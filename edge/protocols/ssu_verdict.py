"""The post-closing test over the user output of NBR 14522: are its blocks what the sheet says, and whose are they?

A pure state machine, as that of PIMA. A normal and an extended block bear no serial, so what is heard is the meter at
this position, and no more; the mixed block bears one, once in six seconds. It listens until so many good blocks came in
a row, and the serial as often where there is one; or until its time is over.
"""

from __future__ import annotations

from edge.protocols.pima_verdict import (
    BOUNCE_MAX_BYTES,
    CRC,
    FRAMING_ERRORS,
    MISSING_QUANTITY,
    NOT_IN_ORDER,
    SILENT,
    TWO_SERIALS,
    WRONG_SERIAL,
)
from edge.protocols.records import Discard, Frame, Record
from edge.protocols.ssu import follows
from edge.protocols.ssu_blocks import Block
from edge.protocols.ssu_mixed import SERIAL, MixedBlock

LISTEN_MS = 11_000


class ExpectedBlocks:
    """What the sheet says of the blocks; `octets` are (place, mask, value), the first place is 1."""

    def __init__(
        self,
        octets: tuple[tuple[int, int, int], ...] = (),
        *,
        serial: str | None = None,
        interval_max_s: float | None = None,
        times: int = 2,
        listen_ms: float = LISTEN_MS,
    ) -> None:
        """`serial` is None where none is heard; `times` is how often in a row blocks have to be good."""
        self.octets = octets
        self.serial = serial
        self.interval_max_s = interval_max_s
        self.times = times
        self.listen_ms = listen_ms


class BlocksVerdict(Record):
    """How the test ended: passed when there are no `failures`; `blocks` is how many were heard, `last` the last one."""

    FIELDS = ("failures", "serials", "blocks", "last")

    def __init__(self, failures: tuple[str, ...], serials: tuple[str, ...], blocks: int, last: Block | None) -> None:
        self.failures = failures
        self.serials = serials
        self.blocks = blocks
        self.last = last


class UserOutputTest:
    """One test of one meter. Times are of one clock, in milliseconds."""

    def __init__(self, expected: ExpectedBlocks, began_ms: float) -> None:
        self._expected = expected
        self._until_ms = began_ms + expected.listen_ms
        self._noise_bytes = 0
        self._blocks = 0
        self._in_a_row = 0
        self._last: Block | None = None
        self._serials: dict[str, int] = {}
        self._wrong = False

    def hear(self, found: Frame | Discard) -> None:
        """What the decoder has found next."""
        if isinstance(found, Discard):
            self._noise_bytes += found.size_bytes
        elif isinstance(found, Block):
            is_next = self._last is not None and follows(self._last, found)
            self._in_a_row = self._in_a_row + 1 if is_next else 1
            self._blocks += 1
            self._last = found
            self._wrong = self._wrong or not self._is_expected(found)
            if isinstance(found, MixedBlock) and found.property_name == SERIAL:
                serial = str(found.property_raw)
                self._serials[serial] = self._serials.get(serial, 0) + 1

    def verdict(self, now_ms: float) -> BlocksVerdict | None:
        """How it ended; None while it goes on."""
        failures = self._failures()
        if failures and now_ms < self._until_ms:
            return None
        return BlocksVerdict(failures, tuple(self._serials), self._blocks, self._last)

    def _is_expected(self, block: Block) -> bool:
        for place, mask, value in self._expected.octets:
            if place > len(block.octets) or block.octets[place - 1] & mask != value & mask:
                return False
        return self._expected.interval_max_s is None or block.seconds_left <= self._expected.interval_max_s

    def _failures(self) -> tuple[str, ...]:
        if not self._blocks:
            return (FRAMING_ERRORS if self._noise_bytes > BOUNCE_MAX_BYTES else SILENT,)
        failures = []
        if self._expected.serial is not None:
            if len(self._serials) > 1:
                failures.append(TWO_SERIALS)
            if set(self._serials) - {self._expected.serial}:
                failures.append(WRONG_SERIAL)
        if self._wrong:
            failures.append(NOT_IN_ORDER)
        if self._in_a_row < self._expected.times:
            failures.append(CRC)
        if self._expected.serial is not None and self._serials.get(self._expected.serial, 0) < self._expected.times:
            failures.append(MISSING_QUANTITY)
        return tuple(failures)
