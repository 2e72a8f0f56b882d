"""The uplink of a gateway: a courier for each station, each in a thread of its own, so that none waits for another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge.pauses import Draw, Pauses
from edge.uplink.breaker import Breaker
from edge.uplink.bucket import Bucket
from edge.uplink.courier import Courier, CourierStatus, Keeping, Office, Tools
from edge.uplink.outbox import Outbox
from edge.uplink.tally import Noting
from sipe.clock import Clock
from sipe.errors import SipeError

_log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 15.0
"""A batch that is on its way may come to its end."""


class EventsOffice(Office, Protocol):
    """An office that one courier has for itself."""

    def close(self) -> None:
        """Hang up."""


class Uplink:
    """Sends until it is stopped. What is in the outbox is safe in any case: stopping is never waited for long."""

    def __init__(self, letters: Keeping, late_events_per_s: float, clock: Clock, draw: Draw) -> None:
        """`late_events_per_s` of all stations together: what an outage has left behind must not hold up what is new."""
        pauses = Pauses()
        self._tools = Tools(
            letters=letters,
            breaker=Breaker(pauses, draw, time.monotonic),
            bucket=Bucket(late_events_per_s, time.monotonic),
            pauses=pauses,
            draw=draw,
            monotonic_s=time.monotonic,
            wall_ms=clock.now_ms,
        )
        self._rounds: dict[str, _Round] = {}
        self._failure: BaseException | None = None

    @property
    def status(self) -> dict[str, CourierStatus]:
        """How it goes, by station."""
        return {station: rounds.courier.status for station, rounds in self._rounds.items()}

    def serve(self, station: str, office: EventsOffice, outbox: Outbox, notes: Noting) -> None:
        """Send what waits of a station, with its device; `office` is for the courier's thread alone."""
        courier = Courier(station, office, outbox, notes, self._tools)
        rounds = self._rounds[station] = _Round(courier, office, self._failed)
        rounds.start()

    def leave(self, station: str) -> None:
        """Send nothing more of a station; what waits goes on waiting."""
        self._rounds.pop(station).stop()

    def check(self) -> None:
        """Raise `SipeError` when a courier has come to an end by an error that it did not foresee."""
        if self._failure is not None:
            raise SipeError(f"the uplink has failed: {self._failure!r}") from self._failure

    def _failed(self, error: BaseException) -> None:
        _log.error("a courier has failed: %r", error)
        self._failure = error


class _Round:
    """A courier on its way, again and again."""

    def __init__(self, courier: Courier, office: EventsOffice, failed: Callable[[BaseException], None]) -> None:
        self.courier = courier
        self._office = office
        self._failed = failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self.courier.step()):
                pass
        except BaseException as error:  # whatever it is, the agent has to hear of it
            self._failed(error)
            raise
        finally:
            self._office.close()
