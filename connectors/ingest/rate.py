"""How much one device may send: a token bucket each, so that one that has gone mad takes nothing from the others."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from connectors.ingest.busy import TooFast

DEVICES_MAX = 10_000


class Rates:
    """So many events per second of each device, and a burst on top; for any thread.

    What a batch holds is known only once it has been read, so it is paid for afterwards, and a device in debt has to
    wait: above its share by one batch at most. A device that has been quiet for the longest is forgotten first.
    """

    def __init__(
        self,
        events_per_s: float,
        burst: float,
        *,
        devices_max: int = DEVICES_MAX,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s = events_per_s
        self._burst = burst
        self._devices_max = devices_max
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, device: str) -> None:
        """Raises `TooFast` while the device is in debt."""
        with self._lock:
            left = self._left(device, self._monotonic_s())
        if left < 0:
            raise TooFast(f"{device} asks for more than its share", max(1, math.ceil(-left / self._per_s)))

    def spend(self, device: str, events: int) -> None:
        """The device has sent so many."""
        with self._lock:
            now_s = self._monotonic_s()
            self._buckets[device] = (self._left(device, now_s) - events, now_s)
            self._buckets.move_to_end(device)
            if len(self._buckets) > self._devices_max:
                self._buckets.popitem(last=False)

    def _left(self, device: str, now_s: float) -> float:
        left, at_s = self._buckets.get(device, (self._burst, now_s))
        return min(self._burst, left + (now_s - at_s) * self._per_s)
