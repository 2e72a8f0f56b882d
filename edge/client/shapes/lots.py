"""What routes about lots take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edge.client.shapes.common import FieldProblem


class AtTheGate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a lot may leave as it is, and if not, everything that is in the way, unit by unit."""

    lot: str
    may_leave: bool
    problems: tuple[FieldProblem, ...]


class Findings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found of units of the sample."""

    units: tuple[UnitFinding, ...]


class Joining(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that join a lot."""

    serials: tuple[str, ...]


class Leaving(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that stay behind, and why."""

    serials: tuple[str, ...]
    reason: str


class LotNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot as it stands, with its units and what was drawn from them."""

    id: str
    product: str
    customer: str
    status: Literal["accepted", "cancelled", "drawn", "open", "rejected", "released", "screening"]
    units: tuple[str, ...]
    rounds: tuple[LotRound, ...]
    version: int


class LotRound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were drawn, by which plan of ISO 2859-1, and what was found; a screening takes all, by none."""

    round: int
    kind: Literal["sample", "screening"]
    level: Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"]
    inspection: Literal["discontinued", "normal", "reduced", "tightened"]
    aql: float | None
    accept: int | None
    reject: int | None
    seed: str
    presented_qty: int
    drawn: tuple[str, ...]
    to_inspect: tuple[str, ...]
    nonconforming: tuple[str, ...]
    judgement: Literal["accepted", "rejected"] | None
    judged_by: str | None
    judged_ms: int | None
    drawn_by: str
    drawn_ms: int


class LotSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot in a list."""

    id: str
    product: str
    customer: str
    status: Literal["accepted", "cancelled", "drawn", "open", "rejected", "released", "screening"]
    round: int
    version: int


class NewJudgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sample says of the lot, signed: whoever judges proves once more who they are."""

    judgement: Literal["accepted", "rejected"]
    steady: bool = True
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewLot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot of one product for one customer."""

    id: str
    product: str
    customer: str = ""


class PageOfLotSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[LotSummary, ...]
    next: str | None = None


class ReleaseSignature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signature of whoever lets a lot leave."""

    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Resumption(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The process was improved, and sampling goes on: signed."""

    customer: str = ""
    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class SamplingNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How severely the next lot of a product is inspected for a customer."""

    product: str
    customer: str
    inspection: Literal["discontinued", "normal", "reduced", "tightened"]
    score: int
    rejected: int
    version: int


class UnitFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found of a unit of the sample; of one that does not conform, in words."""

    serial: str
    conforms: bool
    findings: str = ""


class Why(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something is done with a lot."""

    reason: str
