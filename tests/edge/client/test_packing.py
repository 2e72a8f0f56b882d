"""Batches as they are packed on a gateway with zstd and on one without, and as the service unpacks them."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable

import pytest

from connectors.ingest.coding import Limits, decoded
from edge.client import packing

BATCH = b"\n".join(b'{"type":"heartbeat","station":"plant.line.cal-1","seq":%d}' % seq for seq in range(500))


@pytest.fixture(params=["zstd", "gzip"])
def packed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], packing.Packed]:
    """What packs where this is the best there is."""
    if request.param == "gzip":
        monkeypatch.setitem(sys.modules, "zstandard", None)
    made = runpy.run_path(packing.__file__)["packed"]
    assert made(b"").coding == request.param
    return made  # type: ignore[no-any-return]  # run_path tells no types


@pytest.mark.parametrize("body", [b"", b"x", BATCH, bytes(range(256)) * 100])
def test_the_service_reads_what_was_packed(packed: Callable[[bytes], packing.Packed], body: bytes) -> None:
    coding, sent = packed(body)
    assert decoded(sent, coding, Limits()) == body


def test_a_batch_is_much_smaller_on_its_way(packed: Callable[[bytes], packing.Packed]) -> None:
    assert len(packed(BATCH).body) * 10 < len(BATCH)
