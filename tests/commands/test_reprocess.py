"""`sipe reprocess`, and `sipe up` that folds by itself what is told too late."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import waiting
from command_line import MAPPING, log_of, sipe

from connectors.clickhouse.client import Warehouse, connect
from connectors.embedded.stack import running
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from models.fold.rules import DAY_MS, MINUTE_MS
from sipe.clock import SystemClock
from sipe.contracts.codec import build
from sipe.contracts.events import StationEvent

pytestmark = pytest.mark.stack

STATION = "manaus.final.line-1.packing"
PIECE = {"order": "po-1", "product": "e31", "step": "pack", "qty": 3, "result": "good", "cycle_ms": 900}

until = partial(waiting.until, timeout_s=120)


def say(sender: EventSender, type_: str, at_ms: int, seq: int, **fields: Any) -> None:
    event = build({"type": type_, "station": STATION, "boot": 1, "seq": seq, "ts_ms": at_ms} | fields)
    assert isinstance(event, StationEvent)
    sender.send(event)
    sender.flush()


def number(store: Warehouse, query: str) -> int:
    ((value,),) = store.tuples(query)
    return int(value)


@pytest.mark.long
def test_what_is_told_too_late_is_folded_again_by_itself(
    start_up: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_up(tmp_path, SIPE_REFOLD_AFTER_MS="500")
    address = running(tmp_path)
    assert address is not None
    now_ms = SystemClock().now_ms()
    with connect(address.clickhouse_url) as store, EventSender(KafkaAddress(address.kafka_url)) as sender:
        say(sender, "heartbeat", now_ms - 10 * DAY_MS, 1)
        say(sender, "heartbeat", now_ms, 2)
        until(lambda: number(store, "SELECT count() FROM stations_current") == 1, "nothing was published")
        say(sender, "cycle_completed", now_ms - 5 * DAY_MS, 3, **PIECE)
        until(lambda: number(store, "SELECT sum(good) FROM minute_facts_current") == 3, "it was not folded again")
        until(lambda: number(store, "SELECT count() FROM refolds_pending") == 0, "the mark stays")
        assert number(store, "SELECT count() FROM refolds_done") == 1
        assert number(store, "SELECT max(late) FROM stations_current") == 1
    span = ("--from", "2020-01-01", "--to", "2100-01-01", "--data", tmp_path)
    again = answer("reprocess", *span, "--processes", "1")
    assert (again["stations"], again["cells_changed"], again["stops_changed"]) == (1, 0, 0)
    assert again["cells_compared"] >= 5 * DAY_MS // MINUTE_MS
    assert "cut short" in again["notes"][0]


def test_a_span_has_to_be_named(tmp_path: Path) -> None:
    spans = ((), ("--from", "2026-03-02"), ("--from", "2026-03-02", "--to", "2026-03-01"), ("--from", "x", "--to", "y"))
    for words in spans:
        done = sipe("reprocess", *words, "--data", tmp_path)
        assert done.returncode == 2
        assert "--from" in done.stderr, "said before any server is looked for"
        assert done.stderr.count("\n") == 1


@pytest.mark.long
def test_a_real_log_folded_again_is_what_the_stream_has_made_of_it(answer: Callable[..., Any], tmp_path: Path) -> None:
    log, data = log_of(tmp_path / "some.csv", {"Packing", "Machine 14 - Milling"}), tmp_path / "data"
    done = sipe("replay", log, "--mapping", MAPPING, "--json", "--data", data)
    assert done.returncode == 0, done.stderr
    again = answer("reprocess", "--from", "2000-01-01", "--to", "2100-01-01", "--data", data)
    assert again["stations"] == 2
    assert again["cells_compared"] > 10_000
    assert (again["cells_changed"], again["stops_changed"]) == (0, 0)
