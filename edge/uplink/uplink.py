"""The uplink of a gateway: a courier for each station, each in a thread of its own, so that none waits for another."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.uplink.breaker import Breaker, Draw, Pauses
from edge.uplink.bucket import Bucket
from edge.uplink.courier import Courier, CourierStatus, Keeping, Office, Pace, Tools
from edge.uplink.outbox import Outbox
from sipe.clock import Clock, SystemClock
from sipe.errors import SipeError

_log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 15.0
"""A batch that is on its way may come to its end."""


@dataclass(frozen=True, kw_only=True)
class UplinkSettings:
    """How the gateway sends."""

    late_events_per_s: float = 1_000.0
    """Of all stations together: what an outage has left behind must not take the way from what is new."""
    pace: Pace = field(default_factory=Pace)
    pauses: Pauses = field(default_factory=Pauses)


class Uplink:
    """Sends until it is stopped. What is in the outbox is safe in any case: stopping is never waited for long."""

    def __init__(
        self,
        offices: Mapping[str, Office],
        outbox: Outbox,
        letters: Keeping,
        settings: UplinkSettings | None = None,
        *,
        clock: Clock | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        draw: Draw = random.uniform,
    ) -> None:
        """`offices` by station: each with that station's device, for the thread of its courier alone."""
        settings = settings or UplinkSettings()
        tools = Tools(
            outbox=outbox,
            letters=letters,
            breaker=Breaker(settings.pauses, draw, monotonic_s),
            bucket=Bucket(settings.late_events_per_s, monotonic_s),
            pauses=settings.pauses,
            draw=draw,
            monotonic_s=monotonic_s,
            wall_ms=(clock or SystemClock()).now_ms,
        )
        self._couriers = {
            station: Courier(station, office, tools, settings.pace) for station, office in offices.items()
        }
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(courier,), name=f"uplink {station}", daemon=True)
            for station, courier in self._couriers.items()
        ]
        self._failure: BaseException | None = None

    @property
    def status(self) -> dict[str, CourierStatus]:
        """How it goes, by station."""
        return {station: courier.status for station, courier in self._couriers.items()}

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raise `SipeError` when a courier has come to an end by an error that it did not foresee."""
        if self._failure is not None:
            raise SipeError(f"the uplink has failed: {self._failure!r}") from self._failure

    def stop(self) -> None:
        """Stop; what was not sent waits in the outbox."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(STOP_TIMEOUT_S)

    def _run(self, courier: Courier) -> None:
        try:
            while not self._stopping.wait(courier.step()):
                pass
        except BaseException as error:
            _log.exception("a courier has failed")
            self._failure = error
            raise
