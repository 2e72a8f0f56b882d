"""An event loop whose time passes only while nothing happens: an hour of pauses takes no time, and is exact."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


class _Selector(selectors.DefaultSelector):
    """Jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("everything waits for something that will never happen")
            self.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """For what does no I/O."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def stand_still(self, span_ms: int) -> None:
        self._virtual.now_s += span_ms / 1000

    def time(self) -> float:
        return self._virtual.now_s


def run_virtually(story: Coroutine[Any, Any, R]) -> R:
    """Like `asyncio.run`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


def stand_still(span_ms: int) -> None:
    """Have time pass in the middle of a step, as on a machine that does something else meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.stand_still(span_ms)


def virtual_ms() -> int:
    """The time of the running loop, as a monotonic clock."""
    return round(asyncio.get_running_loop().time() * 1000)
