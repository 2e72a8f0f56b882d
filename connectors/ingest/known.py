"""What this process has got into Kafka already, so that a batch sent again costs nothing.

A gateway that did not hear an answer sends the same batch again. What is remembered here is answered and not produced
again. That saves work and nothing hangs on it: another process knows nothing of it, a restart forgets it, it is
bounded and forgets the senders that have been quiet the longest; and whatever comes twice is removed downstream. What
must hold is the other direction: nothing is remembered that Kafka has not acknowledged. So a gap is never known, and
makes nothing known: it has the identity of the last event that it stands for.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence

from connectors.ingest.batch import Sender, Valid

SENDERS_MAX = 20_000
RANGES_MAX = 32
"""Of one sender: its batches follow each other, so there are more than one only after rejects and gaps."""


class _Ranges:
    """Whole numbers as ranges with gaps between them, in order; the lowest are forgotten first."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __len__(self) -> int:
        return len(self._firsts)

    def add(self, first: int, last: int) -> None:
        """Take the numbers from first to last in, joining what they touch."""
        begin, end = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]

    def forget(self, ranges_max: int) -> None:
        """Keep so many ranges."""
        del self._firsts[:-ranges_max], self._lasts[:-ranges_max]


class Known:
    """The events that Kafka has acknowledged to this process, as far as it remembers; for any thread."""

    def __init__(self, *, senders_max: int = SENDERS_MAX, ranges_max: int = RANGES_MAX) -> None:
        self._senders_max = senders_max
        self._ranges_max = ranges_max
        self._ranges: OrderedDict[Sender, _Ranges] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many ranges it remembers, of all senders."""
        with self._lock:
            return sum(len(ranges) for ranges in self._ranges.values())

    def which(self, events: Sequence[Valid]) -> list[bool]:
        """Of each event, whether it is known."""
        with self._lock:
            senders = {event.sender for event in events}
            ranges = {sender: self._ranges[sender] for sender in senders if sender in self._ranges}
            if not ranges:
                return [False] * len(events)
            nothing = _Ranges()
            return [not event.is_gap and event.seq in ranges.get(event.sender, nothing) for event in events]

    def acknowledged(self, events: Iterable[Valid]) -> None:
        """Kafka has these."""
        seqs: dict[Sender, list[int]] = defaultdict(list)
        for event in events:
            if not event.is_gap:
                seqs[event.sender].append(event.seq)
        with self._lock:
            for sender, numbers in seqs.items():
                ranges = self._ranges.setdefault(sender, _Ranges())
                for first, last in runs(numbers):
                    ranges.add(first, last)
                ranges.forget(self._ranges_max)
                self._ranges.move_to_end(sender)
            while len(self._ranges) > self._senders_max:
                self._ranges.popitem(last=False)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in any order, some of them twice, as first and last of each run without a gap."""
    ordered = sorted(set(numbers))
    if not ordered:
        return []
    if ordered[-1] - ordered[0] < len(ordered):  # one run: nearly always so, and then nothing is to be looked for
        return [(ordered[0], ordered[-1])]
    ends = [at for at in range(1, len(ordered)) if ordered[at] != ordered[at - 1] + 1]
    return [(ordered[begin], ordered[end - 1]) for begin, end in zip([0, *ends], [*ends, len(ordered)], strict=True)]
