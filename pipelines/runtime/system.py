"""The system that a command works with: named servers, a stack that runs, or one of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.clickhouse import migrate, retention
from connectors.clickhouse.client import Address, Warehouse, connect
from connectors.embedded.stack import EmbeddedStack, StackAddress, running
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import Patience
from connectors.kafka.sender import EventSender
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.progress import DelayedProgress, stored_offsets
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError, UsageError
from sipe.metrics import UNMONITORED, Monitor
from sipe.settings import Settings

EMBEDDED_SNAPSHOT_INTERVAL_MS = 1_000
"""Short, because the embedded broker keeps little: a snapshot has to follow before it drops what was stored."""
SAFE_AFTER_S = 2 * EMBEDDED_SNAPSHOT_INTERVAL_MS / 1000 + 0.5
"""After so long, what was stored is in a snapshot too."""
POLL_S = 0.05

Report = Callable[[int, int], None]
"""Called with how many records are stored, and of how many."""


@dataclass(frozen=True, kw_only=True)
class System:
    """Where a working system is reached."""

    kafka: KafkaAddress
    clickhouse_url: str = field(repr=False)
    log_epoch: int
    embedded: bool

    @property
    def store(self) -> Address:
        """The store's address, which shows no password."""
        return Address.parse(self.clickhouse_url)


def find(settings: Settings) -> System | None:
    """The named servers, else the stack that runs on the data directory, else nothing; raises `UsageError`."""
    if settings.kafka_url and settings.clickhouse_url:
        return System(
            kafka=KafkaAddress.parse(settings),
            clickhouse_url=settings.clickhouse_url,
            log_epoch=settings.log_epoch,
            embedded=False,
        )
    if settings.kafka_url or settings.clickhouse_url:
        missing = "SIPE_CLICKHOUSE_URL" if settings.kafka_url else "SIPE_KAFKA_URL"
        raise UsageError(f"{missing} is not set: name both servers, or neither for the embedded stack")
    address = running(settings.data_dir)
    return _embedded(address) if address else None


def _embedded(address: StackAddress) -> System:
    return System(
        kafka=KafkaAddress(address.kafka_url),
        clickhouse_url=address.clickhouse_url,
        log_epoch=address.log_epoch,
        embedded=True,
    )


def settings_within(settings: Settings, system: System) -> Settings:
    """The settings for a child process that works with this system."""
    return replace(
        settings,
        kafka_url=system.kafka.bootstrap,
        clickhouse_url=system.clickhouse_url,
        log_epoch=system.log_epoch,
        data_dir=settings.data_dir.resolve(),
    )


class Runtime:
    """A working system as long as it is open.

    Without `serve` it is the one that is there: the named servers, or the stack that runs on the data directory; their
    flow is somebody else's. Where nothing runs, and always with `serve`, servers that are not named are started on the
    data directory, and with `flow` the flow; they end with this.
    """

    def __init__(
        self, settings: Settings, *, serve: bool = False, flow: bool = True, monitor: Monitor = UNMONITORED
    ) -> None:
        self._settings = settings
        self._serve = serve
        self._with_flow = flow
        self._monitor = monitor
        self._system: System | None = None
        self.stack: EmbeddedStack | None = None
        """The embedded stack, when it is ours."""
        self._progress_store: Warehouse | None = None
        self._open = ExitStack()
        self._checking = threading.Lock()
        self.flow: FlowProcess | None = None
        """The flow, when it is one of ours."""

    @property
    def data_dir(self) -> Path:
        """The directory of the embedded stack, and of the flow's recovery store and log."""
        return self._settings.data_dir

    @property
    def system(self) -> System:
        """Where the servers are reached."""
        if self._system is None:
            raise SipeError("the system is not started")
        return self._system

    def start(self) -> System:
        """Find or start everything; raises `SipeError` that says what is missing or did not start."""
        try:
            found = find(self._settings)
            if found and (not found.embedded or not self._serve):
                self._system = found
            else:
                self._system = self._start_stack()
            if self._with_flow and (self._serve or self.stack):
                self._start_flow(self._system)
        except BaseException:
            self.stop()
            raise
        return self._system

    def stop(self) -> None:
        """Drain what was started here, then stop it. Stopping twice is fine."""
        self._open.close()
        self._system = None

    def check(self) -> None:
        """Raise `SipeError` when a server of ours has died, or the flow has and does not come back."""
        if self.stack:
            self.stack.check()
        if self.flow:
            self.flow.check()

    def store(self) -> Warehouse:
        """A connection to the store, for one thread, closed with this; raises `SipeError` when it does not answer."""
        return self._open.enter_context(connect(self.system.store))

    def sender(self) -> EventSender:
        """A sender that never runs further ahead of the flow than the broker retains; for one thread."""
        if not self.system.embedded:
            return EventSender(self.system.kafka)
        store = self.store()

        def progress() -> Mapping[int, int]:
            self.check()  # a sender that is held up by a crashed flow is who brings it back
            return stored_offsets(store, self.system.log_epoch)

        return EventSender(self.system.kafka, progress=DelayedProgress(progress, SAFE_AFTER_S))

    def progress(self) -> Mapping[int, int]:
        """Per partition, the first offset that is not yet stored."""
        if self._progress_store is None:
            self._progress_store = self.store()
        return stored_offsets(self._progress_store, self.system.log_epoch)

    def wait_until_stored(
        self, ends: Mapping[int, int], *, report: Report | None = None, stall_timeout_s: float = 120.0
    ) -> None:
        """Return when every record before `ends` is stored; the last of each partition has to be a tick.

        Raises `SipeError` when the flow has died for good, or has stored nothing for `stall_timeout_s`.
        """
        patience = Patience(stall_timeout_s)
        while True:
            self.check()
            stored = self.progress()
            reached = {partition: min(stored.get(partition, 0), end) for partition, end in ends.items()}
            if report:
                report(sum(reached.values()), sum(ends.values()))
            behind = [partition for partition, end in ends.items() if reached[partition] < end]
            if not behind:
                return
            patience.watch(reached, self._stalled(behind[0], reached, ends, stall_timeout_s))
            time.sleep(POLL_S)

    def _stalled(self, partition: int, reached: Mapping[int, int], ends: Mapping[int, int], timeout_s: float) -> str:
        return (
            f"{STATION_EVENTS_TOPIC.name}[{partition}] is stored up to offset {reached[partition]} of "
            f"{ends[partition]} and nothing was added for {timeout_s:g} s: is the flow running? see `sipe doctor`"
        )

    def _start_stack(self) -> System:
        self.stack = EmbeddedStack(self._settings.data_dir)
        system = _embedded(self._open.enter_context(self.stack).address)
        migrate.apply(system.store)
        retention.apply(system.store, self._settings)
        return system

    def _start_flow(self, system: System) -> None:
        if pending := migrate.plan(system.store).pending:
            raise SipeError(f"{system.store} lacks {len(pending)} migrations: apply them with `sipe migrate`")
        settings = replace(
            settings_within(self._settings, system),
            # Beside that of this process.
            monitor_port=self._settings.monitor_port and self._settings.monitor_port + 1,
        )
        if system.embedded:
            settings = replace(settings, snapshot_interval_ms=EMBEDDED_SNAPSHOT_INTERVAL_MS)
        flow = FlowProcess(settings, settings.data_dir / "logs" / "flow.log", monitor=self._monitor)
        self._open.callback(flow.stop)
        flow.start()
        self.flow = flow

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
