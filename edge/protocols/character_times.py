"""When the characters of a line came, for checks of a sender's timing; only as good as the stamps made at the UART."""

from __future__ import annotations

from edge.protocols.records import Record


class Times(Record):
    """Of the characters of one frame: when the first and the last had come, and the longest step between two."""

    FIELDS = ("first_ms", "last_ms", "step_max_ms")

    def __init__(self, first_ms: float, last_ms: float, step_max_ms: float) -> None:
        self.first_ms = first_ms
        self.last_ms = last_ms
        self.step_max_ms = step_max_ms


class CharacterTimes:
    """The times of the last characters of a line, so many as the longest frame has and one feed brings on top."""

    def __init__(self, kept_max: int) -> None:
        self._at_ms = [0.0] * kept_max
        self._count = 0

    def came(self, at_ms: float) -> None:
        """The next character is complete."""
        self._at_ms[self._count % len(self._at_ms)] = at_ms
        self._count += 1

    def of(self, offset: int, size_bytes: int) -> Times | None:
        """The times of what a decoder found there; None where they are not kept any more."""
        if not self._count - len(self._at_ms) <= offset < offset + size_bytes <= self._count:
            return None
        times = [self._at_ms[at % len(self._at_ms)] for at in range(offset, offset + size_bytes)]
        steps = [times[at] - times[at - 1] for at in range(1, size_bytes)]
        return Times(times[0], times[-1], max(steps, default=0.0))
