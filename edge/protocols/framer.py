"""The buffer that slides over a line: every decoder says what stands at its head, and the rest is done here, once.

What is no frame gives way to what comes behind it, one byte on unless the decoder knows better. So a broken frame hides
none that begins within it, and a decoder is in step again within one frame, however the bytes were cut into pieces.
"""

from __future__ import annotations

from edge.protocols.records import Discard, Frame

INCOMPLETE = "incomplete"
"""The reason for what was still waited for when the line ended."""
NOISE = "noise"
"""The reason for bytes with which no frame begins."""


class Skip:
    """So many bytes at the head are no frame."""

    def __init__(self, reason: str, size_bytes: int = 1) -> None:
        self.reason = reason
        self.size_bytes = size_bytes


class Framer:
    """The part that decoders share; one of them has `head` and the longest frame that it waits for."""

    SIZE_MAX = 0
    """Bytes of the longest frame: more is never kept."""

    def __init__(self) -> None:
        self.discarded: dict[str, int] = {}
        """Bytes thrown away, by reason."""
        self._kept = bytearray()
        self._offset = 0
        self._run: Discard | None = None

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head of `kept`, which is at `offset` of the line; None when more has to come first."""
        raise NotImplementedError

    def feed(self, data: bytes) -> list[Frame | Discard]:
        """Take in what came, in pieces of any size; what is known by now, in the order of the line.

        Bytes thrown away are told once it is known where they end; `discarded` counts them at once.
        """
        found: list[Frame | Discard] = []
        step = max(self.SIZE_MAX, 1)
        for start in range(0, len(data), step):
            self._kept += data[start : start + step]
            self._drain(found)
        return found

    def end(self) -> list[Frame | Discard]:
        """The line has ended, or was silent for so long that what is kept will never be whole."""
        found: list[Frame | Discard] = []
        while self._kept:
            self._skip(found, Skip(INCOMPLETE))
            self._drain(found)
        self._end_run(found)
        return found

    def _drain(self, found: list[Frame | Discard]) -> None:
        while self._kept:
            what = self.head(self._kept, self._offset)
            if what is None:
                return
            if isinstance(what, Skip):
                self._skip(found, what)
            else:
                self._end_run(found)
                found.append(what)
                self._drop(what.size_bytes)

    def _skip(self, found: list[Frame | Discard], skip: Skip) -> None:
        size_bytes = min(skip.size_bytes, len(self._kept))
        self.discarded[skip.reason] = self.discarded.get(skip.reason, 0) + size_bytes
        if self._run is None or self._run.reason != skip.reason:
            self._end_run(found)
            self._run = Discard(self._offset, 0, skip.reason)
        self._run.size_bytes += size_bytes
        self._drop(size_bytes)

    def _end_run(self, found: list[Frame | Discard]) -> None:
        if self._run is not None:
            found.append(self._run)
            self._run = None

    def _drop(self, size_bytes: int) -> None:
        self._kept = self._kept[size_bytes:]
        self._offset += size_bytes
