"""The audit trail: entries that are only ever added, each sealed together with the seal of the one before.

A seal is SHA-256 over the seal before it and the entry's bytes. Whoever changes an entry has to change every later
seal, and the newest ones are known elsewhere: anchors, which are sent away as the trail grows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from sipe.contracts.fields import Sha256

GENESIS = "0" * 64
"""The seal before the first entry."""

What = Literal["unanchored", "unreadable", "edited", "missing", "out_of_order", "rewritten", "cut_off"]


class Who(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who did it: the identity, the role it was done in, and the id of the token that proved it."""

    identity: str
    role: str
    token: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done to what, by whom, when and why, and what was different afterwards."""

    seq: int
    at_ms: int
    who: Who
    action: str
    on: str
    reason: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Sealed(msgspec.Struct, frozen=True):
    """An entry as it is kept and exported: its bytes as they were sealed, and the seal, in hexadecimal."""

    seal: Sha256
    entry: msgspec.Raw


class _Numbered(msgspec.Struct):
    seq: int


class Finding(NamedTuple):
    """What is wrong with a trail, from which entry on, and up to which."""

    what: What
    first: int
    last: int


_line = msgspec.json.Decoder(Sealed)
_numbered = msgspec.json.Decoder(_Numbered)
_encoder = msgspec.json.Encoder(order="sorted")


def seal(before: str, entry: Entry) -> Sealed:
    """The entry, sealed onto the one whose seal is `before`."""
    raw = _encoder.encode(entry)
    return Sealed(_sealed(before, raw), msgspec.Raw(raw))


def line(sealed: Sealed) -> bytes:
    """One line of an export; `entry_of` and `verify` read it."""
    return _encoder.encode(sealed)


def entry_of(sealed: Sealed) -> Entry:
    """What the bytes say; raises `msgspec.DecodeError`."""
    return msgspec.json.decode(sealed.entry, type=Entry)


def verify(lines: Iterable[bytes], anchors: Mapping[int, str], first: int = 1) -> Iterator[Finding]:
    """Everything that is wrong with an exported trail that begins with entry `first`; nothing when all is well.

    `anchors` are seals by entry number, as they were sent away. Between an anchor and the end of the trail a forger who
    seals anew everything behind the change stays unseen; before the last anchor nobody does. A trail that does not
    begin at the first entry takes the anchor of the one before: without it its first entry is unanchored.
    """
    expected, before = first, GENESIS if first == 1 else anchors.get(first - 1)
    if before is None:
        yield Finding("unanchored", first, first)
    for text in lines:
        if (found := _read(text)) is None:
            yield Finding("unreadable", expected, expected)
            expected, before = expected + 1, None
            continue
        seq, sealed = found
        if seq < expected:
            yield Finding("out_of_order", seq, seq)
            continue
        if seq > expected:
            yield Finding("missing", expected, seq - 1)
            before = None
        if before is not None and _sealed(before, sealed.entry) != sealed.seal:
            yield Finding("edited", seq, seq)
        if anchors.get(seq, sealed.seal) != sealed.seal:
            yield Finding("rewritten", seq, seq)
        expected, before = seq + 1, sealed.seal
    if (newest := max(anchors, default=0)) >= expected:
        yield Finding("cut_off", expected, newest)


def _read(text: bytes) -> tuple[int, Sealed] | None:
    """A line as `line` writes it and in no other way: what stands beside the sealed bytes is sealed by nothing."""
    try:
        sealed = _line.decode(text)
        seq = _numbered.decode(sealed.entry).seq
    except msgspec.DecodeError:
        return None
    return (seq, sealed) if line(sealed) == text.rstrip(b"\r\n") else None


def _sealed(before: str, raw: bytes | msgspec.Raw) -> str:
    return hashlib.sha256(before.encode() + bytes(raw)).hexdigest()
