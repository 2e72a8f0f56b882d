"""The ticker: the only way for time to get into the log, and from there into the flow."""

from __future__ import annotations

from threading import Event

from connectors.kafka.sender import EventSender
from sipe.clock import Clock
from sipe.metrics import TICKER_TIME, TICKS_SENT, UNMONITORED, Monitor

TICK_MS = 1_000


def run(sender: EventSender, clock: Clock, stop: Event, monitor: Monitor = UNMONITORED) -> None:
    """Tick at every whole second of the wall clock until `stop` is set; time in the log never runs backwards.

    While the clock is behind what was ticked before, the last time is repeated, so that rows are still published.
    """
    last_ms = 0
    while not stop.wait((TICK_MS - clock.now_ms() % TICK_MS) / 1000):
        last_ms = max(last_ms, clock.now_ms() // TICK_MS * TICK_MS)
        sender.tick(last_ms)
        monitor.turned()
        monitor.count(TICKS_SENT)
        monitor.set(TICKER_TIME, last_ms / 1000)
