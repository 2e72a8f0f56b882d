"""Prometheus metrics, declared once: every process shows these, under these names, and no others.

A time is the time itself and never an age: `time() - sipe_log_time_seconds` keeps growing when the process hangs.
What a process counts begins anew when it starts, and counts work that a crash repeated again; what follows from the
log alone is in the table `station_health`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

TURN_S = 30.0
"""A loop that has not turned for so long is stuck, unless it said that it would take longer."""
BLOCKED_S_MAX = 600.0
"""Longer than what writes to a server retries before it gives up."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as Prometheus reads it; buckets are the upper bounds of a histogram, in its unit."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    help: str


BUILD_INFO = Metric(
    name="sipe_build_info",
    kind="gauge",
    labels=("version", "python", "process"),
    help="Always 1; the labels say what runs.",
)
RECORDS_READ = Metric(
    name="sipe_records_read_total", kind="counter", labels=("partition",), help="Kafka records that were read."
)
SOURCE_LAG = Metric(
    name="sipe_source_lag_records",
    kind="gauge",
    labels=("partition",),
    help="Records in the log that are not read yet: the end of the partition less the position.",
)
LOG_TIME = Metric(
    name="sipe_log_time_seconds",
    kind="gauge",
    labels=("partition",),
    help="The time in the log, as its last tick told it (Unix time); in a replay or simulation it lies in the past.",
)
EVENTS = Metric(
    name="sipe_events_total",
    kind="counter",
    labels=("outcome",),
    help="Events by what became of them: accepted, duplicate or late.",
)
REJECTS = Metric(
    name="sipe_rejects_total", kind="counter", labels=("reason",), help="Messages that are no events, by reason."
)
TICKS = Metric(name="sipe_ticks_total", kind="counter", labels=("partition",), help="Ticks that were taken in.")
STATIONS = Metric(
    name="sipe_stations", kind="gauge", labels=("partition",), help="Stations that the fold of a partition knows."
)
QUARANTINED = Metric(
    name="sipe_quarantined_senders",
    kind="gauge",
    labels=("partition",),
    help="Senders whose messages are set aside because most of them were rejects.",
)
SNAPSHOT_TIME = Metric(
    name="sipe_snapshot_time_seconds", kind="gauge", help="When state was last taken for saving (Unix time)."
)
PUBLICATIONS = Metric(
    name="sipe_publications_total", kind="counter", help="Publications of the fold that are stored; live one per tick."
)
ROWS_WRITTEN = Metric(
    name="sipe_rows_written_total", kind="counter", labels=("table",), help="Rows stored, repeated ones included."
)
INSERT_SECONDS = Metric(
    name="sipe_insert_seconds",
    kind="histogram",
    labels=("table",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    help="How long a successful INSERT took.",
)
INSERT_RETRIES = Metric(
    name="sipe_insert_retries_total",
    kind="counter",
    labels=("table",),
    help="INSERTs that were tried again.",
)
BLOCKED_SECONDS = Metric(
    name="sipe_blocked_seconds_total",
    kind="counter",
    labels=("by",),
    help="Seconds spent waiting for a server, in which nothing is read: near one per second is back-pressure.",
)
EVENT_LATENCY = Metric(
    name="sipe_event_latency_seconds",
    kind="histogram",
    buckets=(0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
    help="From an event's time to its row being stored; only of accepted events at most an hour old, so live ones.",
)
DEAD_LETTERS = Metric(
    name="sipe_dead_letters_total", kind="counter", labels=("reason",), help="Messages sent to a dead letter topic."
)
DEAD_LETTER_RETRIES = Metric(
    name="sipe_dead_letter_retries_total", kind="counter", help="Dead letters that were not taken and sent again."
)
TICKS_SENT = Metric(name="sipe_ticks_sent_total", kind="counter", help="Ticks that the ticker sent to every partition.")
TICKER_TIME = Metric(
    name="sipe_ticker_time_seconds", kind="gauge", help="The time that the ticker sent last (Unix time)."
)
FLOW_RESTARTS = Metric(
    name="sipe_flow_restarts_total", kind="counter", help="How often `sipe up` started a flow again that had crashed."
)
INTAKE_EVENTS = Metric(
    name="sipe_intake_events_total",
    kind="counter",
    labels=("way", "outcome"),
    help="Events of batches by the way they came (http, mqtt): accepted, known, not_sent, or why they were rejected.",
)
INTAKE_REFUSED = Metric(
    name="sipe_intake_refused_total",
    kind="counter",
    labels=("way", "reason"),
    help="Batches that were refused as a whole, or could not be taken just then, by reason.",
)
OUTBOX_WAITING = Metric(
    name="sipe_outbox_waiting_rows",
    kind="gauge",
    help="Changes that are committed and not yet acknowledged by Kafka; told by the process that relays them.",
)
OUTBOX_TIME = Metric(
    name="sipe_outbox_time_seconds",
    kind="gauge",
    help="Every change committed before this time is in Kafka (Unix time); it stands still while Kafka is away.",
)
OUTBOX_TOLD = Metric(
    name="sipe_outbox_told_total", kind="counter", help="Changes that Kafka has acknowledged, repeated ones included."
)
OUTBOX_LATENCY = Metric(
    name="sipe_outbox_latency_seconds",
    kind="histogram",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0),
    help="From a change being told in its transaction to its acknowledgement by Kafka.",
)
CONTRACT_COPIES = Metric(
    name="sipe_contract_copies_total",
    kind="counter",
    labels=("outcome",),
    help="Contracts asked for in Redis: found, missing, wrong (thrown away) or failed (Redis is left alone then).",
)
STREAMS = Metric(name="sipe_streams_open", kind="gauge", help="Live streams that are open to this process.")
STREAMS_CUT = Metric(
    name="sipe_streams_cut_total", kind="counter", help="Live streams that were cut off because nobody read them."
)
ANCHORS = Metric(
    name="sipe_anchors_total",
    kind="counter",
    labels=("to",),
    help="Anchors of the audit trail that were kept, by server.",
)
ANCHOR_TIME = Metric(
    name="sipe_anchor_time_seconds",
    kind="gauge",
    labels=("to",),
    help="When the audit trail was last anchored there (Unix time); what came later could be cut off unseen.",
)

METRICS: tuple[Metric, ...] = (
    BUILD_INFO,
    RECORDS_READ,
    SOURCE_LAG,
    LOG_TIME,
    EVENTS,
    REJECTS,
    TICKS,
    STATIONS,
    QUARANTINED,
    SNAPSHOT_TIME,
    PUBLICATIONS,
    ROWS_WRITTEN,
    INSERT_SECONDS,
    INSERT_RETRIES,
    BLOCKED_SECONDS,
    EVENT_LATENCY,
    DEAD_LETTERS,
    DEAD_LETTER_RETRIES,
    TICKS_SENT,
    TICKER_TIME,
    FLOW_RESTARTS,
    INTAKE_EVENTS,
    INTAKE_REFUSED,
    OUTBOX_WAITING,
    OUTBOX_TIME,
    OUTBOX_TOLD,
    OUTBOX_LATENCY,
    CONTRACT_COPIES,
    STREAMS,
    STREAMS_CUT,
    ANCHORS,
    ANCHOR_TIME,
)


class Monitor(Protocol):
    """What a part of a process tells of its work: numbers, and that it gets on. For any thread; none of it blocks."""

    def count(self, metric: Metric, amount: float = 1, **labels: str | int) -> None:
        """Add to a counter."""

    def set(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Set a gauge."""

    def observe(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Add a value to a histogram."""

    def turned(self, within_s: float = TURN_S) -> None:
        """This thread's loop has turned, and will again within so many seconds; if it does not, it is stuck."""

    def blocked_by(self, server: str, within_s: float = BLOCKED_S_MAX) -> AbstractContextManager[None]:
        """Within the `with` block this thread waits for a server and reads nothing; if for longer, it is stuck."""

    def answered(self, dependency: str) -> None:
        """A server that this process needs has just done what it was asked to."""

    def assigned(self, what: str) -> None:
        """This process has got a part of the work, such as a partition; without any it is not ready."""


class Unmonitored:
    """Tells nobody."""

    def count(self, metric: Metric, amount: float = 1, **labels: str | int) -> None:
        """Nothing."""

    def set(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Nothing."""

    def observe(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Nothing."""

    def turned(self, within_s: float = TURN_S) -> None:
        """Nothing."""

    def blocked_by(self, server: str, within_s: float = BLOCKED_S_MAX) -> AbstractContextManager[None]:
        """Nothing."""
        del server, within_s
        return nullcontext()

    def answered(self, dependency: str) -> None:
        """Nothing."""

    def assigned(self, what: str) -> None:
        """Nothing."""


UNMONITORED = Unmonitored()


def markdown() -> str:
    """The page of metrics, docs/metrics.md."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield "Generated by `make schemas` from `sipe/metrics.py`; edit the declarations there, not this page. Every"
    yield "process with `SIPE_MONITOR_PORT` shows them on `/metrics`; see [operations.md](operations.md#monitoring)."
    yield ""
    yield "| metric | type | labels | what it says |"
    yield "| --- | --- | --- | --- |"
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"
