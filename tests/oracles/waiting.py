"""Waiting for what another process or thread is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.02


def until(holds: Callable[[], bool], what: str, timeout_s: float) -> float:
    """Wait for a condition; returns how long it took, in s. Fails with what was waited for in vain."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < timeout_s, f"in vain for {timeout_s:g} s: {what}"
        time.sleep(POLL_S)
    return time.monotonic() - began
