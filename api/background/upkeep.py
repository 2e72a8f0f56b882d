"""What time makes of things, seen to once a minute: approvals that run out, sessions and answers that have ended.

Each of them is a transaction of its own, and does nothing where there is nothing to do any more: two services that
look after the same store are in nobody's way.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from api.http import once
from api.services import Services
from connectors.sql import approvals, deadlines, sessions
from connectors.sql.work import Store
from models.audit import Who
from sipe.clock import Clock
from sipe.errors import SipeError

PERIOD_S = 60.0
UPKEEP = Who("upkeep", "service", "none")
"""Who the trail says it was: nobody, but time."""

_log = logging.getLogger(__name__)


def run(store: Store, clock: Clock, stop: threading.Event, period_s: float = PERIOD_S) -> None:
    """See to it until `stop` is set; a turn that fails is logged, and the next one makes up for it."""
    while not stop.is_set():
        try:
            turn(store, clock, stop)
        except (SipeError, SQLAlchemyError) as error:
            _log.warning("upkeep failed; it is tried again", extra={"error": str(error), "wait_s": period_s})
        stop.wait(period_s)


def loop(services: Services, stop: threading.Event) -> None:
    """The upkeep of the web service."""
    run(services.store, services.clock, stop)


def turn(store: Store, clock: Clock, stop: threading.Event) -> None:
    """Do once what there is to do; ends between two transactions when it is told to stop."""
    with store.reading() as connection:
        due = deadlines.due(connection, clock.now_ms())
    for ref in due.over:
        if stop.is_set():
            return
        store.work(UPKEEP, approvals.expire, ref)
    for ref in due.near:
        if stop.is_set():
            return
        store.work(UPKEEP, deadlines.remind, ref)
    store.work(UPKEEP, sessions.prune)
    store.work(UPKEEP, once.forget)
