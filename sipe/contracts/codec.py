"""Bytes to events and back. Decoding is total: it gives an event or a `Reject`, and never raises."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from sipe.contracts.events import STATION_EVENTS, ClockAdvanced, Event, StationEvent
from sipe.contracts.fields import STATION_PATTERN

MESSAGE_BYTES_MAX = 1_000_000
"""The largest message any producer may send (`max.message.bytes`)."""

CLOCK_AHEAD_MS_MAX = 5 * 60_000
"""An event this far ahead of its Kafka record's time has a wrong clock."""
CLOCK_SET_MS_MIN = 1_262_304_000_000
"""2010-01-01T00:00:00Z: a clock that shows less was never set. Unix counts from 1970, MicroPython from 2000."""

RejectReason = Literal[
    "undecodable", "schema", "unknown_type", "key_mismatch", "clock_future", "too_big", "quarantined", "clock_unset"
]
REJECT_REASONS: tuple[RejectReason, ...] = get_args(RejectReason)
"""New ones go to the end: a saved state knows them by their places."""


class Reject(NamedTuple):
    """A message that is no event: why, in one word and one line, and its bytes as they came."""

    reason: RejectReason
    detail: str
    raw: bytes


_AnyEvent: Any = functools.reduce(operator.or_, (*STATION_EVENTS, ClockAdvanced))
_decoder = msgspec.json.Decoder(_AnyEvent)
_encoder = msgspec.json.Encoder()
DETAIL_CHARS_MAX = 300
_UNKNOWN_TYPE = re.compile(r"^Invalid value .* at `\$\.type`$", re.DOTALL)


_STATION = re.compile(STATION_PATTERN)


def station_of(key: bytes | None) -> str | None:
    """The station that a Kafka key names, or None."""
    name = (key or b"").decode(errors="replace")
    return name if _STATION.match(name) else None


def encode(event: Event) -> bytes:
    """One event as one JSON object, fields at their default left out."""
    return _encoder.encode(event)


def build(fields: dict[str, Any]) -> Event:
    """An event from plain values, every bound checked; raises `msgspec.ValidationError` that names the field."""
    event: Event = msgspec.convert(fields, _AnyEvent)
    return event


def decode(raw: bytes) -> Event | Reject:
    """An event, or why these bytes are none."""
    if len(raw) > MESSAGE_BYTES_MAX:
        return Reject("too_big", f"{len(raw)} bytes, at most {MESSAGE_BYTES_MAX} are allowed", raw)
    try:
        if not raw.isascii():
            raw.decode()  # msgspec skips unknown fields without looking; the whole message has to be UTF-8
        event: Event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        reason: RejectReason = "unknown_type" if _UNKNOWN_TYPE.match(str(error)) else "schema"
        return Reject(reason, _one_line(error), raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Reject("undecodable", _one_line(error), raw)
    return event


def _one_line(error: Exception | str) -> str:
    """An error may quote the message; it is bounded, and no control character of it gets into a log or a table."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in str(error))
    return text if len(text) <= DETAIL_CHARS_MAX else text[: DETAIL_CHARS_MAX - 1] + "…"


def admit(raw: bytes, key: bytes | None, record_ts_ms: int) -> Event | Reject:
    """Decode one Kafka record and guard it: the key must be the station, the clock set and not ahead.

    A message that says it is a tick must carry no key, so that no station can move the time by accident.
    """
    event = decode(raw)
    if isinstance(event, Reject):
        return event
    if isinstance(event, StationEvent):
        if key != event.station.encode():
            return Reject("key_mismatch", _one_line(f"{event.station} is the station, the key is {key!r}"), raw)
        ts_ms = event.ts_ms
        if ts_ms < CLOCK_SET_MS_MIN:
            return Reject("clock_unset", f"{ts_ms} ms of Unix time is before 2010", raw)
    else:
        if key:
            return Reject("key_mismatch", _one_line(f"clock_advanced with the key {key!r}"), raw)
        ts_ms = event.now_ms
    if ts_ms > record_ts_ms + CLOCK_AHEAD_MS_MAX:
        return Reject("clock_future", f"{ts_ms - record_ts_ms} ms ahead of its Kafka record", raw)
    return event
