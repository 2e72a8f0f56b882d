"""The answer to a batch as it is written, whichever way the batch came: one document, or a problem's status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType

import msgspec

from connectors.ingest.batch import LineReason
from connectors.ingest.intake import Answer, Span

STATUS: Mapping[str, HTTPStatus] = MappingProxyType(
    {
        "coding": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "empty": HTTPStatus.UNPROCESSABLE_ENTITY,
        "too_big": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_many": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "truncated": HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Of a batch that cannot be read, by the reason."""


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines one after the other that share an answer."""

    first: int
    last: int


class RejectedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no event, or of another station: sending it again will not help."""

    line: int
    reason: LineReason
    detail: str


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each line of a batch, counted from 1; blank lines are in none of these.

    `accepted` and `known` are in Kafka, acknowledged by all replicas: the sender may let go of them. `rejected` never
    will be. `not_sent` was not acknowledged in time: it may be there or not, and is to be sent again.
    """

    accepted: list[Lines]
    known: list[Lines]
    not_sent: list[Lines]
    rejected: list[RejectedLine]


def batch_of(answer: Answer) -> Batch:
    """The document that an answer becomes."""
    return Batch(
        accepted=_lines(answer.accepted),
        known=_lines(answer.known),
        not_sent=_lines(answer.not_sent),
        rejected=[RejectedLine(line=one.number, reason=one.reason, detail=one.detail) for one in answer.rejected],
    )


def _lines(spans: Iterable[Span]) -> list[Lines]:
    return [Lines(first=first, last=last) for first, last in spans]
