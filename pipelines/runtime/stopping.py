"""How a process that is told to end comes to its end: it drains if it can, and ends in time even if it cannot."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from sipe.errors import SipeError

DRAIN_TIMEOUT_S = 8.0
"""From the signal on; a supervisor gives up after 10 s and kills."""
EXIT_UNDRAINED = 1


class Stopping:
    """Says that the process has to end, to whoever waits for something.

    `on_stop` is called once, at the first reason to stop. When the process is still there `timeout_s` later, because a
    broker or a store does not answer, it ends with `EXIT_UNDRAINED` and `last_words` on stderr. That loses nothing: the
    next start goes on from the last saved state.
    """

    def __init__(self, last_words: str, on_stop: Callable[[], None] = lambda: None) -> None:
        self._last_words = last_words
        self._on_stop = on_stop
        self._asked = threading.Event()
        self._once = threading.Lock()

    def is_set(self) -> bool:
        """Whether the process has to end."""
        return self._asked.is_set()

    def sleep(self, wait_s: float) -> None:
        """Sleep, but not on; raises `SipeError` once the process has to end."""
        if self._asked.wait(wait_s):
            raise SipeError("stopped while it waited; what was not stored is read again from the last saved state")

    def ask(self, timeout_s: float = DRAIN_TIMEOUT_S) -> None:
        """Let the process end; asking twice changes nothing."""
        if not self._once.acquire(blocking=False):
            return
        self._asked.set()
        threading.Thread(target=self._end, args=[timeout_s], daemon=True, name="last-resort").start()
        self._on_stop()

    def on_signals(self, *numbers: signal.Signals) -> None:
        """Ask when one of these signals comes, even while the main thread waits for an answer that does not come."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)  # Python's own part; the thread below does the work
        threading.Thread(target=self._read_signals, args=[reading, numbers], daemon=True, name="signals").start()

    def _read_signals(self, reading: int, numbers: tuple[signal.Signals, ...]) -> None:
        while caught := os.read(reading, 1):
            if caught[0] in numbers:
                self.ask()

    def _end(self, timeout_s: float) -> None:
        time.sleep(timeout_s)
        sys.stderr.write(self._last_words)
        sys.stderr.flush()
        os._exit(EXIT_UNDRAINED)
