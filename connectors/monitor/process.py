"""What a process is monitored by: one object that its parts tell, and that its HTTP endpoints ask."""

from __future__ import annotations

from contextlib import AbstractContextManager

from connectors.monitor.registry import Registry
from connectors.monitor.vitals import Probe, Vitals
from sipe.metrics import BLOCKED_S_MAX, BLOCKED_SECONDS, TURN_S, Metric


class ProcessMonitor:
    """The `sipe.metrics.Monitor` of a process."""

    def __init__(self, process: str) -> None:
        self.vitals = Vitals()
        self._registry = Registry(process)

    def count(self, metric: Metric, amount: float = 1, **labels: str | int) -> None:
        """Add to a counter."""
        self._registry.count(metric, amount, labels)

    def set(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Set a gauge."""
        self._registry.set(metric, value, labels)

    def observe(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Add a value to a histogram."""
        self._registry.observe(metric, value, labels)

    def turned(self, within_s: float = TURN_S) -> None:
        """This thread's loop has turned, and will again within so many seconds."""
        self.vitals.turned(within_s)

    def blocked_by(self, server: str, within_s: float = BLOCKED_S_MAX) -> AbstractContextManager[None]:
        """Within the `with` block this thread waits for a server and reads nothing; if for longer, it is stuck."""
        return self.vitals.blocked_by(server, self._waited, within_s)

    def answered(self, dependency: str) -> None:
        """A server has just answered."""
        self.vitals.answered(dependency)

    def assigned(self, what: str) -> None:
        """This process has got a part of the work."""
        self.vitals.assigned(what)

    def needs(self, dependency: str, probe: Probe) -> None:
        """Ready only while this dependency answers."""
        self.vitals.needs(dependency, probe)

    def page(self) -> bytes:
        """What `/metrics` shows."""
        self.vitals.settle(self._waited)
        return self._registry.page()

    def _waited(self, server: str, seconds: float) -> None:
        self._registry.count(BLOCKED_SECONDS, seconds, {"by": server})
