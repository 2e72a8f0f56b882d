"""The way in for events, opened when the first batch comes: the service serves all else while Kafka does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Self

from connectors.ingest.busy import Busy
from connectors.ingest.intake import Answer, Intake, Way
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from sipe.errors import SipeError
from sipe.metrics import Monitor
from sipe.settings import Settings

BURST_S = 4
"""A device may send so many seconds' worth at once, such as after its line was down."""
RETRY_S = 5
"""After a broker did not answer, nobody waits for it again before that."""

_log = logging.getLogger(__name__)


class Inlet:
    """Batches for an intake that is opened once; for any thread."""

    def __init__(self, open_intake: Callable[[], Intake], *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._open = open_intake
        self._monotonic_s = monotonic_s
        self._intake: Intake | None = None
        self._opening = threading.Lock()
        self._failed_s = float("-inf")

    @classmethod
    def of(cls, settings: Settings, way: Way, monitor: Monitor) -> Self:
        """The way in that the settings name; raises `UsageError`."""
        kafka = KafkaAddress.parse(settings)
        rate = settings.ingest_events_per_s
        rates = Rates(rate, BURST_S * rate)
        return cls(lambda: Intake(kafka, rates=rates, way=way, monitor=monitor))

    def take(self, body: bytes, coding: str, device: str, allowed: Callable[[str], bool]) -> Answer:
        """As `Intake.take`; raises `Busy` while there is no broker or no topic."""
        return self._opened().take(body, coding, device, allowed)

    def close(self) -> None:
        """Wait a little for what is on its way."""
        with self._opening:
            if self._intake is not None:
                self._intake.close()

    def _opened(self) -> Intake:
        if self._intake is not None:
            return self._intake
        if not self._opening.acquire(blocking=False):
            raise Busy("Kafka is just being reached", 1)
        try:
            if self._intake is None:
                if self._monotonic_s() < self._failed_s + RETRY_S:
                    raise Busy("Kafka did not answer a moment ago", RETRY_S)
                self._intake = self._open()
            return self._intake
        except SipeError as error:
            self._failed_s = self._monotonic_s()
            _log.warning("no events are taken: %s", error)
            raise Busy("Kafka does not answer, or has no topic for events", RETRY_S) from error
        finally:
            self._opening.release()
