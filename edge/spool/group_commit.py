"""Group commit: what several threads append at about the same time becomes one commit.

A commit waits for the disk for some milliseconds, however much is in it, and wears out a flash card. It takes no thread
of its own: of the callers that wait, one commits for all. It waits a little for as many as the last commit had, so who
appends alone never waits for others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sipe.contracts.events import StationEvent
from sipe.errors import SipeError


class Call:
    """What one thread appends, and what came of it."""

    def __init__(self, events: Sequence[StationEvent], until_s: float) -> None:
        self.events = events
        self.until_s = until_s
        """Until when it waits for others, in monotonic time."""
        self.new = 0
        """How many of its events were new, once it is answered."""
        self.error: SipeError | None = None
        """Why none of them was taken."""
        self.is_answered = False


class GroupCommit:
    """Gathers calls, and has them committed in the order in which they came."""

    def __init__(self, commit: Callable[[Sequence[Call]], None], *, wait_ms: int = 20, events_max: int = 100) -> None:
        """`commit` writes `new` or `error` into each call; it is called by one thread at a time.

        A call waits for others at most `wait_ms`, and no longer once `events_max` events are waiting.
        """
        self._commit = commit
        self._wait_s = wait_ms / 1_000
        self._events_max = events_max
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._is_led = False
        self._expected = 1
        """How many calls the last commit had."""

    def append(self, events: Sequence[StationEvent]) -> int:
        """Commit these events with those of others; how many were new. Raises `SipeError` when none was taken."""
        call = Call(events, time.monotonic() + self._wait_s)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
            self._changed.wait_for(lambda: call.is_answered or not self._is_led)
            group = [] if call.is_answered else self._gather()
        if group:
            self._lead(group)
        if call.error is not None:
            raise call.error
        return call.new

    def _gather(self) -> list[Call]:
        """Become the one that commits: wait for others, and take over what they append. The lock is held."""
        self._is_led = True
        try:
            self._changed.wait_for(self._is_enough, timeout=max(0.0, self._calls[0].until_s - time.monotonic()))
        except BaseException:
            self._is_led = False
            self._changed.notify_all()
            raise
        group, self._calls = self._calls, []
        self._expected = len(group)
        return group

    def _is_enough(self) -> bool:
        events = sum(len(call.events) for call in self._calls)
        return len(self._calls) >= self._expected or events >= self._events_max

    def _lead(self, group: list[Call]) -> None:
        """Commit for all, answer everybody, and let another one lead."""
        failure: SipeError | None = SipeError("the commit was broken off: append the events again")
        try:
            self._commit(group)
            failure = None
        finally:
            with self._changed:
                for call in group:
                    call.error = call.error or failure
                    call.is_answered = True
                self._is_led = False
                self._changed.notify_all()
