"""A meter whose supply fails in the middle of what it says."""

from __future__ import annotations

from collections.abc import Callable

from edge.protocols.session import Action, Send, SetRate, Wait
from edge.sim.bus import Talks


class LosesPower:
    """It begins anew when the supply is back, with what its registers hold, and without what it was doing."""

    def __init__(self, make: Callable[[], Talks], *, at_send: int, off_ms: int | None, rate_bd: int) -> None:
        """Power goes in the middle of the message `at_send`, counted from 1, once; None is for good.

        `make` is asked for the meter each time it is switched on, and `rate_bd` is the rate at which it begins.
        """
        self._make = make
        self._meter = make()
        self._sends_left = at_send
        self._off_ms = off_ms
        self._rate_bd = rate_bd
        self._is_off = False
        self._back_ms: int | None = None

    def resume(self, data: bytes, now_ms: int) -> Action:
        """See `Talks`."""
        if self._is_off:
            if self._off_ms is None:
                return Wait(None)
            if self._back_ms is None:
                self._back_ms = now_ms + self._off_ms
            if now_ms < self._back_ms:
                return Wait(self._back_ms)
            self._is_off, self._meter = False, self._make()
            return SetRate(self._rate_bd)
        action = self._meter.resume(data, now_ms)
        if isinstance(action, Send):
            self._sends_left -= 1
            if self._sends_left == 0:
                self._is_off = True
                return Send(action.data[: len(action.data) // 2])
        return action
