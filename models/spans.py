"""Sets of half-open spans and of sequence numbers: what is covered, whatever the order in which it was added."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

Span = tuple[int, int]
"""[from, to)."""


class Spans:
    """A union of half-open spans, kept disjoint, sorted and merged where they touch."""

    __slots__ = ("_from", "_to")

    def __init__(self) -> None:
        self._from: list[int] = []
        self._to: list[int] = []

    def __iter__(self) -> Iterator[Span]:
        return iter(zip(self._from, self._to, strict=True))

    def __len__(self) -> int:
        return len(self._from)

    def __bool__(self) -> bool:
        return bool(self._from)

    def add(self, start: int, end: int) -> list[Span]:
        """Cover [start, end) and return the parts of it that were not covered before."""
        if end <= start:
            return []
        if self._to and self._from[-1] <= start <= self._to[-1]:  # by far the most common: the last span goes on
            covered_to = self._to[-1]
            if end <= covered_to:
                return []
            self._to[-1] = end
            return [(covered_to, end)]
        first = bisect_left(self._to, start)
        last = bisect_right(self._from, end)
        new: list[Span] = []
        at = start
        for i in range(first, last):
            if self._from[i] > at:
                new.append((at, self._from[i]))
            at = max(at, self._to[i])
        if at < end:
            new.append((at, end))
        if first < last:
            start, end = min(start, self._from[first]), max(end, self._to[last - 1])
        self._from[first:last] = [start]
        self._to[first:last] = [end]
        return new

    def within(self, start: int, end: int) -> list[Span]:
        """The covered parts of [start, end)."""
        if end <= start:
            return []
        first = bisect_right(self._to, start)
        last = bisect_left(self._from, end)
        return [(max(start, self._from[i]), min(end, self._to[i])) for i in range(first, last)]

    def drop_before(self, end: int) -> None:
        """Forget every span that ends at or before `end`."""
        keep = bisect_right(self._to, end)
        del self._from[:keep], self._to[:keep]

    @property
    def end(self) -> int:
        """Where the last span ends; only of a set that is not empty."""
        return self._to[-1]


class SeqSet:
    """The sequence numbers seen of one boot of one source; one range while nothing is missing."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans = Spans()

    def add(self, seq: int) -> bool:
        """Add a number; False when it was there before."""
        return bool(self._spans.add(seq, seq + 1))

    def add_all(self, first: int, last: int) -> None:
        """Add every number from the first to the last."""
        self._spans.add(first, last + 1)

    @property
    def missing(self) -> int:
        """How many numbers between the lowest and the highest were not seen."""
        gaps = 0
        previous_end: int | None = None
        for start, end in self._spans:
            if previous_end is not None:
                gaps += start - previous_end
            previous_end = end
        return gaps
