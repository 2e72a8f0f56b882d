"""What is said of lots: the bodies and answers of their routes, and a lot as it is told."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from api.v1.shapes import DocumentName, OwnSecret, Reason, SerialText
from connectors.sql import lots, samples
from connectors.sql.samples import Judged
from connectors.sql.samplings import Sampling
from models.problem import FieldProblem
from models.release.progress import Progress, Status
from models.sampling.plans import Judgement
from models.sampling.switching import Inspection
from models.sampling.tables import Level

UNITS_MAX = 10_000
CustomerName = Annotated[
    str, Meta(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)", description="As on the order.")
]
SerialList = Annotated[list[SerialText], Meta(min_length=1, max_length=UNITS_MAX)]


class NewLot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lot of one product for one customer."""

    id: DocumentName
    product: DocumentName
    customer: CustomerName = ""


class Joining(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that join a lot."""

    serials: SerialList


class Leaving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that stay behind, and why."""

    serials: SerialList
    reason: Reason


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something is done with a lot."""

    reason: Reason


class UnitFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found of a unit of the sample; of one that does not conform, in words."""

    serial: SerialText
    conforms: bool
    findings: Reason = ""


class Findings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found of units of the sample."""

    units: Annotated[list[UnitFinding], Meta(min_length=1, max_length=UNITS_MAX)]


class NewJudgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sample says of the lot, signed: whoever judges proves once more who they are."""

    judgement: Judgement
    steady: bool = True
    """Whether production runs at a steady rate, which reduced inspection asks for."""
    secret: OwnSecret


class ReleaseSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signature of whoever lets a lot leave."""

    secret: OwnSecret


class Resumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process was improved, and sampling goes on: signed."""

    customer: CustomerName = ""
    reason: Reason
    secret: OwnSecret


class LotSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A lot in a list."""

    id: str
    product: str
    customer: str
    status: Status
    round: int
    version: int


class LotRound(msgspec.Struct, frozen=True, kw_only=True):
    """Units that were drawn, by which plan of ISO 2859-1, and what was found; a screening takes all, by none."""

    round: int
    kind: Literal["sample", "screening"]
    level: Level
    inspection: Inspection
    aql: float | None
    accept: int | None
    reject: int | None
    seed: str
    """What the draw can be done again from."""
    presented_qty: int
    drawn: list[str]
    to_inspect: list[str]
    nonconforming: list[str]
    judgement: Judgement | None
    judged_by: str | None
    judged_ms: int | None
    drawn_by: str
    drawn_ms: int


class LotNow(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as it stands, with its units and what was drawn from them."""

    id: str
    product: str
    customer: str
    status: Status
    units: list[str]
    rounds: list[LotRound]
    version: int


class AtTheGate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a lot may leave as it is, and if not, everything that is in the way, unit by unit."""

    lot: str
    may_leave: bool
    problems: list[FieldProblem]


class SamplingNow(msgspec.Struct, frozen=True, kw_only=True):
    """How severely the next lot of a product is inspected for a customer."""

    product: str
    customer: str
    inspection: Inspection
    score: int
    rejected: int
    version: int


def lot_now(connection: Connection, lot: Progress) -> LotNow:
    """A lot, as everybody is told."""
    return LotNow(
        id=lot.id,
        product=lot.product,
        customer=lot.customer,
        status=lot.status,
        units=lots.serials_of(connection, lot.id),
        rounds=[_round(one) for one in samples.rounds(connection, lot.id)],
        version=lot.version,
    )


def _round(judged: Judged) -> LotRound:
    found = judged.round
    plan = found.plan
    return LotRound(
        round=found.number,
        kind="screening" if plan is None else "sample",
        level=found.level,
        inspection=found.inspection,
        aql=plan.aql if plan else None,
        accept=plan.accept if plan else None,
        reject=plan.reject if plan else None,
        seed=found.seed,
        presented_qty=len(found.presented),
        drawn=list(found.drawn),
        to_inspect=list(found.open),
        nonconforming=sorted(found.nonconforming),
        judgement=judged.judgement,
        judged_by=judged.judged_by,
        judged_ms=judged.judged_ms,
        drawn_by=judged.drawn_by,
        drawn_ms=judged.drawn_ms,
    )


def sampling_now(found: Sampling) -> SamplingNow:
    """How severely lots are inspected, as everybody is told."""
    return SamplingNow(
        product=found.product,
        customer=found.customer,
        inspection=found.switch.inspection,
        score=found.switch.score,
        rejected=found.switch.rejected,
        version=found.version,
    )
