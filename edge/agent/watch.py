"""Watchdogs: a gateway that hangs is started again, and what it hung on is known afterwards.

Two of them. The event loop has to turn: a thread looks, writes down where every thread stands when it does not, and
ends the process. And systemd (or the hardware behind it) hears a sign of life as long as all is well: see sd_notify(3).
"""

from __future__ import annotations

import faulthandler
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

HUNG_AFTER_S = 20.0
EXIT_HUNG = 75
"""The exit code of a process that was ended because it hung (EX_TEMPFAIL of sysexits.h)."""
HUNG_FILE = "hung.txt"


class LoopGuard:
    """Ends the process when `beat` was not called for too long, and leaves a file that says where it stood."""

    def __init__(
        self,
        directory: Path,
        *,
        after_s: float = HUNG_AFTER_S,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._path = directory / HUNG_FILE
        self._after_s = after_s
        self._end = end
        self._beaten_s = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop guard", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """The loop turns."""
        self._beaten_s = time.monotonic()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _watch(self) -> None:
        while not self._stopping.wait(self._after_s / 10):
            still_s = time.monotonic() - self._beaten_s
            if still_s > self._after_s:
                with self._path.open("w") as file:
                    file.write(f"the event loop stood still for {still_s:.0f} s; where each thread stood:\n")
                    file.flush()
                    faulthandler.dump_traceback(file)
                self._end(EXIT_HUNG)
                return


def cause_of_last_end(directory: Path) -> str:
    """Why the process of before was ended by its watchdog; nothing when it was not. It is told once."""
    path = directory / HUNG_FILE
    if not path.exists():
        return ""
    cause, _, _ = path.read_text(errors="replace").partition(";")
    path.replace(path.with_name(f"last-{HUNG_FILE}"))
    return cause


class Supervisor:
    """Whoever started us: told that we are ready, and that we are well; nobody, where systemd has not."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        self._address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")

    def say(self, text: str) -> None:
        """Such as `READY=1`, `WATCHDOG=1`, `STATUS=...`."""
        if not self._address:
            return
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                sender.sendto(text.encode(), name)
            except OSError:  # a supervisor that is gone is no reason to fail
                return
