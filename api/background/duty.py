"""A duty of this process: it is asked before each turn whether it still is, and given up when the process ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from connectors.sql import duties
from connectors.sql.duties import SERVICE
from connectors.sql.work import Store
from sipe.errors import SipeError

TERM_MS = 30_000
"""Longer than a turn may take: a broker that does not answer is given up long before."""

_log = logging.getLogger(__name__)


class Duty:
    """One process at a time holds it. For one thread only."""

    def __init__(self, store: Store, name: str, *, term_ms: int = TERM_MS) -> None:
        """It is renewed when a sixth of its term is over, or at the next turn behind that."""
        self.name = name
        self._term_ms = term_ms
        self._store = store
        self._me = duties.holder()
        self._asked_ms = 0
        self._is_mine = False

    def is_mine(self, now_ms: int) -> bool:
        """Whether this process holds the duty, for most of its term yet."""
        if not 0 <= now_ms - self._asked_ms < self._term_ms // 6:
            had_it = self._is_mine
            self._is_mine = self._store.work(SERVICE, duties.take, self.name, self._me, self._term_ms)
            self._asked_ms = now_ms
            if self._is_mine != had_it:
                _log.info("duty taken" if self._is_mine else "duty lost", extra={"duty": self.name})
        return self._is_mine

    @contextmanager
    def given_up_after(self) -> Iterator[None]:
        """Let another process have it at once when the `with` block ends."""
        try:
            yield
        finally:
            with suppress(SipeError, SQLAlchemyError):  # without a store the term ends it
                self._store.work(SERVICE, duties.release, self.name, self._me)
