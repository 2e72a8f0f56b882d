"""The flow as a child process: it never outlives its parent, comes back after a crash, and drains when stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from connectors.embedded.kept import CRASHES_MAX, KeptProcess
from sipe.metrics import FLOW_RESTARTS, UNMONITORED, Monitor
from sipe.settings import Settings

MODULE = "pipelines.facts"
AS_CHILD = "--as-child"
"""Tells the flow to follow the protocol of `connectors.embedded.process`: say when ready, drain when stdin ends."""
ERROR_PREFIX = "sipe flow: "
"""How the flow's last line on stderr begins when it had to stop."""


class FlowProcess(KeptProcess):
    """Runs `python -m pipelines.facts`; when it is stopped, what it has read is folded, stored and saved."""

    def __init__(
        self,
        settings: Settings,
        log_path: Path,
        *,
        crashes_max: int = CRASHES_MAX,
        monitor: Monitor = UNMONITORED,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            "flow",
            MODULE,
            AS_CHILD,
            settings=settings,
            log_path=log_path,
            crashes_max=crashes_max,
            on_restart=partial(monitor.count, FLOW_RESTARTS),
            monotonic_s=monotonic_s,
        )
