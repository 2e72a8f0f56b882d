"""The life of a channel as a state machine: no I/O and no clock; whoever runs a channel says what happened, and when.

    starting   no connection yet since the start
    idle       connected, and nothing comes
    active     connected, and something came a short while ago
    degraded   the connection was lost, or does not come about; it is tried again
    stopped    for good

Whether idle is bad is for others to say: a barcode scanner is idle all night, a meter's output never for ten seconds.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import NamedTuple

HISTORY_MAX = 32


class State(StrEnum):
    """Where a channel is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    ACTIVE = "active"
    DEGRADED = "degraded"
    STOPPED = "stopped"


class Event(StrEnum):
    """What happens to a channel; the name of the transition, where it is one."""

    CONNECTED = "connected"
    DATA = "data"
    """Something came over the connection."""
    SILENCE = "silence"
    """Nothing came for so long that the channel is not active any more."""
    FAILED = "failed"
    """An attempt to connect came to nothing."""
    LOST = "lost"
    """The connection ended, or is taken for dead."""
    STOP = "stop"


CONNECTED_STATES = frozenset({State.IDLE, State.ACTIVE})

TRANSITIONS: dict[State, dict[Event, State]] = {
    State.STARTING: {Event.CONNECTED: State.IDLE, Event.FAILED: State.DEGRADED, Event.STOP: State.STOPPED},
    State.IDLE: {
        Event.DATA: State.ACTIVE,
        Event.SILENCE: State.IDLE,
        Event.LOST: State.DEGRADED,
        Event.STOP: State.STOPPED,
    },
    State.ACTIVE: {
        Event.DATA: State.ACTIVE,
        Event.SILENCE: State.IDLE,
        Event.LOST: State.DEGRADED,
        Event.STOP: State.STOPPED,
    },
    State.DEGRADED: {Event.CONNECTED: State.IDLE, Event.FAILED: State.DEGRADED, Event.STOP: State.STOPPED},
    State.STOPPED: {Event.STOP: State.STOPPED},
}
"""What each event leads to; what is not here cannot happen."""


class Transition(NamedTuple):
    """A change of state: when, by what, and why in words."""

    at_ms: int
    name: Event
    before: State
    after: State
    cause: str


class Lifecycle:
    """The state of one channel, since when and why, and the silence that is watched."""

    def __init__(self, now_ms: int, *, idle_after_ms: int, silence_max_ms: int | None = None) -> None:
        """All times are of one monotonic clock, in milliseconds.

        Without data for `idle_after_ms` an active channel is idle, and for `silence_max_ms` its connection is taken for
        dead; None is never.
        """
        self.state = State.STARTING
        self.since_ms = now_ms
        self.cause = ""
        """Why the last event happened that had a cause, such as the newest of many failed attempts."""
        self.history: deque[Transition] = deque(maxlen=HISTORY_MAX)
        self._idle_after_ms = idle_after_ms
        self._silence_max_ms = silence_max_ms
        self._heard_ms = now_ms

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self.state in CONNECTED_STATES

    def on(self, event: Event, now_ms: int, cause: str = "") -> Transition | None:
        """Take in what happened; the transition, if the state is another one now.

        Raises `ValueError` when that cannot happen in this state, and nothing is changed.
        """
        after = TRANSITIONS[self.state].get(event)
        if after is None:
            raise ValueError(f"{event} cannot happen to a channel that is {self.state}")
        if event in {Event.CONNECTED, Event.DATA}:
            self._heard_ms = now_ms
        self.cause = cause or self.cause
        if after == self.state:
            return None
        transition = Transition(now_ms, event, self.state, after, cause)
        self.state, self.since_ms = after, now_ms
        self.history.append(transition)
        return transition

    def excuse(self, now_ms: int) -> None:
        """That nothing came until now was our doing: nobody read."""
        self._heard_ms = now_ms

    def is_quiet(self, now_ms: int) -> bool:
        """Whether an active channel has to become idle."""
        return self.state is State.ACTIVE and now_ms - self._heard_ms >= self._idle_after_ms

    def is_dead(self, now_ms: int) -> bool:
        """Whether a connection has been silent for longer than a good one ever is."""
        if self._silence_max_ms is None or not self.is_connected:
            return False
        return now_ms - self._heard_ms >= self._silence_max_ms

    def look_ms(self, now_ms: int) -> int | None:
        """In how many milliseconds silence may next mean something; None is never."""
        spans = []
        if self.state is State.ACTIVE:
            spans.append(self._idle_after_ms)
        if self.is_connected and self._silence_max_ms is not None:
            spans.append(self._silence_max_ms)
        return max(0, self._heard_ms + min(spans) - now_ms) if spans else None
