"""Dead letters: what could not be taken in, its bytes untouched, and why, in the headers of its Kafka record.

A letter is identified by where its record lies in the source log, (topic, epoch, partition, offset). A flow that
crashed may write a letter again; readers keep one per identity. All but `dlq_at_ms` and `dlq_app_version` follow from
the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sipe.contracts.codec import RejectReason
from sipe.contracts.fields import Text, TimeMs

PREFIX = "dlq_"
ATTEMPT_HEADER = f"{PREFIX}attempt"
ATTEMPT_MAX = 255
HEADERS_BYTES_MAX = 4_096
"""More than all headers of a letter take together: its record is so much bigger than the one that was rejected."""

Headers = Iterable[tuple[str, bytes | None]]
Identity = tuple[str, int, int, int]
"""(topic, log epoch, partition, offset) of the record that was rejected."""

_Attempt = Annotated[int, Meta(ge=1, le=ATTEMPT_MAX, description="1, and one more after each reinsertion.")]
_TopicName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}$(?!\n)", description="Topic that the record was read from.")
]


class LetterHeaders(Struct, frozen=True, kw_only=True, rename=lambda name: PREFIX + name):
    """Why a record became a letter, and where it lies; on the wire each value is text."""

    reason: Annotated[RejectReason, Meta(description="Why the record was rejected, in one word.")]
    detail: Annotated[Text, Meta(description="The same in one line, without any of the record's values.")]
    topic: _TopicName
    epoch: Annotated[int, Meta(ge=0, le=2**32 - 1, description="The log epoch of that topic.")]
    partition: Annotated[int, Meta(ge=0, le=2**16 - 1, description="The record's partition.")]
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1, description="The record's offset.")]
    record_ts_ms: Annotated[TimeMs, Meta(description="The record's Kafka time, which the clock guard went by.")]
    at_ms: Annotated[TimeMs, Meta(description="When the letter was written, by the writer's clock.")]
    app_version: Annotated[Text, Meta(description="The version that rejected it.")]
    attempt: _Attempt = 1

    @property
    def identity(self) -> Identity:
        """What tells letters apart."""
        return self.topic, self.epoch, self.partition, self.offset


class Letter(Struct, frozen=True):
    """A record that was rejected: key and value as they came, and why. An empty key and none are the same here."""

    headers: LetterHeaders
    key: bytes | None
    value: bytes


def wire_headers(headers: LetterHeaders) -> list[tuple[str, str | bytes | None]]:
    """The headers as a Kafka record carries them."""
    return [(name, str(value).encode()) for name, value in msgspec.to_builtins(headers).items()]


def read_headers(headers: Headers | None) -> LetterHeaders | None:
    """The headers of a letter, or None for a record that is none; total, and of a doubled name the last counts."""
    try:
        values = {name: value.decode() for name, value in headers or () if value is not None}
        return msgspec.convert(values, LetterHeaders, strict=False)
    except (UnicodeDecodeError, msgspec.ValidationError):
        return None


def attempt_of(headers: Headers | None) -> int:
    """Which attempt at taking a record in this is; total: whatever is no number of attempts counts as the first."""
    values = [value for name, value in headers or () if name == ATTEMPT_HEADER]
    if not values or values[-1] is None or not re.fullmatch(rb"[0-9]{1,3}", values[-1]):
        return 1
    return min(max(int(values[-1]), 1), ATTEMPT_MAX)


_QUOTED = re.compile(r"""b?['"].*(['"]|…$)""", re.DOTALL)


def without_values(detail: str) -> str:
    """The detail of a reject without what it quotes of the message: from the first quotation mark to the last."""
    return _QUOTED.sub("…", detail)
