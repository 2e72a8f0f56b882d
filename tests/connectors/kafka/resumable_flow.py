"""A dataflow with recovery that a test can kill: appends the place of every record it reads to a file.

    python resumable_flow.py BOOTSTRAP TOPIC RECOVERY_DIR OUT_FILE

Ends on SIGTERM, with a last snapshot.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from connectors.kafka.address import KafkaAddress
from connectors.kafka.records import RecordBatch
from connectors.kafka.source import StationEventSource

Item = tuple[str, RecordBatch]


class Journal(StatelessSinkPartition[Item]):
    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def write_batch(self, items: list[Item]) -> None:
        for key, batch in items:
            self._file.writelines(f"{key} {record.offset}\n" for record in batch.records)
        self._file.flush()


class JournalSink(DynamicSink[Item]):
    def __init__(self, path: Path) -> None:
        self._path = path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Journal:
        return Journal(self._path)


def main(kafka: KafkaAddress, topic: str, recovery_dir: Path, out: Path) -> None:
    if not recovery_dir.exists():
        recovery_dir.mkdir()
        init_db_dir(recovery_dir, 1)  # type: ignore[no-untyped-call]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    flow = Dataflow("resumable")
    records = op.input("in", flow, StationEventSource(kafka, topic, 1, stop=stop.is_set, batch_records_max=20))
    op.output("out", records, JournalSink(out))
    recovery = RecoveryConfig(str(recovery_dir), backup_interval=timedelta(0))  # type: ignore[no-untyped-call]
    cli_main(flow, epoch_interval=timedelta(milliseconds=50), recovery_config=recovery)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(KafkaAddress(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
