"""What a machine without serials says of itself, by a channel of any kind: pieces, and whether it is down.

[[station.count.inputs]]
kind = "counter"         # registers of a Modbus block: what was counted while nobody looked is not lost
topic = "pieces"         # the block
bits = 32

kind = "pulses"          # a coil, or a contact that says `1` and `0` over a line
kind = "level"           # the same, and while it lasts the machine is down
kind = "message"         # each message of a topic, or of a path, is a cycle: JSON, where there is more to say
qty = "made.good"        # where in it the number of pieces stands
id = "nr"                # where its number stands: what comes twice counts once

No clock is looked at here: times are of one that never goes back, in milliseconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from edge.channels.intake import Chunk, Message
from edge.protocols.pulses import CounterInput, PulseInput
from edge.stations.json_fields import field_of

_log = logging.getLogger(__name__)

Result = Literal["good", "scrap", "rework"]
QTY_MAX = 1_000_000
ID_CHARS_MAX = 200
BURST_MS = 60_000
"""A device may tell its count as seldom as that."""
Topic = Annotated[str, Meta(max_length=1000)]
Place = Annotated[int, Meta(ge=0, le=2000)]
FieldPath = Annotated[str, Meta(max_length=200)]


class _Input(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What each input can be told."""

    topic: Topic = ""
    """Of which messages: a Modbus block, an MQTT topic, a path; left out, of all."""

    @property
    def key(self) -> str:
        """What it is known by, whatever comes before it in the file."""
        return self.topic


class _Counting(_Input, frozen=True, kw_only=True):
    counts: Result = "good"
    pieces: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """How many pieces each count stands for, such as the boards of a panel or the cavities of a mould."""


class CounterSettings(_Counting, frozen=True, kw_only=True, tag="counter"):
    """A counter in one or two registers of a block; it begins with 0 again at its end, and when its device restarts."""

    register: Place = 0
    """Counted from the block's first."""
    bits: Literal[16, 32] = 16
    low_word_first: bool = False
    rate_max_hz: Annotated[float, Meta(gt=0, le=100_000)] = 10.0
    """No more can have come: so a restart of the device is told from the end of the counter."""

    @property
    def key(self) -> str:
        """See above."""
        return f"{self.topic}/{self.register}"


class PulseSettings(_Counting, frozen=True, kw_only=True, tag="pulses"):
    """A contact that closes once for each count."""

    coil: Place = 0
    active: bool = True
    debounce_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0


class LevelSettings(_Input, frozen=True, kw_only=True, tag="level"):
    """A contact that is closed as long as the machine is down."""

    coil: Place = 0
    active: bool = True


class MessageSettings(_Counting, frozen=True, kw_only=True, tag="message"):
    """A message for each cycle. Without `qty` it is one count, whatever stands in it."""

    qty: FieldPath = ""
    id: FieldPath = ""


InputSettings = CounterSettings | PulseSettings | LevelSettings | MessageSettings


class Pieces(NamedTuple):
    """Pieces that were made since the time before."""

    result: Result
    qty: int


class Heard(NamedTuple):
    """What came of one message, or of the time that passed without one."""

    pieces: tuple[Pieces, ...] = ()
    counters: Mapping[str, int] = {}
    """Where each counter stands, by `key`: to be known again after a restart."""
    messages: tuple[tuple[str, str], ...] = ()
    """Which message came: the `key`, and the message's own number."""
    troubles: tuple[str, ...] = ()
    is_down: bool | None = None
    """None where nothing says so."""


class Kept(NamedTuple):
    """Where a counter stood, as it was written down."""

    value: int
    ago_ms: int | None
    """How long ago; None when no clock can tell."""


class _Counter:
    def __init__(self, settings: CounterSettings) -> None:
        self._settings = settings
        self._wrap = 1 << settings.bits
        self._input = CounterInput(self._wrap, settings.rate_max_hz, BURST_MS)

    def restore(self, kept: Kept, now_ms: int) -> None:
        self._input.restore(kept.value, None if kept.ago_ms is None else now_ms - kept.ago_ms)

    def read(self, payload: bytes, at_ms: int) -> tuple[int, int]:
        """(counts, where it stands); raises `ValueError` for a payload that has no such registers."""
        value, before = self._value(payload), self._input.value
        step = self._input.read(value, at_ms)
        if step.was_reset:
            _log.warning("a counter was at %s and is at %d: it was set anew, %d count", before, value, step.pulses)
        return step.pulses, value

    def _value(self, payload: bytes) -> int:
        words = self._settings.bits // 16
        part = payload[2 * self._settings.register :][: 2 * words]
        if len(part) < 2 * words:
            raise ValueError(f"a block of {len(payload) // 2} registers has no counter at {self._settings.register}")
        if self._settings.low_word_first:
            part = part[2:] + part[:2]
        return int.from_bytes(part, "big")


class Inputs:
    """The inputs of one machine."""

    def __init__(self, settings: Sequence[InputSettings]) -> None:
        self._settings = tuple(settings)
        self._counters = {one.key: _Counter(one) for one in settings if isinstance(one, CounterSettings)}
        self._contacts = {
            one: PulseInput(one.debounce_ms, one.active) for one in settings if isinstance(one, PulseSettings)
        }

    def restore(self, kept: Mapping[str, Kept], now_ms: int) -> None:
        """Go on where the counters stood."""
        for key, one in kept.items():
            if key in self._counters:
                self._counters[key].restore(one, now_ms)

    def take(self, said: Chunk | Message) -> Heard:
        """What is in bytes or a message."""
        heard = Heard()
        topic = said.topic if isinstance(said, Message) else ""
        payload = said.payload if isinstance(said, Message) else said.data
        is_line = isinstance(said, Chunk)
        for one in self._settings:
            if one.topic in {"", topic}:
                try:
                    heard = _joined(heard, self._heard(one, payload, said.at_ms, is_line=is_line))
                except ValueError as error:
                    heard = _joined(heard, Heard(troubles=(str(error),)))
        return heard

    def _heard(self, one: InputSettings, payload: bytes, at_ms: int, *, is_line: bool) -> Heard:
        match one:
            case CounterSettings():
                counts, value = self._counters[one.key].read(payload, at_ms)
                return Heard(_pieces(one, counts), {one.key: value})
            case PulseSettings():
                contact = self._contacts[one]
                levels = _levels(payload, one.coil, is_line=is_line)
                return Heard(_pieces(one, sum(contact.read(level, at_ms) for level in levels)))
            case LevelSettings():
                *_, level = None, *_levels(payload, one.coil, is_line=is_line)
                return Heard(is_down=None if level is None else level == one.active)
            case MessageSettings():
                return _of_message(one, payload)


def _of_message(one: MessageSettings, payload: bytes) -> Heard:
    if not (one.qty or one.id):
        return Heard(_pieces(one, 1))
    try:
        told = msgspec.json.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError(f"a message is no JSON: {error}") from error
    counts = field_of(told, one.qty) if one.qty else 1
    number = field_of(told, one.id) if one.id else None
    if not isinstance(counts, int) or isinstance(counts, bool) or not 0 <= counts <= QTY_MAX:
        raise ValueError(f"a message says {counts!r} at {one.qty}, and no number of pieces")
    if one.id and not isinstance(number, int | str):
        raise ValueError(f"a message says {number!r} at {one.id}, and no number of its own")
    return Heard(_pieces(one, counts), messages=() if number is None else ((one.key, str(number)[:ID_CHARS_MAX]),))


def _pieces(one: CounterSettings | PulseSettings | MessageSettings, counts: int) -> tuple[Pieces, ...]:
    return (Pieces(one.counts, counts * one.pieces),) if counts else ()


def _levels(payload: bytes, coil: int, *, is_line: bool) -> Iterator[bool]:
    """The levels that were told: one of a block of coils, or all that came over a line, which are `0` and `1`."""
    if is_line:
        yield from (byte == ord("1") for byte in payload if byte in b"01")
    elif coil < len(payload):
        yield bool(payload[coil])
    else:
        raise ValueError(f"a block of {len(payload)} coils has none at {coil}")


def _joined(one: Heard, other: Heard) -> Heard:
    return Heard(
        one.pieces + other.pieces,
        {**one.counters, **other.counters},
        one.messages + other.messages,
        one.troubles + other.troubles,
        one.is_down if other.is_down is None else one.is_down or other.is_down,
    )
