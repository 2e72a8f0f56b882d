"""Live: open minutes are visible while they grow, and a station that falls silent turns UNKNOWN by itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import waiting

from connectors.kafka import ticker
from connectors.kafka.sender import EventSender
from pipelines.runtime.system import Runtime
from sipe.clock import SystemClock
from sipe.contracts.codec import build
from sipe.contracts.events import StationEvent
from sipe.settings import Settings

STATION = "manaus.final.line-1.packing"
ALWAYS = {"zone": "UTC", "shifts": [{"name": "A", "start": "00:00", "end": "00:00"}]}

until = partial(waiting.until, timeout_s=30)


@pytest.mark.stack
def test_an_open_minute_grows_live_and_silence_turns_unknown(tmp_path: Path) -> None:
    now_ms = SystemClock().now_ms()
    common = {"station": STATION, "ts_ms": now_ms}
    told = [
        {"type": "calendar_assigned", "source": "plant", "boot": 0, "seq": 1, "valid_from_ms": 0, "calendar": ALWAYS},
        {"type": "station_born", "boot": 1, "seq": 1, "firmware": "1", "heartbeat_ms": 1_000},
        {"type": "state_changed", "boot": 1, "seq": 2, "state": "executing", "order": "po-1", "product": "e31"},
    ]
    with Runtime(replace(Settings(), data_dir=tmp_path), serve=True) as runtime:
        stop = threading.Event()
        with EventSender(runtime.system.kafka) as ticks, runtime.sender() as sender:
            thread = threading.Thread(target=ticker.run, args=(ticks, SystemClock(), stop))
            thread.start()
            try:
                for fields in told:
                    event = build(common | fields)
                    assert isinstance(event, StationEvent)
                    sender.send(event)
                sender.flush()
                store = runtime.store()

                def total(measure: str) -> int:
                    rows = store.rows(f"SELECT sum({measure}) AS n FROM minute_facts_current")  # noqa: S608
                    return int(rows[0]["n"])

                until(lambda: total("apt_ms") > 0, "the open minute never showed production")
                until(lambda: total("unknown_ms") > 2_000, "the silent station never turned UNKNOWN")
                assert total("apt_ms") == 3_000
                # Stops are written behind the minutes of their tick.
                stops, silent = (
                    partial(store.rows, "SELECT state, open FROM stops_current"),
                    {"state": "unknown", "open": 1},
                )
                until(lambda: stops() == [silent], "the silence never showed as a stop")
            finally:
                stop.set()
                thread.join()
