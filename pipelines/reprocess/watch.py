"""The watcher: marks that have settled down are folded again by a process of their own, which cannot harm the flow."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from connectors.clickhouse.client import Address, Warehouse
from connectors.embedded.kept import environ
from connectors.embedded.process import open_log
from pipelines.reprocess.pending import Mark, marks, plan
from sipe.errors import SipeError
from sipe.settings import Settings

MODULE = "pipelines.reprocess"
POLL_S = 5.0
STEP_S = 0.2
RESUME_EVERY_S = 60.0
"""Marks that only wait for their stations' time to go on are looked at this seldom."""
NOT_ALLOWED = "failed with code 497"
"""The store's user may not create and drop tables; to try again is of no use."""
PAUSE_S = 15.0
PAUSE_MAX_S = 120.0
"""After a run that failed; the pause doubles."""

_log = logging.getLogger(__name__)


class Watcher:
    """Looks for marks again and again and starts a run when one is old enough; never raises, but says what fails."""

    def __init__(
        self, settings: Settings, start: Callable[[], None], *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        assert settings.clickhouse_url  # noqa: S101  the settings of a system that runs
        self._store = Warehouse(Address.parse(settings.clickhouse_url))
        self._settle_s = settings.refold_after_ms / 1000
        self._start = start
        self._monotonic_s = monotonic_s
        self._waiting_since_s: float | None = None
        self._not_before_s = 0.0
        self._resume_at_s = 0.0
        self._pause_s = PAUSE_S

    def watch(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.wait(min(POLL_S, self._settle_s)):
            self.look()
        self._store.close()

    def look(self) -> None:
        """Look once."""
        now_s = self._monotonic_s()
        if now_s < self._not_before_s:
            return
        try:
            if self._is_due(marks(self._store), now_s):
                self._start()
                self._waiting_since_s, self._pause_s = None, PAUSE_S
        except (SipeError, OSError) as error:
            if NOT_ALLOWED in str(error):
                self._not_before_s = math.inf
                _log.warning("%s: what is marked waits for `sipe reprocess --watch`, run by a user who may", error)
                return
            self._not_before_s = self._monotonic_s() + self._pause_s
            _log.warning("what is marked cannot be folded again: %s; next try in %g s", error, self._pause_s)
            self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)

    def _is_due(self, waiting: list[Mark], now_s: float) -> bool:
        if any(mark.is_new for mark in waiting):
            if self._waiting_since_s is None:
                self._waiting_since_s = now_s
            return now_s - self._waiting_since_s >= self._settle_s
        self._waiting_since_s = None
        if not waiting or now_s < self._resume_at_s:
            return False
        self._resume_at_s = now_s + RESUME_EVERY_S
        return bool(plan(self._store).tasks)


def run_once(settings: Settings, stop: threading.Event, *, processes: int = 2) -> None:
    """Settle what is marked in a child process, which ends with this one; raises `SipeError` with its last words.

    What it says is appended to `logs/reprocess.log` of the data directory.
    """
    path = settings.data_dir / "logs" / "reprocess.log"
    with open_log(path) as log:
        start = log.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(processes)],
            stdin=subprocess.PIPE,  # its end is the sign that we are gone
            stdout=log,
            stderr=log,
            env={**os.environ, **environ(settings)},
            start_new_session=True,  # Ctrl-C is for us, who stop it
        )
    with child:
        while child.poll() is None:
            if stop.wait(STEP_S):
                child.kill()  # what it has staged is not visible, and is dropped by the next run
                return
    if child.returncode:
        with path.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
        said = [line for line in lines if line.strip()] or ["it said nothing"]
        raise SipeError(f"{said[-1]} (exit code {child.returncode}, log: {path})")


def watch(settings: Settings, stop: threading.Event, *, processes: int = 2) -> None:
    """Watch the store of these settings until told to stop."""
    Watcher(settings, lambda: run_once(settings, stop, processes=processes)).watch(stop)
