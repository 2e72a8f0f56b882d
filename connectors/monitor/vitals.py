"""Whether a process is alive, that is gets on, and ready, that is has what it needs.

Every thread that works says when its loop turns and within which time it will turn again. A thread that breaks this
promise is stuck. One that waits for a server is not: its own retries end the wait; but the process is not ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sipe.metrics import BLOCKED_S_MAX, TURN_S

START_S = 120.0
"""A process that starts may take so long until its first turn."""
BLOCKED_S = 5.0
"""Who waits for a server for longer is not ready."""
ANSWER_S = 10.0
"""After so long without an answer, a server is asked for one."""

Probe = Callable[[], None]
"""Asks a server for a sign of life within a few seconds; raises when it gives none."""


class _Promise(NamedTuple):
    thread: str
    due_s: float


class _Wait(NamedTuple):
    server: str
    since_s: float
    counted_s: float


class Vitals:
    """Knows what every thread of a process promised and waits for. For any thread."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._promises: dict[int, _Promise] = {0: _Promise("start", monotonic_s() + START_S)}
        self._waits: dict[int, _Wait] = {}
        self._answers: dict[str, float] = {}
        self._probes: dict[str, Probe] = {}
        self._assigned = False
        self._draining = False

    def needs(self, dependency: str, probe: Probe) -> None:
        """Ready only while this dependency answers; the probe asks when nobody else has had an answer lately."""
        self._probes[dependency] = probe

    def turned(self, within_s: float = TURN_S) -> None:
        """This thread's loop has turned, and will again within so many seconds."""
        with self._lock:
            self._promises.pop(0, None)
            thread = threading.current_thread()
            self._promises[threading.get_ident()] = _Promise(thread.name, self._monotonic_s() + within_s)

    def assigned(self, what: str) -> None:
        """This process has got a part of the work."""
        del what
        self._assigned = True

    def answered(self, dependency: str) -> None:
        """This server has just answered."""
        self._answers[dependency] = self._monotonic_s()

    def drain(self) -> None:
        """From now on the process ends its work: alive, and not ready."""
        self._draining = True

    @contextmanager
    def blocked_by(
        self, server: str, count: Callable[[str, float], None], within_s: float = BLOCKED_S_MAX
    ) -> Iterator[None]:
        """Within the `with` block this thread waits for a server; `count` takes the seconds when it is over."""
        me, now_s = threading.get_ident(), self._monotonic_s()
        self.turned(within_s)
        with self._lock:
            self._waits[me] = _Wait(server, now_s, now_s)
        try:
            yield
        finally:
            self.settle(count)
            with self._lock:
                del self._waits[me]
            self.turned()

    def settle(self, count: Callable[[str, float], None]) -> None:
        """Count what has been waited up to now, so that a wait that still lasts shows."""
        with self._lock:
            now_s = self._monotonic_s()
            for thread, wait in self._waits.items():
                count(wait.server, now_s - wait.counted_s)
                self._waits[thread] = wait._replace(counted_s=now_s)

    def stuck(self) -> list[str]:
        """Why the process is not alive; nothing when it is."""
        with self._lock:
            now_s = self._monotonic_s()
            overdue = [(promise, now_s - promise.due_s) for promise in self._promises.values()]
        return [f"{promise.thread} is {late_s:.0f} s overdue" for promise, late_s in overdue if late_s > 0]

    def missing(self) -> list[str]:
        """Why the process is not ready; nothing when it is. May take as long as the probes do."""
        reasons = self.stuck()
        if self._draining:
            reasons.append("it drains")
        if not self._assigned:
            reasons.append("no work is assigned yet")
        with self._lock:
            waits = [(wait.server, self._monotonic_s() - wait.since_s) for wait in self._waits.values()]
        blocked = {server: wait_s for server, wait_s in waits if wait_s > BLOCKED_S}
        reasons += [f"blocked by {server} for {wait_s:.0f} s" for server, wait_s in blocked.items()]
        return reasons + [reason for name in self._probes if name not in blocked and (reason := self._silent(name))]

    def _silent(self, dependency: str) -> str | None:
        """Why a dependency counts as gone; None when it answers."""
        last_s = self._answers.get(dependency)
        if last_s is not None and self._monotonic_s() - last_s < ANSWER_S:
            return None
        try:
            self._probes[dependency]()
        except Exception as error:
            return f"{dependency} does not answer: {error}"
        self.answered(dependency)
        return None
