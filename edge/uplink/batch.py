"""A batch of waiting events as the office reads it, and what its answer says of each of them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge.client.shapes.events import Batch, Lines
from edge.uplink.outbox import Waiting

BYTES_MAX = 1_000_000
"""Far below what the office takes: a batch has to get through a slow link before anybody gives up waiting."""


class Verdict(NamedTuple):
    """What became of a batch; what is in neither goes on waiting."""

    taken: list[Waiting]
    refused: list[tuple[Waiting, str, str]]
    """Each with the reason, in one word and in a sentence."""


def fitting(rows: Sequence[Waiting], bytes_max: int = BYTES_MAX) -> list[Waiting]:
    """The first of the rows, as many as fit into one batch, and one in any case."""
    size_bytes = 0
    for count, row in enumerate(rows):
        size_bytes += len(row.message) + 1
        if size_bytes > bytes_max and count:
            return list(rows[:count])
    return list(rows)


def body_of(rows: Iterable[Waiting]) -> bytes:
    """The batch as JSON lines; line n, counted from 1, is row n."""
    return b"\n".join(row.message for row in rows)


def verdict_of(rows: Sequence[Waiting], answer: Batch) -> Verdict:
    """What the answer says. A line that it does not name, or that there is none of, is not taken."""
    numbers = _numbers(answer.accepted, len(rows)) | _numbers(answer.known, len(rows))
    taken = [rows[line - 1] for line in sorted(numbers)]
    refused = [
        (rows[one.line - 1], str(one.reason), one.detail) for one in answer.rejected if 0 < one.line <= len(rows)
    ]
    return Verdict(taken, refused)


def _numbers(spans: Iterable[Lines], lines: int) -> set[int]:
    return {number for span in spans for number in range(max(1, span.first), min(lines, span.last) + 1)}
