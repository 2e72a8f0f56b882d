"""The post-closing test: does a closed meter say over PIMA what its order wants, and is it the only one on the line?

A pure state machine. It is told what the decoder found and when, and with `Times` of the characters it also judges the
timing (Celesc E-321.0017: 3 % of the rate, 50 and 200 bit times, 5 s). It listens until every required quantity came
twice from one meter, but for one period at least, for another meter may be slower; or until two periods have passed.
"""

from __future__ import annotations

from edge.protocols.character_times import Times
from edge.protocols.pima import BAD_BCD as BCD_QUALITY
from edge.protocols.pima import BAD_SERIAL, NOT_AVAILABLE, Packet, Reading
from edge.protocols.pima import CRC as CRC_REASON
from edge.protocols.records import Discard, Frame, Record

SILENT = "SILENT"
"""Nothing came, or no more than the bounce of a contact."""
FRAMING_ERRORS = "FRAMING_ERRORS"
"""Bytes came and none looked like a packet: a wrong rate or polarity."""
CRC = "CRC"
"""What is missing may have been in packets that came broken."""
WRONG_SERIAL = "WRONG_SERIAL"
TWO_SERIALS = "TWO_SERIALS"
MISSING_QUANTITY = "MISSING_QUANTITY"
"""A required quantity came less than twice, or without a value."""
UNEXPECTED_QUANTITY = "UNEXPECTED_QUANTITY"
BAD_BCD = "BAD_BCD"
TIMING = "TIMING"
NOT_IN_ORDER = "NOT_IN_ORDER"
"""A value is outside what the order allows, or went down."""

FAILURES = (
    SILENT, FRAMING_ERRORS, TWO_SERIALS, WRONG_SERIAL, BAD_BCD, UNEXPECTED_QUANTITY, NOT_IN_ORDER, CRC,
    MISSING_QUANTITY, TIMING,
)  # fmt: skip
"""Every failure there is; the first of a verdict is the one to begin with."""

PERIOD_MS = 5_000
LISTEN_MAX_MS = 11_000
"""Two periods and some margin."""
TIMES_HEARD = 2
BOUNCE_MAX_BYTES = 7
"""A meter at a wrong rate makes more than this in two periods."""
BROKEN_MIN_BYTES = 10
"""What is left of a broken packet, at least; broken ones in a row are told as one."""


class Expected:
    """What the order says of the meter: pairs of (scope, index), and limits by pair in the quantity's own unit."""

    def __init__(
        self,
        serial: str,
        required: tuple[tuple[int, int], ...],
        allowed: tuple[tuple[int, int], ...] = (),
        limits: dict[tuple[int, int], tuple[int, int]] | None = None,
    ) -> None:
        """Whatever is neither `required` nor `allowed` is unexpected; `limits` are (lowest, highest)."""
        self.serial = serial
        self.required = required
        self.allowed = allowed
        self.limits = limits or {}


class Line:
    """The rate of the line, and by how much a time stamp may be off."""

    RATE_TOLERANCE = 0.03
    RATE_READABLE = 0.05
    """A UART reads nothing that is slower than this: characters further apart have pauses between them."""
    CHARACTER_BITS, GAP_MAX_BITS, PAUSE_MIN_BITS = 10, 50, 200

    def __init__(self, rate_bd: int = 2400, stamp_error_ms: float = 0.0) -> None:
        self.bit_ms = 1000 / rate_bd
        self.stamp_error_ms = stamp_error_ms

    def is_slow_within(self, times: Times) -> bool:
        """Whether characters of a packet are too far apart."""
        return times.step_max_ms > self._most_ms(self.CHARACTER_BITS + self.GAP_MAX_BITS)

    def is_close_behind(self, before: Times, times: Times) -> bool:
        """Whether a packet began too early behind the one before."""
        step_ms = times.first_ms - before.last_ms
        return step_ms < self._least_ms(self.CHARACTER_BITS + self.PAUSE_MIN_BITS)

    def is_off_rate(self, times: Times, size_bytes: int) -> bool:
        """Whether the characters of a packet came at another rate; pauses between them are none."""
        bits = self.CHARACTER_BITS * (size_bytes - 1)
        took_ms = times.last_ms - times.first_ms
        readable_ms = self.CHARACTER_BITS * self.bit_ms * (1 + self.RATE_READABLE) + self.stamp_error_ms
        has_pauses = times.step_max_ms > readable_ms
        return took_ms < self._least_ms(bits) or (took_ms > self._most_ms(bits) and not has_pauses)

    def is_late(self, took_ms: float) -> bool:
        """Whether a quantity was not repeated within the period."""
        return took_ms > PERIOD_MS * (1 + self.RATE_TOLERANCE) + self.stamp_error_ms

    def _most_ms(self, bits: int) -> float:
        return bits * self.bit_ms * (1 + self.RATE_TOLERANCE) + self.stamp_error_ms

    def _least_ms(self, bits: int) -> float:
        return bits * self.bit_ms * (1 - self.RATE_TOLERANCE) - self.stamp_error_ms


class Verdict(Record):
    """How the test ended: passed when there are no `failures`; `serials` and the last `readings` are what was heard."""

    FIELDS = ("failures", "serials", "readings")

    def __init__(self, failures: tuple[str, ...], serials: tuple[str, ...], readings: tuple[Reading, ...]) -> None:
        self.failures = failures
        self.serials = serials
        self.readings = readings


class PostClosingTest:
    """One test of one meter. Times are of one clock, in milliseconds; what comes after the verdict changes nothing."""

    def __init__(self, expected: Expected, began_ms: float, line: Line | None = None) -> None:
        self._expected = expected
        self._began_ms = began_ms
        self._line = line or Line()
        self._failures: set[str] = set()
        self._serials: list[str] = []
        self._heard: dict[tuple[str, tuple[int, int]], int] = {}
        self._readings: dict[tuple[int, int], Reading] = {}
        self._noise_bytes = 0
        self._broken_bytes = 0
        self._times_before: Times | None = None
        self._last_ms: dict[tuple[int, int], float] = {}
        self._verdict: Verdict | None = None

    def hear(self, found: Frame | Discard, times: Times | None = None) -> None:
        """What the decoder found; without times its timing is not judged."""
        if self._verdict is not None:
            return
        if isinstance(found, Packet):
            self._hear_packet(found, times)
        elif isinstance(found, Discard):
            self._hear_discard(found)

    def verdict(self, now_ms: float) -> Verdict | None:
        """How the test ended; None while it still listens. Call the decoder's `end` before, and `hear` the rest."""
        if self._verdict is None:
            listened_ms = now_ms - self._began_ms
            if listened_ms >= LISTEN_MAX_MS:
                self._judge_missing(now_ms)
            elif listened_ms < PERIOD_MS or not self._serials or self._missing():
                return None
            failures = tuple(failure for failure in FAILURES if failure in self._failures)
            self._verdict = Verdict(failures, tuple(self._serials), tuple(self._readings.values()))
        return self._verdict

    def _missing(self) -> int:
        """How often required quantities are still to come, of the meter that has sent the most."""
        return min(
            sum(max(TIMES_HEARD - self._heard.get((serial, pair), 0), 0) for pair in self._expected.required)
            for serial in self._serials
        )

    def _judge_missing(self, now_ms: float) -> None:
        if not self._serials:
            if self._broken_bytes:
                self._failures.add(CRC)
            elif not self._failures:
                self._failures.add(FRAMING_ERRORS if self._noise_bytes > BOUNCE_MAX_BYTES else SILENT)
        elif self._missing():
            broken = self._broken_bytes >= BROKEN_MIN_BYTES * self._missing()
            late = any(self._line.is_late(now_ms - last_ms) for last_ms in self._last_ms.values())
            self._failures.add(CRC if broken else TIMING if late else MISSING_QUANTITY)

    def _hear_discard(self, discard: Discard) -> None:
        """What is broken may have been a packet, so that nothing is known of the time between those around it."""
        self._times_before = None
        self._last_ms = {}
        self._noise_bytes += discard.size_bytes
        if discard.reason == BAD_SERIAL:
            self._failures.add(BAD_BCD)
        if discard.reason == CRC_REASON:
            self._broken_bytes += discard.size_bytes

    def _hear_packet(self, packet: Packet, times: Times | None) -> None:
        if packet.serial not in self._serials:
            if packet.serial != self._expected.serial:
                self._failures.add(WRONG_SERIAL)
            if self._serials:
                self._failures.add(TWO_SERIALS)
            if len(self._serials) < 2:
                self._serials.append(packet.serial)
        for reading in packet.readings:
            self._hear_reading(packet.serial, reading)
        self._judge_times(packet, times)

    def _hear_reading(self, serial: str, reading: Reading) -> None:
        pair = reading.pair
        if pair not in self._expected.required:
            if pair not in self._expected.allowed:
                self._failures.add(UNEXPECTED_QUANTITY)
        elif reading.quality != NOT_AVAILABLE and serial in self._serials:
            self._heard[serial, pair] = self._heard.get((serial, pair), 0) + 1
        if reading.quality == BCD_QUALITY:
            self._failures.add(BAD_BCD)
        if serial == self._serials[0]:
            before = self._readings.get(pair)
            if not self._is_in_order(reading, before):
                self._failures.add(NOT_IN_ORDER)
            if reading.value is not None or before is None:
                self._readings[pair] = reading

    def _is_in_order(self, reading: Reading, before: Reading | None) -> bool:
        if reading.value is None:
            return True
        lowest, highest = self._expected.limits.get(reading.pair, (reading.value, reading.value))
        went_down = before is not None and before.value is not None and reading.value < before.value
        return lowest <= reading.value <= highest and not went_down

    def _judge_times(self, packet: Packet, times: Times | None) -> None:
        if times is None:
            return
        wrong = self._line.is_slow_within(times) or self._line.is_off_rate(times, packet.size_bytes)
        if self._times_before is not None:
            wrong = wrong or self._line.is_close_behind(self._times_before, times)
        self._times_before = times
        for reading in packet.readings:
            last_ms = self._last_ms.get(reading.pair)
            wrong = wrong or (last_ms is not None and self._line.is_late(times.last_ms - last_ms))
            self._last_ms[reading.pair] = times.last_ms
        if wrong:
            self._failures.add(TIMING)
