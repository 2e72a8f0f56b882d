"""A batch of events as JSON lines, each with what is to become of it. No I/O.

A line ends with a line feed, or with a carriage return and a line feed; the last one need not end. Blank lines count as
lines and are nothing else. What a line holds is stored as it is, byte for byte: only its end is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from connectors.ingest.coding import Limits
from models.refusal import Refused
from sipe.contracts.codec import REJECT_REASONS, Reject, RejectReason, decode
from sipe.contracts.events import GapDetected, StationEvent

LineReason = RejectReason | Literal["not_yours"]
LINE_REASONS: tuple[str, ...] = (*REJECT_REASONS, *get_args(Literal["not_yours"]))

_LINES_AN_EVENT = 2
"""A batch of line ends alone is small, and its lines would not be: so many lines at most for each event allowed."""
_JSON_SPACE = b" \t\r"
_OBJECT = ord("{")


class Sender(NamedTuple):
    """Who numbers events: they are one row of `seq` without a gap."""

    station: str
    source: str
    boot: int


class Valid(Struct, frozen=True, gc=False):
    """A line that is an event of a station that may be sent here: (sender, seq) is its identity."""

    number: int
    sender: Sender
    seq: int
    key: bytes
    raw: bytes
    is_gap: bool
    """It has the identity of an event that it stands for, which may have been sent before."""


class Rejected(NamedTuple):
    """A line that is none: sending it again will not help."""

    number: int
    reason: LineReason
    detail: str


Line = Valid | Rejected


def read(text: bytes, allowed: Callable[[str], bool], limits: Limits) -> list[Line]:
    """What each line is, in their order; `allowed` says whether the device may send for a station.

    Raises `Refused` when there are none (`empty`), or too many (`too_many`); never for what a line holds.
    """
    lines: list[Line] = []
    senders = _Senders(allowed)
    for number, raw in split(text, limits):
        event = decode(raw)
        if isinstance(event, StationEvent):
            # One look-up for what all events of a sender share: a batch has thousands of them, from a few senders.
            sender, key = senders[event.station, event.source, event.boot]
            if key is not None:
                lines.append(Valid(number, sender, event.seq, key, raw, type(event) is GapDetected))
            else:
                lines.append(Rejected(number, "not_yours", f"this device may not send for {event.station}"))
        elif isinstance(event, Reject):
            lines.append(Rejected(number, event.reason, event.detail))
        else:
            lines.append(Rejected(number, "not_yours", "the time is told by the ticker, and by no device"))
    return lines


class _Senders(dict[tuple[str, str, int], tuple[Sender, bytes | None]]):
    """The senders of a batch, each with the Kafka key of its events, or None when they may not be sent here."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        super().__init__()
        self._allowed = allowed

    def __missing__(self, who: tuple[str, str, int]) -> tuple[Sender, bytes | None]:
        sender = Sender(*who)
        found = self[who] = sender, sender.station.encode() if self._allowed(sender.station) else None
        return found


def split(text: bytes, limits: Limits) -> list[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1; raises `Refused` (`empty`, `too_many`)."""
    too_many = Refused("too_many", f"a batch may have {limits.events_max} events: send it in parts")
    lines_max = _LINES_AN_EVENT * limits.events_max
    ended = text.split(b"\n", lines_max)
    if len(ended) > lines_max:
        raise too_many
    numbered: Iterable[tuple[int, bytes]] = enumerate(ended, start=1)
    if b"\r" in text:
        numbered = ((number, line.removesuffix(b"\r")) for number, line in numbered)
    # A line that begins as an object does is not blank; that is all of them but one in a million.
    lines = [(number, raw) for number, raw in numbered if raw and (raw[0] == _OBJECT or raw.strip(_JSON_SPACE))]
    if len(lines) > limits.events_max:
        raise too_many
    if not lines:
        raise Refused("empty", "the batch holds no event")
    return lines
