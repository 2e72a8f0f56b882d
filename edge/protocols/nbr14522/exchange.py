"""What both ends share: signals, and blocks whose size is known by who sends them; and the limits of an exchange.

An end knows what it waits for, and so it takes a block by its size and its CRC alone: nothing in a block is a signal,
and nothing in what is left of one.
"""

from __future__ import annotations

from edge.protocols.nbr14522.frames import SIGNALS, Command, Response, Signal, is_code
from edge.protocols.records import Frame
from edge.protocols.session import BROKEN, Pause, Send, Session

RATE_BD = 9_600
SENDS_MAX, NAKS_MAX, WAITS_MAX = 7, 7, 12
"""Of one block: how often it is sent without an answer, is not understood, and is put off."""
WITHOUT_WAIT_MS = 305_000
"""How long a meter that has said WAIT may be silent."""
GAP_MS = 100
"""Within a block a character follows the other within 6 ms; a computer hears them in heaps."""
RUN_MIN_BYTES = 16
HEARD_MAX_BYTES = 2_048
TURNAROUND_MS = 2
"""At least so long between what is heard and what is said: a character, and 1 ms."""
ANSWER_MS = 600
"""At most so long until an answer begins, or the next ENQ: turnaround and 500 ms, and the computer's own time."""


class Exchange(Session):
    """One end of the line."""

    BLOCK_BYTES = 0
    """The size of what the other end sends, beside signals."""

    def __init__(self) -> None:
        super().__init__(GAP_MS, heard_max_bytes=HEARD_MAX_BYTES)
        self._kept = b""
        self._noise_bytes = 0

    def _block(self, block: bytes) -> Frame | None:
        """What a block is; None when it is broken."""
        raise NotImplementedError

    def _messages(self, data: bytes) -> list[Frame | str]:
        """See `Session`. Behind a byte that begins nothing all is noise, until there is a gap."""
        messages: list[Frame | str] = []
        self._kept += data
        while self._kept:
            first = self._kept[0]
            if self._noise_bytes or not (is_code(first) or first in SIGNALS):
                self._noise_bytes += len(self._kept)
                self._kept = b""
            elif first in SIGNALS:
                messages.append(Signal(SIGNALS[first]))
                self._kept = self._kept[1:]
            elif len(self._kept) < self.BLOCK_BYTES:
                break
            else:
                messages.append(self._block(self._kept[: self.BLOCK_BYTES]) or BROKEN)
                self._kept = self._kept[self.BLOCK_BYTES :]
        return messages

    def _is_within_message(self) -> bool:
        """See `Session`."""
        return len(self._kept) > 0 or self._noise_bytes > 0

    def _forget(self) -> list[Frame | str]:
        """See `Session`. What is left of a block is broken; a few bytes are of a signal, which nobody is told."""
        run_bytes = len(self._kept) + self._noise_bytes
        self._kept = b""
        self._noise_bytes = 0
        return [BROKEN] if run_bytes >= RUN_MIN_BYTES else []

    def _say(self, frame: Command | Response | Signal) -> None:
        self._plan += [Pause(TURNAROUND_MS), Send(frame.encode())]
