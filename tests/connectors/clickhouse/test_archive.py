"""The state that a new log begins with."""

from __future__ import annotations

import pytest

from connectors.clickhouse.archive import restore
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address
from connectors.clickhouse.writer import Writer
from models.fold.rules import FoldConfig
from sipe.contracts.tables import FLOW_PROGRESS, version_of
from sipe.errors import SipeError

pytestmark = pytest.mark.stack


def test_an_empty_store_gives_an_empty_fold(migrated: Address) -> None:
    restored = restore(migrated, FoldConfig(), 1, 0, 0)
    assert restored.fold.stations == {}
    assert restored.fold.now_ms is None
    assert restored.tick_offset == 0


def progress(writer: Writer, epoch: int, offset: int) -> None:
    row = {"partition": 0, "epoch": epoch, "offset": offset, "tick_offset": 9, "now_ms": 1}
    writer.write([Block.of_rows(FLOW_PROGRESS, [row | {"version": version_of(epoch, offset - 1)}])])


def test_an_epoch_older_than_the_store_is_refused_with_the_one_to_set(migrated: Address, writer: Writer) -> None:
    progress(writer, epoch=4, offset=9)
    with pytest.raises(SipeError, match="SIPE_LOG_EPOCH=5"):
        restore(migrated, FoldConfig(), 3, 0, 0)
    restored = restore(migrated, FoldConfig(), 5, 0, 0)
    assert (restored.fold.now_ms, restored.tick_offset) == (1, 0)


def test_a_position_before_the_newest_is_refused(migrated: Address, writer: Writer) -> None:
    progress(writer, epoch=4, offset=12)
    with pytest.raises(SipeError, match=r"partition 0 up to offset 12, but the flow goes on at 11 .* another flow"):
        restore(migrated, FoldConfig(), 4, 0, 11)
    restored = restore(migrated, FoldConfig(), 4, 0, 12)
    assert (restored.fold.now_ms, restored.tick_offset) == (1, 9)
