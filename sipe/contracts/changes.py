"""What was agreed, as others are told: on the changes' topic, and on the live stream.

Each change has a position, which counts up without gaps: on Kafka it is a header, on the stream the id of the event. A
change may come twice, always at the same position, and for one key in order: whoever remembers the last position of a
partition drops what is not above it.
"""

from __future__ import annotations

import msgspec

from sipe.contracts.fields import Sha256, TimeMs

POSITION_HEADER = "position"

PLANT_WIDE = (
    "sheet_",
    "approval_",
    "template_",
    "workflow_",
    "bom_",
    "routing_",
    "layout_",
    "lot_",
    "sampling_",
    "certificate_",
)
"""How the kinds of changes begin that belong to no line: everybody who may read may know of them."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What every change says; further fields depend on its kind."""

    kind: str
    on: str
    """What has changed, such as order/OP-1."""
    at_ms: TimeMs
    station: str | None = None
    line: str | None = None

    @property
    def line_of_it(self) -> str | None:
        """The line that it belongs to, said or by its station; None when it is said nowhere."""
        if self.line is None and self.station is not None:
            return self.station.rpartition(".")[0]
        return self.line


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The head of the audit trail at a time: whoever changes an entry before it cannot change this."""

    seq: int
    """The newest entry; 0 before the first."""
    seal: Sha256
    at_ms: TimeMs
