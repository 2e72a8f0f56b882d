"""Whether a machine is executing, idle or down, from what it makes and says. No clock is looked at here."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["executing", "idle", "down"]


class Change(NamedTuple):
    """The machine is in a state from a time on, on the clock that was told."""

    state: State
    at_ms: int


class MachineState:
    """The state of one machine; None until something is known. It never changes to what it is already."""

    def __init__(self, idle_after_ms: int, now_ms: int) -> None:
        """`now_ms` is when somebody began to listen."""
        self.state: State | None = None
        self._idle_after_ms = idle_after_ms
        self._since_ms = now_ms
        """Since when nothing was made."""
        self._is_down = False

    def made(self, at_ms: int) -> list[Change]:
        """Pieces came. A machine that says that it is down is, whatever it still makes."""
        self._since_ms = at_ms
        return [] if self._is_down else self._now("executing", at_ms)

    def told(self, at_ms: int, *, is_down: bool) -> list[Change]:
        """The machine says whether it is down; what it did last is not what it does when it comes back."""
        was_down, self._is_down = self._is_down, is_down
        if is_down:
            return self._now("down", at_ms)
        return self._now("idle", at_ms) if was_down else []

    def looked(self, now_ms: int) -> list[Change]:
        """Time has passed. When nothing was made for so long, it has been idle since the last piece."""
        if self._is_down or now_ms - self._since_ms < self._idle_after_ms:
            return []
        return self._now("idle", self._since_ms)

    def _now(self, state: State, at_ms: int) -> list[Change]:
        if state == self.state:
            return []
        self.state = state
        return [Change(state, at_ms)]
