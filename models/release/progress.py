"""Lots on their way out: what may happen next to one, and the words for what may not.

    open ─draw─▶ drawn ─accept─▶ accepted ─release─▶ released
      │            │                 ▲
      └─cancel     └─reject─▶ rejected ─screen─▶ screening: every unit is inspected, and what is nonconforming stays

From the draw on, nobody gets another sample by forming the lot anew: its good units stay in it until it is accepted,
and no unit joins. Sources: ISO 2859-1:1999, 6.2 (lots), 7.2 (nonconforming units) and 7.4 (what was not accepted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from models.refusal import Refused
from models.release.lot import Sample
from models.sampling.plans import Judgement, Plan, judge
from models.sampling.switching import Inspection
from models.sampling.tables import Level

Status = Literal["open", "drawn", "accepted", "rejected", "screening", "released", "cancelled"]
UNDER_WAY: frozenset[Status] = frozenset({"drawn", "rejected", "screening"})
"""Its units are held together: what is found of the sample holds for all of them."""


class Inspected(NamedTuple):
    """What was found of a unit of the sample."""

    serial: str
    conforming: bool
    findings: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A lot as it stands; its units are counted elsewhere."""

    id: str
    product: str
    customer: str
    status: Status = "open"
    round: int = 0
    """How often units of it were drawn; 0 before the first draw."""
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Round:
    """Units that are inspected, and what was found; a screening has no plan, for it takes all."""

    number: int
    plan: Plan | None
    level: Level
    inspection: Inspection
    presented: frozenset[str]
    """The units that the lot had then."""
    drawn: tuple[str, ...]
    seed: str
    """What the draw can be done again from; empty for a screening, which draws nothing."""
    found: Mapping[str, bool] = field(default_factory=dict)
    """Whether each unit that was inspected so far conforms."""

    @property
    def nonconforming(self) -> frozenset[str]:
        """The units that were found so."""
        return frozenset(serial for serial, conforms in self.found.items() if not conforms)

    @property
    def open(self) -> tuple[str, ...]:
        """The units that are still to be inspected."""
        return tuple(serial for serial in self.drawn if serial not in self.found)

    @property
    def judgement(self) -> Judgement | None:
        """What it says of the lot; None as long as it does not."""
        if self.plan is not None and judge(self.plan, len(self.nonconforming)) == "rejected":
            return "rejected"
        return None if self.open else "accepted"

    @property
    def sample(self) -> Sample:
        """As the gate looks at it. What a screening took out was not presented: only what conforms was."""
        if self.plan is not None:
            return Sample(self.presented, frozenset(self.found), self.nonconforming)
        good = frozenset(self.found) - self.nonconforming
        return Sample(good, good, frozenset())


def check_may_join(lot: Progress) -> None:
    """Raise `Refused` unless units may join the lot."""
    if lot.status != "open":
        raise Refused("lot_closed", f"lot {lot.id} is {lot.status}: no unit joins once its sample is drawn")


def check_may_leave(lot: Progress, serial: str, is_good: bool) -> None:
    """Raise `Refused` unless a unit may be taken out of the lot: a good one not while its sample is under way."""
    if lot.status == "cancelled":
        raise Refused("lot_closed", f"lot {lot.id} is cancelled")
    if is_good and lot.status in UNDER_WAY:
        raise Refused("lot_closed", f"lot {lot.id} is {lot.status}: {serial} stays in it until it is accepted")
    if is_good and lot.status == "released":
        raise Refused("lot_closed", f"lot {lot.id} has left, and {serial} with it")


def cancel(lot: Progress) -> Progress:
    """The lot given up before its sample was drawn; raises `Refused`."""
    _need(lot, "open", "cancelled")
    return replace(lot, status="cancelled")


def draw(lot: Progress, under_way: str | None = None) -> Progress:
    """The lot with its sample, for good; raises `Refused`.

    The rules of switching ask for lots one after the other: `under_way` is another one of the same product and customer
    that is drawn and not judged yet.
    """
    if lot.status == "drawn":
        raise Refused("lot_drawn", f"the sample of lot {lot.id} is drawn, and there is no other")
    _need(lot, "open", "drawn")
    if under_way is not None:
        raise Refused("other_lot", f"lot {under_way} is drawn and not judged yet: how severe comes next, it decides")
    return replace(lot, status="drawn", round=lot.round + 1)


def screen(lot: Progress) -> Progress:
    """The lot whose every unit is to be inspected, after its sample rejected it; raises `Refused`."""
    _need(lot, "rejected", "screened")
    return replace(lot, status="screening", round=lot.round + 1)


def inspect(lot: Progress, last: Round, given: Iterable[Inspected]) -> Round:
    """The round with more units inspected; raises `Refused`, and then none is."""
    if lot.status not in {"drawn", "screening"}:
        raise Refused("lot_not_drawn", f"lot {lot.id} is {lot.status}; units are inspected after they were drawn")
    found = dict(last.found)
    for serial, conforming, findings in given:
        if serial not in last.drawn:
            raise Refused("not_drawn", f"{serial} is none of the units that were drawn from lot {lot.id}")
        if serial in found:
            raise Refused("inspected", f"{serial} is inspected already, and what was found stands")
        if not conforming and not findings.strip():
            raise Refused("reason_missing", f"{serial} does not conform: say what was found")
        found[serial] = conforming
    return replace(last, found=found)


def conclude(lot: Progress, last: Round, said: Judgement) -> Progress:
    """The lot after somebody has put their name to what its sample says, and to nothing else; raises `Refused`."""
    if lot.status not in {"drawn", "screening"}:
        raise Refused("lot_not_drawn", f"lot {lot.id} is {lot.status}; there is nothing to judge")
    judgement = last.judgement
    if judgement is None:
        raise Refused("inspection_open", f"{len(last.open)} units of lot {lot.id} are not inspected yet")
    if said != judgement:
        count = len(last.nonconforming)
        raise Refused("other_judgement", f"lot {lot.id} is {judgement} by its sample: {count} units do not conform")
    return replace(lot, status=judgement)


def release(lot: Progress) -> Progress:
    """The lot gone; the gate has to have said so. Raises `Refused`."""
    _need(lot, "accepted", "released")
    return replace(lot, status="released")


def _need(lot: Progress, status: Status, done: str) -> None:
    if lot.status != status:
        raise Refused("lot_status", f"lot {lot.id} is {lot.status}; only a lot that is {status} is {done}")
