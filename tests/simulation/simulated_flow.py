"""The flow without Bytewax: its own steps, fed from the log, saved now and then, and killed at any moment."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import NamedTuple

from buggify import Buggify
from simulated_broker import PARTITIONS, Broker
from simulated_store import Killed, Store

from connectors.clickhouse.archive import Restored
from connectors.clickhouse.client import Address
from connectors.clickhouse.sink import ClickHouseSinkPartition, Publication
from connectors.clickhouse.writer import Retry, Writer
from connectors.kafka.records import RecordBatch
from models.fold.partition import PartitionFold
from models.fold.rules import FoldConfig
from pipelines.decode import decode_batch
from pipelines.fold import FoldLogic
from sipe.clock import ManualClock
from sipe.errors import SipeError

EPOCH = 1
SNAPSHOT_SHARE = 0.1
"""In how many steps a snapshot is due."""


class Saved(NamedTuple):
    """What recovery holds of a partition: the next offset, and the state of the fold."""

    offset: int
    state: bytes


class Flow:
    """All partitions of the flow; what it has saved outlives it."""

    def __init__(self, broker: Broker, store: Store, clock: ManualClock, buggify: Buggify, random: Random) -> None:
        self._broker = broker
        self._buggify = buggify
        self._random = random
        self._sink = ClickHouseSinkPartition(_writer(store, clock, random))
        self._saved: dict[int, Saved] = {}
        self._batch_records = 500
        self._snapshots = not buggify("no snapshot for long")
        self.restarts = 0
        self._start()

    def step(self) -> None:
        """Read, fold and write a batch of each partition, and perhaps save; whatever fails starts it again."""
        if self._buggify("another batch size and number of workers"):
            self._batch_records = self._random.choice([1, 7, 100, 5_000])
        try:
            if self._buggify("flow killed"):
                raise Killed
            for partition in self._random.sample(range(PARTITIONS), PARTITIONS):  # workers overtake each other
                self._work(partition)
            if self._snapshots and self._random.random() < SNAPSHOT_SHARE:
                self.save()
        except (Killed, SipeError):
            self._restart()

    def save(self) -> None:
        """What Bytewax does at the end of an epoch, when everything before is written."""
        self._saved |= {
            partition: Saved(self._offsets[partition], logic.snapshot()) for partition, logic in self._logics.items()
        }

    def at_end(self) -> bool:
        """Whether everything in the log is folded and written."""
        return all(self._offsets[partition] == len(self._broker.log[partition]) for partition in range(PARTITIONS))

    def _work(self, partition: int) -> None:
        records = self._broker.read(partition, self._offsets[partition], self._batch_records)
        if not records:
            return
        logic = self._logics.get(partition)
        if logic is None:
            saved = self._saved.get(partition)
            logic = self._logics[partition] = FoldLogic(saved.state if saved else None, _nothing_before)
        batch = decode_batch(RecordBatch(EPOCH, partition, records))
        publications: list[Publication] = logic.on_batch([batch])[0]
        while publications:  # Bytewax hands them on in batches of any size
            some = self._random.randint(1, len(publications))
            self._sink.write_batch(publications[:some])
            del publications[:some]
        self._offsets[partition] = records[-1].offset + 1

    def _restart(self) -> None:
        self._start()
        self.restarts += 1
        if self._buggify("flow killed again while it recovers"):
            self._recover_and_die()

    def _recover_and_die(self) -> None:
        """Come up, fold a little, and die before anything of it is saved."""
        with suppress(Killed, SipeError):
            self._work(self._random.randrange(PARTITIONS))
        self._start()
        self.restarts += 1

    def _start(self) -> None:
        self._logics: dict[int, FoldLogic] = {}
        self._offsets = {
            partition: self._saved[partition].offset if partition in self._saved else 0
            for partition in range(PARTITIONS)
        }


def _nothing_before(epoch: int, partition: int, offset: int) -> Restored:
    del epoch, partition, offset
    return Restored(PartitionFold(FoldConfig()), 0)


def _writer(store: Store, clock: ManualClock, random: Random) -> Writer:
    retry = Retry(
        random=random.random,
        sleep=lambda wait_s: clock.advance(round(wait_s * 1000)),
        monotonic_s=lambda: clock.now_ms() / 1000,
    )
    writer = Writer(Address(host="nowhere", port=1, database="sipe", user="sipe", password=""), retry)
    writer._driver = store
    return writer
