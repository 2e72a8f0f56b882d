"""The audit trail: entries that are only ever added, each sealed together with the seal of the one before.

A seal is SHA-256 over the seal before it and the entry's bytes. Whoever changes an entry has to change every later
seal, and the newest ones are known elsewhere: anchors, which are sent away as the trail grows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from sipe.contracts.changes import Anchor
from sipe.contracts.fields import Sha256

GENESIS = "0" * 64
"""The seal before the first entry."""

What = Literal["unanchored", "unreadable", "edited", "missing", "out_of_order", "rewritten", "cut_off", "contradicted"]


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


_Line = tuple[int, bytes, bool]
"""An entry's number, its seal, and whether that is sealed onto the seal before."""
_HEAD = b'{"entry":{'
_HEAD_BYTES = len(_HEAD) - 1
_TAIL = b',"seal":"%b"}'
_TAIL_PATTERN = re.compile(rb',"seal":"[0-9a-f]{64}"}')
_TAIL_BYTES = len(_TAIL % (b"0" * 64))
_SEAL_FROM_END = 64 + len(b'"}')
_numbered = msgspec.json.Decoder(_Numbered)
_encoder = msgspec.json.Encoder(order="sorted")


def seal(before: str, entry: Entry) -> Sealed:
    """The entry, sealed onto the one whose seal is `before`."""
    raw = _encoder.encode(entry)
    return Sealed(_sealed(before.encode(), raw).decode(), msgspec.Raw(raw))


def line(sealed: Sealed) -> bytes:
    """One line of an export; `entry_of` and `verify` read it."""
    return _encoder.encode(sealed)


def entry_of(sealed: Sealed) -> Entry:
    """What the bytes say; raises `msgspec.DecodeError`."""
    return msgspec.json.decode(sealed.entry, type=Entry)


def seals(anchors: Iterable[Anchor]) -> tuple[dict[int, str], list[Finding]]:
    """The seals that `verify` takes, and the entries for which two anchors say different ones: one trail was forged."""
    found: dict[int, str] = {}
    contradicted = {anchor.seq for anchor in anchors if found.setdefault(anchor.seq, anchor.seal) != anchor.seal}
    return found, [Finding("contradicted", seq, seq) for seq in sorted(contradicted)]


def verify(lines: Iterable[bytes], anchors: Mapping[int, str], first: int = 1) -> Iterator[Finding]:
    """Everything that is wrong with an exported trail that begins with entry `first`; nothing when all is well.

    `anchors` are seals by entry number, as they were sent away. Between an anchor and the end of the trail a forger who
    seals anew everything behind the change stays unseen; before the last anchor nobody does. A trail that does not
    begin at the first entry takes the anchor of the one before: without it its first entry is unanchored.
    """
    begin = GENESIS if first == 1 else anchors.get(first - 1)
    if begin is None:
        yield Finding("unanchored", first, first)
    expected, before = first, begin.encode() if begin is not None else None
    for text in lines:
        if (found := _read(text, before)) is None:
            yield Finding("unreadable", expected, expected)
            expected, before = expected + 1, None
            continue
        seq, sealed, fits = found
        if seq < expected:
            yield Finding("out_of_order", seq, seq)
            continue
        if seq > expected:
            yield Finding("missing", expected, seq - 1)
        elif before is not None and not fits:
            yield Finding("edited", seq, seq)
        if (anchor := anchors.get(seq)) is not None and anchor.encode() != sealed:
            yield Finding("rewritten", seq, seq)
        expected, before = seq + 1, sealed
    if (newest := max(anchors, default=0)) >= expected:
        yield Finding("cut_off", expected, newest)


def _read(text: bytes, before: bytes | None) -> _Line | None:
    """A line as `line` writes it and in no other way: what stands beside the sealed bytes is sealed by nothing."""
    text = text.rstrip(b"\r\n")
    raw, tail = text[_HEAD_BYTES:-_TAIL_BYTES], text[-_TAIL_BYTES:]
    if not text.startswith(_HEAD) or not raw.endswith(b"}"):
        return None
    # The usual case, and the quick one: the line ends as it has to behind the seal before.
    fits = before is not None and tail == _TAIL % _sealed(before, raw)
    if not fits and not _TAIL_PATTERN.fullmatch(tail):
        return None
    try:
        seq = _numbered.decode(raw).seq  # and nothing behind the entry, else it is none
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return seq, tail[-_SEAL_FROM_END:-2], fits


def _sealed(before: bytes, raw: bytes) -> bytes:
    return hashlib.sha256(before + raw).hexdigest().encode()
