"""The declared metrics as prometheus_client has them, in a registry of one process."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from sipe.metrics import BUILD_INFO, METRICS, Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

disable_created_metrics()  # type: ignore[no-untyped-call]  # series that nobody declared


class Registry:
    """Every declared metric, at nothing; for any thread."""

    def __init__(self, process: str) -> None:
        self._registry = CollectorRegistry()
        self._metrics: dict[str, Any] = {metric.name: self._made(metric) for metric in METRICS}
        self.set(BUILD_INFO, 1, {"version": version("sipe"), "python": platform.python_version(), "process": process})

    def count(self, metric: Metric, amount: float, labels: Mapping[str, str | int]) -> None:
        """Add to a counter."""
        self._series(metric, labels).inc(amount)

    def set(self, metric: Metric, value: float, labels: Mapping[str, str | int]) -> None:
        """Set a gauge."""
        self._series(metric, labels).set(value)

    def observe(self, metric: Metric, value: float, labels: Mapping[str, str | int]) -> None:
        """Add a value to a histogram."""
        self._series(metric, labels).observe(value)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def _made(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind == "histogram":
            return Histogram(metric.name, metric.help, metric.labels, registry=self._registry, buckets=metric.buckets)
        kind = Counter if metric.kind == "counter" else Gauge
        return kind(metric.name, metric.help, metric.labels, registry=self._registry)

    def _series(self, metric: Metric, labels: Mapping[str, str | int]) -> Any:
        made = self._metrics[metric.name]
        return made.labels(**labels) if metric.labels else made
