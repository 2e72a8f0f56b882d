"""How batches are packed on their way: with zstd where it is installed, else with gzip, which Python always has."""

from __future__ import annotations

import gzip
from typing import NamedTuple

try:
    import zstandard
except ImportError:
    zstandard = None  # type: ignore[assignment]  # what a module is when it is not there

GZIP_LEVEL = 6
ZSTD_LEVEL = 3
"""A fifth of the work of that gzip, and smaller."""


class Packed(NamedTuple):
    """A body as it is sent, and the word for how (RFC 9110, 8.4)."""

    coding: str
    body: bytes


def packed(body: bytes) -> Packed:
    """A body, packed as well as it can be here."""
    if zstandard is None:
        return Packed("gzip", gzip.compress(body, GZIP_LEVEL))
    return Packed("zstd", zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body))
