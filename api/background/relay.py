"""The relay: gives what was told in transactions its positions, and produces it to Kafka in that order.

At least once: a row counts as told when its batch is acknowledged, and a relay that dies before that tells the batch
again, at the same positions. While Kafka is away rows wait, and positions are given all the same, for the live stream.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from api.background.duty import Duty
from api.background.numbering import give_positions
from api.services import Services
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from connectors.sql import outbox
from connectors.sql.duties import SERVICE
from connectors.sql.outbox import Told
from connectors.sql.work import Store
from sipe.clock import Clock
from sipe.contracts.changes import POSITION_HEADER
from sipe.contracts.topics import CHANGES_TOPIC
from sipe.errors import SipeError
from sipe.metrics import OUTBOX_LATENCY, OUTBOX_TIME, OUTBOX_TOLD, OUTBOX_WAITING, UNMONITORED, Monitor

POLL_S = 0.2
"""How often it looks for what other processes have told; what this one has told wakes it at once."""
RETRY_S = 1.0
STALL_S = 10.0
"""After so long without an acknowledgement the batch is taken back, and tried anew by whoever is on duty then."""
LOOK_MS = 5_000
"""How often the waiting rows are counted, and the oldest dropped."""
KEPT_MS = 3 * 86_400_000
"""How long told rows are kept for streams that resume."""

_log = logging.getLogger(__name__)


class Relay:
    """Tells Kafka, while it is on duty. One per process; `run` is for one thread."""

    def __init__(self, store: Store, kafka: KafkaAddress, clock: Clock, monitor: Monitor = UNMONITORED) -> None:
        self._store = store
        self._kafka = kafka
        self._clock = clock
        self._monitor = monitor
        self._duty = Duty(store, "relay")
        self._sender: EventSender | None = None
        self._rung = Event()
        self._looked_ms = 0
        store.when_told(self._rung.set)

    def run(self, stop: Event) -> None:
        """Relay until `stop` is set; a server that is away is waited for."""
        with self._duty.given_up_after():
            while not stop.is_set():
                self._rung.wait(POLL_S)
                self._rung.clear()
                self._monitor.turned()
                try:
                    if self._duty.is_mine(self._clock.now_ms()):
                        self.turn()
                except (SipeError, SQLAlchemyError) as error:
                    _log.warning("what was told waits", extra={"error": str(error), "wait_s": RETRY_S})
                    self._let_go()
                    with suppress(SipeError, SQLAlchemyError):
                        self._look_after()
                    stop.wait(RETRY_S)
            self._let_go()

    def turn(self) -> None:
        """Tell what waits, then look after the outbox; raises `SipeError`, and then what waits still does."""
        with self._store.reading() as connection:  # five times a second, and nearly always for nothing
            has_new, head = outbox.has_new(connection), outbox.head(connection)
        if has_new:
            give_positions(self._store)
        if has_new or head.told < head.position:
            self._tell(head.told)
        self._look_after()

    def produce(self, rows: list[Told]) -> None:
        """Have a batch acknowledged; raises `SipeError`."""
        if self._sender is None:
            self._sender = EventSender(self._kafka, topic=CHANGES_TOPIC.name, stall_timeout_s=STALL_S)
        for row in rows:
            self._sender.send_raw(row.key.encode(), row.body.encode(), [(POSITION_HEADER, str(row.position))])
        self._sender.flush()

    def _tell(self, position: int) -> None:
        """Tell what is behind a position, while on duty."""
        while rows := self._behind(position):
            with self._monitor.blocked_by("kafka"):
                self.produce(rows)
            position = rows[-1].position
            self._store.work(SERVICE, outbox.acknowledged, position)
            self._count(rows)
            if not self._duty.is_mine(self._clock.now_ms()):
                return

    def _behind(self, position: int) -> list[Told]:
        with self._store.reading() as connection:
            return outbox.behind(connection, position)

    def _count(self, rows: list[Told]) -> None:
        now_ms = self._clock.now_ms()
        self._monitor.count(OUTBOX_TOLD, len(rows))
        for row in rows:
            self._monitor.observe(OUTBOX_LATENCY, max(0, now_ms - row.created_ms) / 1000)

    def _look_after(self) -> None:
        now_ms = self._clock.now_ms()
        if 0 <= now_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        with self._store.reading() as connection:
            waiting = outbox.waiting(connection)
            is_old = outbox.has_told_before(connection, now_ms - KEPT_MS)
        self._monitor.set(OUTBOX_WAITING, waiting.rows)
        self._monitor.set(OUTBOX_TIME, (now_ms if waiting.oldest_ms is None else waiting.oldest_ms) / 1000)
        if is_old:
            self._store.work(SERVICE, outbox.prune, now_ms - KEPT_MS)

    def _let_go(self) -> None:
        """Take back what was not acknowledged, so that nothing of it arrives behind what the next batch tells."""
        if self._sender is not None:
            self._sender.abandon()
            self._sender = None


def loop(services: Services, stop: Event) -> None:
    """The relay of the web service; without a Kafka broker what was told waits for one."""
    if services.kafka is not None:
        Relay(services.store, services.kafka, services.clock, services.monitor).run(stop)
