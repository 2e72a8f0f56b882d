"""Nothing that a producer sends stops or skews the flow: each message becomes an event or a reject that is kept."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.kafka.letter_reader import read_letters
from pipelines.runtime.system import Runtime
from sipe.contracts.codec import MESSAGE_BYTES_MAX, build
from sipe.contracts.events import StationEvent
from sipe.errors import SipeError
from sipe.settings import Settings

STATION = "manaus.final.line-1.packing"
KEY = STATION.encode()
T0 = 1_772_445_600_000
HEARTBEAT = b'{"type":"heartbeat","station":"%s","boot":1,"seq":%d,"ts_ms":%d}'

POISON: dict[bytes, str] = {
    b"": "undecodable",
    b"not json": "undecodable",
    b'{"type":"heartbeat"': "undecodable",
    b'{"type":"test_measured","value":NaN}': "undecodable",
    b'{"type":"heartbeat","x":' + b"[" * 100_000: "undecodable",
    b'{"type":"heartbeat","note":"\xff\xfe"}': "undecodable",
    b"null": "schema",
    b"[]": "schema",
    b'{"type":"heartbeat"}': "schema",
    HEARTBEAT % (b"UPPER.case.is.wrong", 1, T0): "schema",
    HEARTBEAT % (KEY, 0, T0): "schema",
    b'{"type":"abduction","station":"%s","boot":1,"seq":1,"ts_ms":1}' % KEY: "unknown_type",
    HEARTBEAT % (b"another.plant.or.line", 1, T0): "key_mismatch",
    b'{"type":"clock_advanced","now_ms":1}': "key_mismatch",
    HEARTBEAT % (KEY, 7, int(time.time() * 1000) + 3_600_000): "clock_future",
    HEARTBEAT % (KEY, 8, 0): "clock_unset",
}


@pytest.mark.stack
def test_poison_is_counted_and_kept_and_good_events_go_on(tmp_path: Path) -> None:
    with Runtime(replace(Settings(), data_dir=tmp_path), serve=True) as runtime:
        with runtime.sender() as sender:
            for value in POISON:
                sender.send_raw(KEY, value)
            sender.send_raw(KEY, HEARTBEAT.replace(b'"seq"', b'"seq":99,"seq"') % (KEY, 1, T0))
            cycle = {"type": "cycle_completed", "station": STATION, "boot": 1, "seq": 2, "ts_ms": T0, "qty": 3}
            event = build(
                cycle | {"order": "po-1", "product": "e31", "step": "pack", "result": "good", "cycle_ms": 9_000}
            )
            assert isinstance(event, StationEvent)
            sender.send(event)
            with pytest.raises(SipeError, match="too_big"):
                sender.send_raw(KEY, b"x" * (MESSAGE_BYTES_MAX + 1))
            sender.tick(T0 + 120_000)
            runtime.wait_until_stored(sender.ends())
        store = runtime.store()
        kept = store.rows("SELECT reason, hex(raw) AS raw FROM rejects FINAL")
        assert {(bytes.fromhex(row["raw"]), row["reason"]) for row in kept} == set(POISON.items())
        assert len(kept) == len(POISON)
        letters = [delivered.letter for delivered in read_letters(runtime.system.kafka)]
        assert {(letter.value, letter.headers.reason) for letter in letters if letter} == set(POISON.items())
        assert len(letters) == len(POISON)
        assert all(letter.key == KEY and letter.headers.attempt == 1 for letter in letters if letter)
        assert store.rows("SELECT seq, type FROM events FINAL ORDER BY seq") == [
            {"seq": 1, "type": "heartbeat"},
            {"seq": 2, "type": "cycle_completed"},
        ]
        assert store.rows("SELECT sum(good) AS good FROM minute_facts FINAL") == [{"good": 3}]
