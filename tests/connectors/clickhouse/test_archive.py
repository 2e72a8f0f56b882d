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
    fold = restore(migrated, FoldConfig(), 1, 0)
    assert fold.stations == {}
    assert fold.now_ms is None


def test_an_epoch_older_than_the_store_is_refused_with_the_one_to_set(migrated: Address, writer: Writer) -> None:
    row = {"partition": 0, "epoch": 4, "offset": 9, "tick_offset": 9, "now_ms": 1, "version": version_of(4, 8)}
    writer.write([Block.of_rows(FLOW_PROGRESS, [row])])
    with pytest.raises(SipeError, match="SIPE_LOG_EPOCH=5"):
        restore(migrated, FoldConfig(), 3, 0)
    assert restore(migrated, FoldConfig(), 5, 0).now_ms == 1
