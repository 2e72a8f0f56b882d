"""The gateway's clock: what time it is, how good that is known, and how far this machine is off.

The system's clock counts as long as it is within a minute of the office's; else the office's time does, which each of
its answers tells (`Date`, RFC 9110, 6.6.1) and which runs on with the time since the machine's start. A Pi has no clock
that outlives a power cut: until it knows the time from either, `now_ms` is the time since the machine's start, which
everybody takes for a clock that was not set, and which is corrected later (`edge.uplink.held`).

How long something took, and what came first, is never asked here: monotonic clocks and numbers say that.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from sipe.contracts.codec import CLOCK_SET_MS_MIN
from sipe.contracts.fields import ClockQuality

SKEW_MAX_MS = 60_000
"""What is more is no difference of clocks but a clock that is wrong; the office refuses what is five minutes ahead."""
TOOK_MAX_S = 5.0
"""An answer that took longer says too little of what time it is now."""
_TIME_ERROR = 5


class ClockStatus(NamedTuple):
    """How good the time is."""

    quality: ClockQuality
    skew_ms: int | None
    """By how much the system's clock is ahead of the office's, to about a second; None when that is not known."""


def uptime_ms() -> int:
    """The time since this machine was started, in which it slept, too."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def system_ms() -> int:
    """What the system's clock shows."""
    return time.time_ns() // 1_000_000


def is_synchronized() -> bool:
    """Whether somebody disciplines the system's clock, as far as the kernel knows: adjtimex(2)."""
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


class GatewayClock:
    """A `Clock`; for any thread."""

    def __init__(
        self,
        *,
        system_ms: Callable[[], int] = system_ms,
        uptime_ms: Callable[[], int] = uptime_ms,
        is_synchronized: Callable[[], bool] = is_synchronized,
    ) -> None:
        self._system_ms = system_ms
        self._uptime_ms = uptime_ms
        self._is_synchronized = is_synchronized
        self._lock = threading.Lock()
        self._office_ms: int | None = None
        """The office's time when this machine was started."""

    def now_ms(self) -> int:
        """Unix time, UTC, in milliseconds; while that is not known, the time since the machine's start."""
        now_ms = self._uptime_ms()
        start_ms = self.start_ms()
        return now_ms if start_ms is None else start_ms + now_ms

    def start_ms(self) -> int | None:
        """The Unix time of the machine's start; None while it is not known."""
        system_ms, now_ms = self._system_ms(), self._uptime_ms()
        office_ms = self._office_ms
        if office_ms is not None and abs(system_ms - now_ms - office_ms) > SKEW_MAX_MS:
            return office_ms
        return system_ms - now_ms if system_ms >= CLOCK_SET_MS_MIN else None

    def hear(self, date: str, took_s: float) -> None:
        """Take the `Date` of an answer of the office, which came just now; one that says nothing is left alone."""
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            return
        said_ms = round((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() * 1000)
        if took_s <= TOOK_MAX_S and said_ms >= CLOCK_SET_MS_MIN:
            with self._lock:  # a second is cut off, and the half of it is what is missing on average
                self._office_ms = said_ms + 500 + round(took_s * 500) - self._uptime_ms()

    @property
    def status(self) -> ClockStatus:
        """How good the time is now."""
        system_ms, office_ms = self._system_ms(), self._office_ms
        skew_ms = None if office_ms is None else system_ms - self._uptime_ms() - office_ms
        if self.start_ms() is None:
            return ClockStatus("unset", None)
        if skew_ms is not None and abs(skew_ms) > SKEW_MAX_MS:
            return ClockStatus("office", skew_ms)
        return ClockStatus("synchronized" if self._is_synchronized() else "set", skew_ms)


def in_words(status: ClockStatus) -> str:
    """What somebody has to know of a clock; nothing when it is well."""
    if status.quality == "unset":
        return "nobody knows what time it is: events wait until the office or the system's clock says so"
    if status.quality == "office" and status.skew_ms is not None:
        seconds = status.skew_ms / 1000
        return f"the clock of this machine is off by {seconds:,.0f} s: the office's time is taken instead"
    return ""
