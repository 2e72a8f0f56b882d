"""How far the store is: read from what the flow writes after its rows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from connectors.clickhouse.client import Warehouse
from connectors.kafka.retention import Progress

READ_EVERY_S = 0.1

_PROGRESS = """
SELECT partition, max(offset) AS next_offset
FROM flow_progress
WHERE epoch = %(epoch)s
GROUP BY partition
"""


def stored_offsets(store: Warehouse, epoch: int) -> dict[int, int]:
    """Per partition of the log of this epoch, the first offset that is not yet stored; raises `SipeError`."""
    return {row["partition"]: row["next_offset"] for row in store.rows(_PROGRESS, {"epoch": epoch})}


class DelayedProgress:
    """The progress as it was `delay_s` ago; at first, as it was when this began.

    A killed flow goes on from its last snapshot, which lies behind what it had stored by then. So what a sender counts
    as safe from the embedded broker's retention has to be old enough for a snapshot to have followed.
    """

    def __init__(self, read: Progress, delay_s: float, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._delay_s = delay_s
        self._monotonic_s = monotonic_s
        self._readings: deque[tuple[float, Mapping[int, int]]] = deque([(monotonic_s(), read())])

    def __call__(self) -> Mapping[int, int]:
        """The newest reading that is old enough; reads again when the last reading is not of just now."""
        now_s = self._monotonic_s()
        if now_s - self._readings[-1][0] >= READ_EVERY_S:
            self._readings.append((now_s, self._read()))
        while len(self._readings) > 1 and self._readings[1][0] <= now_s - self._delay_s:
            self._readings.popleft()
        return self._readings[0][1]
