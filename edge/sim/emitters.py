"""Meters that speak unasked: PIMA packets, the user output of NBR 14522, and pulses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random

from edge.protocols.pima import encode_packet, item_of_value
from edge.protocols.quantities import Quantity
from edge.protocols.session import Action, Send, Wait
from edge.protocols.ssu_blocks import ExtendedBlock, NormalBlock

Burst = tuple[float, bytes]
"""When, since the meter was switched on, in milliseconds; and what is said."""

CLOSED, OPEN = b"1", b"0"
"""What stands for the contact of a pulse output, where a port has no input for it: each change is one byte."""
CLOSING_BLOCKS = 3


class Emitter:
    """Says bursts at their times, and hears nothing."""

    def __init__(self, bursts: Iterator[Burst]) -> None:
        self._bursts = bursts
        self._began_ms: int | None = None
        self._next: Burst | None = None

    def resume(self, data: bytes, now_ms: int) -> Action:
        """See `edge.sim.bus.Talks`."""
        if self._began_ms is None:
            self._began_ms = now_ms
        if self._next is None:
            self._next = next(self._bursts, None)
        if self._next is None:
            return Wait(None)
        at_ms = self._began_ms + math.ceil(self._next[0])
        if now_ms < at_ms:
            return Wait(at_ms)
        burst, self._next = self._next[1], None
        return Send(burst)


def pima(
    serial: str, values: Mapping[Quantity, int | None], *, rate_bd: int = 2400, every_ms: float = 4_000
) -> Iterator[Burst]:
    """A packet for each quantity, one behind the other with the shortest gap allowed (Celesc E-321.0017).

    Raises `ValueError` for what no packet holds.
    """
    packets = [encode_packet(serial, item_of_value(quantity, value)) for quantity, value in values.items()]
    return _repeated(packets, rate_bd, every_ms)


def _repeated(packets: list[bytes], rate_bd: int, every_ms: float) -> Iterator[Burst]:
    for round_ in count():
        at_ms = round_ * every_ms
        for packet in packets:
            yield at_ms, packet
            at_ms += 1000 * (10 * len(packet) + 200) / rate_bd + 1


def user_output(
    kind: type[NormalBlock | ExtendedBlock], *, interval_s: int = 900, active_hz: float = 3, reactive_hz: float = 1
) -> Iterator[Burst]:
    """A block each second (NBR 14522, 3.4): counters of the interval, whose closing block is said three times."""
    for second in count():
        since_s = second % interval_s
        is_closing = second >= interval_s and since_s < CLOSING_BLOCKS
        counted_s = interval_s if is_closing else since_s
        block = kind(
            seconds_left=interval_s - counted_s,
            demand_reset=0,
            reactive_interval=max(0, second - CLOSING_BLOCKS) // interval_s & 1,
            active_pulses=int(counted_s * active_hz) % kind.WRAP,
            reactive_pulses=int(counted_s * reactive_hz) % kind.WRAP,
        )
        yield second * 1000.0, block.encode()


def pulses(random: Random, *, every_ms: float = 500, width_ms: float = 50, bounces_max: int = 3) -> Iterator[Burst]:
    """A contact that closes and opens, and bounces for some milliseconds each time."""
    for number in count(1):
        for began_ms, level in ((number * every_ms, CLOSED), (number * every_ms + width_ms, OPEN)):
            for bounce in range(random.randint(0, bounces_max)):
                yield began_ms + 2 * bounce, level
                yield began_ms + 2 * bounce + 1, OPEN if level == CLOSED else CLOSED
            yield began_ms + 2 * bounces_max, level
