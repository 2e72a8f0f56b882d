"""What barcode scanners send over a serial line: text, ended by CR, LF or both, by a tab, or between STX and ETX.

Only where a line begins and ends is told here. Its characters are the bytes, all of them: the symbology identifier in
front (ISO/IEC 15424) and the GS (0x1D) that separates the elements of GS1 go to whoever reads what the code says.
"""

from __future__ import annotations

from edge.protocols.framer import NOISE, Framer, Skip
from edge.protocols.records import Discard, Frame

STX, ETX = 0x02, 0x03
LINES, TABS, FRAMED = "lines", "tabs", "framed"
"""What ends a line: CR or LF, as most scanners are delivered; a tab too; or nothing but ETX, behind an STX."""
_ENDS = {LINES: (0x0D, 0x0A), TABS: (0x0D, 0x0A, 0x09), FRAMED: ()}

SIZE_MAX_BYTES = 2_048
BLANK, CUT, TOO_LONG = "blank", "cut", "too_long"
"""Why bytes are no line: nothing stands before the end, as before the LF of CR LF; the next line begins before this one
has ended; more stands there than any code holds."""


class ScannedLine(Frame):
    """What was scanned, a character for each byte."""

    KIND = "scanner.line"
    FIELDS = ("offset", "size_bytes", "text")

    def __init__(self, offset: int, size_bytes: int, text: str) -> None:
        super().__init__(offset, size_bytes)
        self.text = text


class LineDecoder(Framer):
    """Lines out of bytes. A scanner sends a line in one go: call `end` after a second of silence."""

    def __init__(self, framing: str = LINES, size_max_bytes: int = SIZE_MAX_BYTES) -> None:
        """STX begins a line whatever the framing. Of a line that is too long nothing is taken, its end neither."""
        super().__init__()
        self.SIZE_MAX = size_max_bytes
        self._ends = _ENDS[framing]
        self._skipped_to: tuple[int, ...] = ()

    def end(self) -> list[Frame | Discard]:
        """See `Framer`."""
        found = super().end()
        self._skipped_to = ()
        return found

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head: a line with its end, or how much is none."""
        if self._skipped_to:
            end, is_end = _first_of(self._skipped_to, kept, 0)
            if end < 0:
                return Skip(TOO_LONG, len(kept))
            self._skipped_to = ()
            if is_end or end:
                return Skip(TOO_LONG, end + is_end)
        begin = 1 if kept[0] == STX else 0
        ends = (ETX,) if begin else self._ends
        if not ends:
            return Skip(NOISE)
        end, is_end = _first_of(ends, kept[: self.SIZE_MAX], begin)
        if end < 0 and len(kept) < self.SIZE_MAX:
            return None
        if end < 0:
            self._skipped_to = ends
            return Skip(TOO_LONG)
        if not is_end:
            return Skip(CUT, end)
        text = "".join([chr(byte) for byte in kept[begin:end]])
        if begin:
            text = text.rstrip("\r\n")
        return ScannedLine(offset, end + 1, text) if text else Skip(BLANK, end + 1)


def _first_of(ends: tuple[int, ...], kept: bytearray, begin: int) -> tuple[int, bool]:
    """Where the line ends or the next one begins, which is an STX, and whether it is an end; -1 for neither."""
    for at in range(begin, len(kept)):
        if kept[at] == STX:
            return at, False
        if kept[at] in ends:
            return at, True
    return -1, False
