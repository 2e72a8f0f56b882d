"""The main flow: station events in, minute facts and stops out.

    Kafka ─▶ decode and guard ─▶ dedup and fold, by partition ─▶ dead letters to Kafka ─▶ ClickHouse

Run it with `python -m pipelines.facts`; `sipe up` does. SIGTERM drains it: what was read is folded and saved.
"""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from connectors.clickhouse.archive import restore
from connectors.clickhouse.client import Address, connect, probe
from connectors.clickhouse.sink import ClickHouseSink, Publication
from connectors.clickhouse.writer import DEPENDENCY, Retry
from connectors.embedded.process import serve_until_parent_leaves
from connectors.kafka.address import KafkaAddress
from connectors.kafka.records import RecordBatch
from connectors.kafka.source import StationEventSource
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import monitored
from models.fold.rules import FoldConfig
from pipelines.decode import decode_batch
from pipelines.fold import FoldLogic, Restore
from pipelines.outputs import InTurn, LetterSink
from pipelines.runtime.flow import AS_CHILD, ERROR_PREFIX
from pipelines.runtime.progress import stored_offsets
from pipelines.runtime.recovery import opened
from pipelines.runtime.stopping import Stopping
from sipe import logs
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError, UsageError
from sipe.metrics import UNMONITORED, Monitor
from sipe.settings import Settings, load

_log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
ORPHAN_TIMEOUT_S = 4.0
"""A child whose parent was killed has lost its servers too, and drains shorter."""
UNDRAINED = f"{ERROR_PREFIX}stopped before all that was read was stored; the next start reads it again\n"


def build(
    source: Source[tuple[str, RecordBatch]],
    restore_fold: Restore,
    sink: Sink[Publication],
    monitor: Monitor = UNMONITORED,
    *,
    stop_on_poison: bool = True,
) -> Dataflow:
    """The flow between a source and a sink."""
    fold = partial(FoldLogic, restore=restore_fold, monitor=monitor, stop_on_poison=stop_on_poison)
    flow = Dataflow("facts")
    records = op.input("kafka", flow, source)
    events = op.map("decode", records, lambda keyed: (keyed[0], decode_batch(keyed[1])))
    publications = op.stateful_batch("fold", events, fold)
    op.output("outputs", op.key_rm("publications", publications), sink)
    return flow


def run(settings: Settings, *, as_child: bool = False) -> None:
    """Run the flow until SIGTERM, a child also until its parent leaves; raises `SipeError` when it has to stop."""
    if settings.kafka_url is None or settings.clickhouse_url is None:
        raise UsageError("the flow needs SIPE_KAFKA_URL and SIPE_CLICKHOUSE_URL; without them use `sipe up`")
    monitor = ProcessMonitor("flow")
    stopping = Stopping(UNDRAINED, monitor.vitals.drain)
    stopping.on_signals(signal.SIGTERM, *(() if as_child else (signal.SIGINT,)))
    address = Address.parse(settings.clickhouse_url)
    kafka = KafkaAddress.parse(settings)
    if as_child:  # from here on it is ready: what is wrong with the settings has been said
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the whole group; `sipe up` decides
        threading.Thread(target=_drain_when_parent_leaves, args=[stopping], daemon=True).start()
    monitor.needs(DEPENDENCY, partial(probe, address))
    source = StationEventSource(
        kafka,
        STATION_EVENTS_TOPIC.name,
        settings.log_epoch,
        stored_offset=partial(_stored_offset, address, monitor, settings.log_epoch),
        stop=stopping.is_set,
        monitor=monitor,
    )
    sink = InTurn(
        LetterSink(kafka, stopping=stopping.is_set, monitor=monitor),
        ClickHouseSink(address, Retry(sleep=stopping.sleep), monitor),
    )
    past = partial(restore, address, FoldConfig())
    flow = build(source, past, sink, monitor, stop_on_poison=settings.stop_on_poison)
    with (
        opened(settings.data_dir, settings.log_epoch, settings.flow_process) as recovery_dir,
        monitored(monitor, settings),
    ):
        _log.info("the flow starts", extra={"epoch": settings.log_epoch, "path": str(recovery_dir)})
        cli_main(  # type: ignore[no-untyped-call]  # Bytewax's Rust part has no types
            flow,
            **cluster_of(settings),
            workers_per_process=settings.workers,
            epoch_interval=timedelta(milliseconds=settings.snapshot_interval_ms),
            recovery_config=RecoveryConfig(recovery_dir),  # type: ignore[no-untyped-call]  # the same
        )
    _log.info("the flow has drained", extra={"epoch": settings.log_epoch})


def main(args: Sequence[str]) -> int:
    """Run the flow with the settings of the environment; the last line on stderr says why it stopped."""
    try:
        settings = load()
        logs.configure("flow", settings.log_level, service=True)
        run(settings, as_child=AS_CHILD in args)
    except BaseException as error:  # a panic of Bytewax's Rust part is no Exception
        cause = _sipe_error(error) or _panic(error)
        if cause is None:
            raise
        sys.stderr.write(f"{ERROR_PREFIX}{' '.join(str(cause).split())}\n")
        return cause.exit_code
    return 0


def cluster_of(settings: Settings) -> dict[str, Any]:
    """What Bytewax has to know of the other processes; raises `UsageError`."""
    if settings.flow_addresses is None:
        if settings.flow_process != 1:
            raise UsageError("SIPE_FLOW_PROCESS is set and SIPE_FLOW_ADDRESSES is not: a cluster needs both")
        return {}
    addresses = [address.strip() for address in settings.flow_addresses.split(",")]
    if len(set(addresses)) < len(addresses) or not all(map(_ADDRESS.fullmatch, addresses)):
        raise UsageError(f"SIPE_FLOW_ADDRESSES={settings.flow_addresses!r} is not host:port,host:port, each once")
    if settings.flow_process > len(addresses):
        raise UsageError(f"SIPE_FLOW_PROCESS={settings.flow_process}, but there are {len(addresses)} addresses")
    return {"addresses": addresses, "process_id": settings.flow_process - 1}


def _stored_offset(address: Address, monitor: Monitor, epoch: int, partition: int) -> int | None:
    with monitor.blocked_by(DEPENDENCY), connect(address) as store:
        return stored_offsets(store, epoch).get(partition)


def _drain_when_parent_leaves(stopping: Stopping) -> None:
    serve_until_parent_leaves({})
    stopping.ask(ORPHAN_TIMEOUT_S)


def _sipe_error(error: BaseException | None) -> SipeError | None:
    """The error that a person should read: Bytewax wraps what a step raises in errors of its own."""
    while error is not None and not isinstance(error, SipeError):
        error = error.__cause__ or error.__context__
    return error


def _panic(error: BaseException) -> SipeError | None:
    """What to do after a panic of Bytewax: mostly, it has lost the connection to another process of the cluster."""
    if type(error).__name__ != "PanicException":
        return None
    return SipeError(
        f"the flow's engine gave up ({error}): did another process of its cluster end? start all of them again; they "
        "go on from the last saved state"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
