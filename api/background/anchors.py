"""Anchors: once a minute the head of the audit trail is sent away, to where whoever can change the trail cannot.

A server that does not answer gets the next anchor: each vouches for everything before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from api.background.duty import Duty
from api.services import Services
from connectors.clickhouse import anchors as clickhouse_anchors
from connectors.kafka import anchors as kafka_anchors
from connectors.sql import trail
from sipe.contracts.changes import Anchor
from sipe.errors import SipeError
from sipe.metrics import ANCHOR_TIME, ANCHORS

PERIOD_MS = 60_000
TERM_MS = 150_000
"""Of the duty: two anchors may fail to come before another process takes over."""

_log = logging.getLogger(__name__)


def loop(services: Services, stop: Event) -> None:
    """Anchor at every whole minute until `stop` is set."""
    duty = Duty(services.store, "anchors", term_ms=TERM_MS)
    with duty.given_up_after():
        while not stop.wait((PERIOD_MS - services.clock.now_ms() % PERIOD_MS) / 1000):
            try:
                if duty.is_mine(services.clock.now_ms()):
                    anchor(services)
            except (SipeError, SQLAlchemyError) as error:
                _log.warning("no anchor this minute", extra={"error": str(error)})


def anchor(services: Services) -> Anchor:
    """Send the head of the trail to every server that there is; raises `StoreUnavailable`."""
    with services.store.reading() as connection:
        head = trail.head(connection)
    made = Anchor(seq=head.seq, seal=head.seal, at_ms=services.clock.now_ms())
    for server, keep in _keepers(services):
        try:
            keep(made)
        except SipeError as error:
            _log.warning("an anchor was not kept", extra={"error": str(error)})
        else:
            services.monitor.count(ANCHORS, to=server)
            services.monitor.set(ANCHOR_TIME, made.at_ms / 1000, to=server)
    return made


def _keepers(services: Services) -> Iterator[tuple[str, Callable[[Anchor], None]]]:
    if services.kafka is not None:
        yield "kafka", partial(kafka_anchors.keep, services.kafka)
    if services.clickhouse is not None:
        yield "clickhouse", partial(clickhouse_anchors.keep, services.clickhouse)
