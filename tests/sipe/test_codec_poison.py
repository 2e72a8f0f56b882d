"""Nothing that a producer may send stops the decoder: it gives an event, or a reject that keeps the bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipe.contracts.codec import (
    CLOCK_AHEAD_MS_MAX,
    CLOCK_SET_MS_MIN,
    MESSAGE_BYTES_MAX,
    REJECT_REASONS,
    Reject,
    RejectReason,
    admit,
    build,
    decode,
    encode,
)
from sipe.contracts.events import ClockAdvanced, Event, Heartbeat, OrderStarted
from sipe.contracts.examples import EXAMPLES

STATION = "manaus.final.line-1.calibration"
TS_MS = 1_772_445_600_000
HEARTBEAT = encode(Heartbeat(station=STATION, boot=7, seq=2, ts_ms=TS_MS))
DEEP = 100_000
"""Far deeper than any stack."""


def event(type_: str, **fields: object) -> bytes:
    """A message of this type; the values are whatever a broken producer makes of them."""
    return json.dumps({"type": type_, "station": STATION, "boot": 7, "seq": 2, "ts_ms": TS_MS, **fields}).encode()


def measured(value: bytes) -> bytes:
    return event("parameter_measured", name="pot temperature", unit="degC", value="?").replace(b'"?"', value)


def with_unknown(json_text: bytes) -> bytes:
    """A good heartbeat with an unknown field of this content."""
    return HEARTBEAT.removesuffix(b"}") + b',"unknown":' + json_text + b"}"


def cycle(**fields: object) -> bytes:
    good = {"order": "4711", "product": "MT-100", "step": "calibration", "qty": 1, "result": "good", "cycle_ms": 1}
    return event("cycle_completed", **good | fields)


def interval(**fields: object) -> bytes:
    return event("interval_reported", **{"state": "idle", "from_ts_ms": TS_MS - 1} | fields)


def calendar(**fields: object) -> bytes:
    return event("calendar_assigned", valid_from_ms=0, calendar={"zone": "America/Manaus"} | fields)


POISON: dict[str, tuple[RejectReason, bytes]] = {
    # Not JSON.
    "empty": ("undecodable", b""),
    "text": ("undecodable", b"hello"),
    "truncated": ("undecodable", HEARTBEAT[:-1]),
    "two objects": ("undecodable", HEARTBEAT * 2),
    "trailing comma": ("undecodable", HEARTBEAT.removesuffix(b"}") + b",}"),
    "byte order mark": ("undecodable", b"\xef\xbb\xbf" + HEARTBEAT),
    "UTF-16": ("undecodable", HEARTBEAT.decode().encode("utf-16")),
    "NUL after the object": ("undecodable", HEARTBEAT + b"\0"),
    "NUL in an unknown text": ("undecodable", with_unknown(b'"\0"')),
    "leading zero": ("undecodable", HEARTBEAT.replace(b'"seq":2', b'"seq":02')),
    # Not UTF-8, wherever it stands.
    "invalid UTF-8 in a known field": ("undecodable", HEARTBEAT.replace(b"manaus", b"man\xffus")),
    "invalid UTF-8 in an unknown field": ("undecodable", with_unknown(b'"\xff"')),
    "invalid UTF-8 in an unknown name": ("undecodable", HEARTBEAT.replace(b"{", b'{"\xff":1,', 1)),
    "surrogate bytes": ("undecodable", with_unknown(b'"\xed\xa0\x80"')),
    "escaped lone surrogate, known": ("undecodable", cycle(order="\ud800")),
    "escaped lone surrogate, unknown": ("undecodable", with_unknown(b'"\\ud800"')),
    # Numbers that are none.
    "NaN": ("undecodable", measured(b"NaN")),
    "Infinity": ("undecodable", measured(b"Infinity")),
    "-Infinity": ("undecodable", measured(b"-Infinity")),
    "NaN in an unknown field": ("undecodable", with_unknown(b"NaN")),
    "1e999": ("schema", measured(b"1e999")),
    "-1e999": ("schema", measured(b"-1e999")),
    "measure too large": ("schema", measured(b"1e16")),
    # Nesting.
    "deep array in an unknown field": ("undecodable", with_unknown(b"[" * DEEP + b"]" * DEEP)),
    "deep object in an unknown field": ("undecodable", with_unknown(b'{"a":' * DEEP + b"1" + b"}" * DEEP)),
    "deep array, never closed": ("undecodable", with_unknown(b"[" * DEEP)),
    "deep array in a known field": ("schema", measured(b"[" * DEEP + b"]" * DEEP)),
    "deep array at the top": ("schema", b"[" * DEEP),
    # JSON, but no event.
    "null": ("schema", b"null"),
    "true": ("schema", b"true"),
    "number": ("schema", b"12"),
    "string": ("schema", b'"heartbeat"'),
    "empty array": ("schema", b"[]"),
    "array of an event": ("schema", b"[" + HEARTBEAT + b"]"),
    "empty object": ("schema", b"{}"),
    "no type": ("schema", HEARTBEAT.replace(b'"type":"heartbeat",', b"")),
    "type null": ("schema", HEARTBEAT.replace(b'"heartbeat"', b"null")),
    "type number": ("schema", HEARTBEAT.replace(b'"heartbeat"', b"1")),
    "unknown type": ("unknown_type", event("coffee_brewed")),
    "empty type": ("unknown_type", event("")),
    "type with a newline": ("unknown_type", event("heart\nbeat")),
    "type in capitals": ("unknown_type", event("HEARTBEAT")),
    "doubled type, not the same": ("unknown_type", event("heartbeat").removesuffix(b"}") + b',"type":"order_ended"}'),
    # Ids.
    "missing station": ("schema", HEARTBEAT.replace(b'"station"', b'"place"')),
    "station with a newline at its end": ("schema", event("heartbeat", station=STATION + "\n")),
    "station in capitals": ("schema", event("heartbeat", station=STATION.upper())),
    "station of three levels": ("schema", event("heartbeat", station="manaus.final.line-1")),
    "station of five levels": ("schema", event("heartbeat", station=STATION + ".position-1")),
    "station level too long": ("schema", event("heartbeat", station="manaus.final.line-1." + "x" * 33)),
    "station null": ("schema", event("heartbeat", station=None)),
    "source with a NUL": ("schema", event("heartbeat", source="log\0")),
    "source empty": ("schema", event("heartbeat", source="")),
    "order too long": ("schema", cycle(order="x" * 65)),
    "order empty": ("schema", cycle(order="")),
    "order a number": ("schema", cycle(order=4711)),
    "order with a line break": ("schema", cycle(order="4711\n")),
    "serial a number": ("schema", cycle(serial=417)),
    # Whole numbers.
    "seq zero": ("schema", event("heartbeat", seq=0)),
    "seq negative": ("schema", event("heartbeat", seq=-1)),
    "seq too large": ("schema", event("heartbeat", seq=2**63)),
    "seq of 400 digits": ("schema", event("heartbeat", seq=10**399)),
    "seq as text": ("schema", event("heartbeat", seq="2")),
    "seq true": ("schema", event("heartbeat", seq=True)),
    "seq with a fraction": ("schema", event("heartbeat", seq=2.5)),
    "seq as a float": ("schema", event("heartbeat", seq=2.0)),
    "seq null": ("schema", event("heartbeat", seq=None)),
    "boot too large": ("schema", event("heartbeat", boot=2**32)),
    "time negative": ("schema", event("heartbeat", ts_ms=-1)),
    "time in microseconds": ("schema", event("heartbeat", ts_ms=TS_MS * 1_000)),
    "flag as a number": ("schema", event("heartbeat", replayed=1)),
    # Quantities and closed lists.
    "cycle of no pieces": ("schema", cycle(qty=0)),
    "quantity too large": ("schema", cycle(qty=1_000_000_001)),
    "scrap negative": ("schema", interval(scrap=-1)),
    "good too large": ("schema", interval(good=1_000_000_001)),
    "unknown result": ("schema", cycle(result="perfect")),
    "unknown state": ("schema", event("state_changed", state="asleep")),
    "state in capitals": ("schema", event("state_changed", state="IDLE")),
    # What takes arithmetic or a table.
    "interval that runs backwards": ("schema", interval(from_ts_ms=TS_MS + 1)),
    "interval longer than 48 h": ("schema", interval(from_ts_ms=TS_MS - 48 * 3_600_000 - 1)),
    "unknown zone": ("schema", calendar(zone="Mars/Olympus")),
    "zone outside the zone files": ("schema", calendar(zone="../../etc/passwd")),
    "zone that is a folder": ("schema", calendar(zone="America")),
    "no such date": ("schema", calendar(exceptions=[{"date": "2026-02-30"}])),
    "no such time of day": ("schema", calendar(shifts=[{"name": "early", "start": "24:00", "end": "14:00"}])),
    "no such weekday": ("schema", calendar(shifts=[{"name": "a", "start": "06:00", "end": "14:00", "days": [0]}])),
    "planned stop that is empty": ("schema", calendar(planned_stops=[{"from_ms": 5, "to_ms": 5}])),
    # Size.
    "one byte above the limit": ("too_big", HEARTBEAT.ljust(MESSAGE_BYTES_MAX + 1)),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_rejected_with_its_reason_and_its_bytes(name: str) -> None:
    reason, raw = POISON[name]
    reject = decode(raw)
    assert isinstance(reject, Reject), f"accepted as {reject}"
    assert reject.reason == reason
    assert reject.raw is raw
    assert reject.detail


def test_a_message_may_be_as_long_as_the_limit() -> None:
    assert decode(HEARTBEAT.ljust(MESSAGE_BYTES_MAX)) == decode(HEARTBEAT)


@pytest.mark.parametrize("content", [b"1", b"null", b'{"a":[1,2]}', b'"\xc3\xa9"', b"1e999", b'"\\u0000"'])
def test_unknown_fields_are_ignored(content: bytes) -> None:
    assert decode(with_unknown(content)) == decode(HEARTBEAT)


def test_the_last_of_a_doubled_key_wins() -> None:
    raw = HEARTBEAT.removesuffix(b"}") + b',"seq":3,"seq":4}'
    assert decode(raw) == Heartbeat(station=STATION, boot=7, seq=4, ts_ms=TS_MS)


def test_text_beyond_ascii_is_kept() -> None:
    started = decode(event("order_started", order="Ordem nº 7 ⚡", product="Medidor", planned_qty=0))
    assert isinstance(started, OrderStarted)
    assert started.order == "Ordem nº 7 ⚡"


@given(st.binary(max_size=400))
def test_any_bytes_give_an_event_or_a_reject(raw: bytes) -> None:
    assert_total(raw)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An example in which a few places were overwritten, cut out or doubled."""
    raw = bytearray(encode(draw(st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(start + 12, len(raw))))
        junk = st.sampled_from(
            [b'"', b"}", b"{", b",", b":", b"-", b"0", b"1e999", b"null", b"\\u0000", b"\xff", b"\n"]
        )
        raw[start:end] = draw(junk | st.just(bytes(raw[start:end] * 2)) | st.binary(max_size=4))
    return bytes(raw)


@given(damaged())
def test_a_damaged_event_gives_an_event_or_a_reject(raw: bytes) -> None:
    assert_total(raw)


def assert_total(raw: bytes) -> None:
    """The decoder gives an event, and then every decoder would, or a reject with these bytes."""
    decoded = decode(raw)
    if isinstance(decoded, Reject):
        assert decoded.reason in REJECT_REASONS
        assert decoded.raw == raw
    else:
        assert build(json.loads(raw)) == decoded


TICK = ClockAdvanced(now_ms=TS_MS)
BEAT = Heartbeat(station=STATION, boot=7, seq=2, ts_ms=TS_MS)


@pytest.mark.parametrize(("sent", "key"), [(BEAT, STATION.encode()), (TICK, None), (TICK, b"")])
def test_the_clock_may_run_ahead_as_far_as_the_border_and_no_further(sent: Event, key: bytes | None) -> None:
    raw = encode(sent)
    assert admit(raw, key, TS_MS - CLOCK_AHEAD_MS_MAX) == sent
    assert admit(raw, key, TS_MS + 30 * 86_400_000) == sent, "the past is late, not wrong"
    reject = admit(raw, key, TS_MS - CLOCK_AHEAD_MS_MAX - 1)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.raw) == ("clock_future", raw)


def test_a_clock_that_was_never_set_tells_no_time() -> None:
    told = [
        Heartbeat(station=STATION, boot=7, seq=1, ts_ms=ts_ms) for ts_ms in (CLOCK_SET_MS_MIN, CLOCK_SET_MS_MIN - 1)
    ]
    raws = [encode(event) for event in told]
    admitted = [admit(raw, STATION.encode(), TS_MS) for raw in raws]
    assert admitted[0] == told[0]
    assert admitted[1] == Reject("clock_unset", "1262303999999 ms of Unix time is before 2010", raws[1])


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (BEAT, None),
        (BEAT, b""),
        (BEAT, b"manaus.final.line-1.packing"),
        (BEAT, STATION.encode() + b"\n"),
        (BEAT, b"\xff"),
        (TICK, STATION.encode()),
        (TICK, b"\0"),
    ],
)
def test_the_key_must_be_the_station_and_a_tick_has_none(sent: Event, key: bytes | None) -> None:
    raw = encode(sent)
    reject = admit(raw, key, TS_MS)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.raw) == ("key_mismatch", raw)


def test_a_poisoned_record_is_rejected_for_its_content_first() -> None:
    reject = admit(b"hello", b"any", 0)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.raw) == ("undecodable", b"hello")
