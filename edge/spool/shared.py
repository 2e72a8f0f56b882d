"""A spool for many threads: what they append at about the same time is taken in by one commit.

A commit waits for the disk for some milliseconds, however much is in it, and wears it out. So an append waits a little
for others, is committed with them, and returns when that is on disk. It takes no thread of its own: of the callers that
wait, one commits for all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

from edge.spool.errors import NotTaken
from edge.spool.limits import SpoolStatus
from edge.spool.spool import Spool, Waiting
from sipe.contracts.events import StationEvent
from sipe.errors import SipeError


class _Call:
    """What one thread appends, until when it waits for others, and what came of it."""

    def __init__(self, events: Sequence[StationEvent], until_s: float) -> None:
        self.events = events
        self.until_s = until_s
        self.new = 0
        self.error: Exception | None = None
        self.is_answered = False

    def answer(self, error: Exception | None = None) -> None:
        self.error = error
        self.is_answered = True


class SharedSpool:
    """The same as a `Spool`, for any thread; events of one source come from one thread, or they may change places."""

    def __init__(self, spool: Spool, *, wait_ms: int = 20, events_max: int = 100) -> None:
        """An append waits for others at most `wait_ms`, and not when `events_max` are waiting."""
        self._spool = spool
        self._wait_s = wait_ms / 1_000
        self._events_max = events_max
        self._using = threading.Lock()
        self._changed = threading.Condition()
        self._calls: list[_Call] = []
        self._is_led = False

    @property
    def status(self) -> SpoolStatus:
        """As `Spool.status`."""
        with self._using:
            return self._spool.status

    def next_identity(self, station: str, source: str) -> tuple[int, int]:
        """As `Spool.next_identity`."""
        with self._using:
            return self._spool.next_identity(station, source)

    def append(self, events: Sequence[StationEvent]) -> int:
        """As `Spool.append`, and for these events alone: when others are refused, these are not."""
        call = _Call(events, time.monotonic() + self._wait_s)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
            self._changed.wait_for(lambda: call.is_answered or not self._is_led)
            group = [] if call.is_answered else self._gather()
        if group:
            self._commit(group)
        if call.error is not None:
            raise call.error
        return call.new

    def trim(self) -> None:
        """As `Spool.trim`."""
        with self._using:
            self._spool.trim()

    def take(self, limit: int = 500) -> list[Waiting]:
        """As `Spool.take`."""
        with self._using:
            return self._spool.take(limit)

    def give_back(self) -> None:
        """As `Spool.give_back`."""
        with self._using:
            self._spool.give_back()

    def delivered(self, positions: Iterable[int]) -> None:
        """As `Spool.delivered`."""
        with self._using:
            self._spool.delivered(positions)

    def close(self) -> None:
        """As `Spool.close`, once nobody appends any more."""
        with self._using:
            self._spool.close()

    def _gather(self) -> list[_Call]:
        """Lead: wait for others, and take over what they append. The lock is held."""
        self._is_led = True
        wait_s = max(0.0, self._calls[0].until_s - time.monotonic())
        try:
            self._changed.wait_for(self._is_enough, timeout=wait_s)
        except BaseException:
            self._is_led = False
            self._changed.notify_all()
            raise
        group, self._calls = self._calls, []
        return group

    def _is_enough(self) -> bool:
        return sum(len(call.events) for call in self._calls) >= self._events_max

    def _commit(self, group: list[_Call]) -> None:
        """Take in what the group appends, answer everybody, and let another one lead."""
        try:
            with self._using:
                self._take_in(group)
        finally:
            with self._changed:
                for call in group:
                    if not call.is_answered:
                        call.answer(SipeError("the commit was broken off: append the events again"))
                self._is_led = False
                self._changed.notify_all()

    def _take_in(self, group: list[_Call]) -> None:
        for call in group:
            call.new = self._spool.count_new(call.events)
        try:
            self._spool.append([event for call in group for event in call.events])
            refused = None
        except NotTaken as error:
            refused = error
        for call in group:
            if refused is None:
                call.answer()
            elif len(group) == 1:
                call.answer(refused)
            else:
                self._take_in([call])  # it may be another one that has no room
