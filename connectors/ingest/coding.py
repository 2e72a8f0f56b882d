"""What a gateway sent, as it was before it was compressed: identity, gzip (RFC 1952) or zstd (RFC 8878).

A compressed body may say next to nothing and mean gigabytes. So it is expanded piece by piece, and refused as soon as
it grows beyond the limit: at no time is there more of it than the limit and what one piece can become.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import zstandard

from models.refusal import Refused

WINDOW_BYTES_MAX = 8 * 1024 * 1024
"""What a zstd frame may make its reader remember; RFC 8878 wants every reader to take this much."""
_GZIP_PIECE_BYTES = 64 * 1024
_ZSTD_PIECE_BYTES = 128
"""zstandard gives all that a piece becomes at once: 4 bytes can be a block of 128 KiB, so these 4 MiB and no more."""
_GZIP_ONLY = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one batch may hold."""

    events_max: int = 10_000
    bytes_max: int = 8_000_000
    """As it was before it was compressed, and as it was sent."""
    parts_max: int = 64
    """Members of a gzip, frames of a zstd: an empty one is short, and costs more than what it is made of."""


class _Part(Protocol):
    """One member or frame: `feed` takes the next piece, and gives little more than `room` bytes if it can help it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def feed(self, piece: memoryview, room: int) -> bytes: ...


class _GzipMember:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_ONLY)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def feed(self, piece: memoryview, room: int) -> bytes:
        # One byte above the room is enough to know; what the piece would have become beyond that is never made.
        return self._member.decompress(piece, room + 1)


class _ZstdFrame:
    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompressobj()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def feed(self, piece: memoryview, room: int) -> bytes:
        del room
        return self._frame.decompress(piece)


def decoded(body: bytes, coding: str, limits: Limits) -> bytes:
    """The body without its coding (`Content-Encoding`, one at most).

    Raises `Refused`: `coding` for one that is not known or bytes that are not of it, `truncated`, `too_big`, and
    `too_many` for members or frames.
    """
    if len(body) > limits.bytes_max:
        raise _too_big(limits)
    match coding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _expanded(body, _GzipMember, _GZIP_PIECE_BYTES, limits)
        case "zstd":
            return _expanded(body, _ZstdFrame, _ZSTD_PIECE_BYTES, limits)
    raise Refused("coding", "a batch is coded as gzip, as zstd or not at all, and once at most")


def _expanded(body: bytes, begin: Callable[[], _Part], piece_bytes: int, limits: Limits) -> bytes:
    grown: list[bytes] = []
    rest, room = memoryview(body), limits.bytes_max
    for _ in range(limits.parts_max):
        if not rest:
            return b"".join(grown)
        part = begin()
        while not part.eof:
            if not rest:
                raise Refused("truncated", "the compressed batch ends before it is complete")
            piece = rest[:piece_bytes]
            try:
                grown.append(part.feed(piece, room))
            except (zlib.error, zstandard.ZstdError) as error:
                raise Refused("coding", f"the batch is not of the coding that it names: {error}") from error
            room -= len(grown[-1])
            if room < 0:
                raise _too_big(limits)
            rest = rest[len(piece) - len(part.unused_data) :]
    if rest:
        raise Refused("too_many", f"a compressed batch may have {limits.parts_max} parts")
    return b"".join(grown)


def _too_big(limits: Limits) -> Refused:
    return Refused("too_big", f"a batch may have {limits.bytes_max} bytes, compressed or not: send it in parts")
