"""Switching rules: how severely the next lot is inspected, as a fold of what became of the lots before it.

Source: ISO 2859-1:1999, 9.3 and 9.4, with the switching score of 9.3.3.2 for single sampling. Only lots on original
inspection count; a lot that is submitted again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from models.sampling.plans import Plan, Refused, accept_one_step_tighter, judge

Inspection = Literal["normal", "tightened", "reduced", "discontinued"]

TIGHTEN_REJECTED, TIGHTEN_WITHIN = 2, 5
"""So many rejected lots among so many consecutive ones, or fewer, make normal inspection tightened (9.3.1)."""
NORMAL_AFTER = 5
"""So many accepted lots in a row make tightened inspection normal again (9.3.2)."""
REDUCED_SCORE = 30
"""With this switching score normal inspection may become reduced (9.3.3.1)."""
DISCONTINUED_REJECTED = 5
"""So many lots rejected under one spell of tightened inspection end sampling (9.4)."""


@dataclass(frozen=True, kw_only=True)
class LotResult:
    """What the sample of a lot showed, and what was known of production then."""

    plan: Plan
    nonconforming: int
    original: bool = True
    """False for a lot that is submitted again."""
    steady: bool = True
    """Production runs at a steady rate."""
    reduced_allowed: bool = False
    """The responsible authority considers reduced inspection desirable."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Where inspection stands. A new spell of an inspection begins with everything else at nought."""

    inspection: Inspection = "normal"
    score: int = 0
    last: tuple[bool, ...] = ()
    """Whether each of the last lots of this spell was accepted: as many as the rules look back."""
    rejected: int = 0
    """Lots rejected in this spell."""


def after(switch: Switch, lot: LotResult) -> Switch:
    """Where inspection stands after a lot; raises `Refused`."""
    if switch.inspection == "discontinued":
        raise Refused("discontinued", "sampling is discontinued until the supplier has improved the process")
    if lot.plan.severity != switch.inspection:
        raise Refused("other_severity", f"inspection is {switch.inspection}; the plan is {lot.plan.severity}")
    accepted = judge(lot.plan, lot.nonconforming) == "accepted"
    if not lot.original:
        return switch
    last = (*switch.last, accepted)[-TIGHTEN_WITHIN:]
    counted = replace(switch, last=last, rejected=switch.rejected + (not accepted))
    match switch.inspection:
        case "normal":
            return _after_normal(counted, lot)
        case "tightened":
            return _after_tightened(counted)
        case _:
            return counted if accepted and lot.steady and lot.reduced_allowed else Switch()


def switch_of(lots: Iterable[LotResult], start: Switch | None = None) -> Switch:
    """Where inspection stands after lots, in the order of their production; raises `Refused`."""
    switch = start or Switch()
    for lot in lots:
        switch = after(switch, lot)
    return switch


def resume(switch: Switch) -> Switch:
    """Inspection after the authority has agreed that the process is improved: tightened (9.4). Raises `Refused`."""
    if switch.inspection != "discontinued":
        raise Refused("not_discontinued", f"inspection is {switch.inspection}; there is nothing to resume")
    return Switch(inspection="tightened")


def _after_normal(switch: Switch, lot: LotResult) -> Switch:
    if switch.last.count(False) >= TIGHTEN_REJECTED:
        return Switch(inspection="tightened")
    switch = replace(switch, score=_score(switch, lot))
    if switch.score >= REDUCED_SCORE and lot.steady and lot.reduced_allowed:
        return Switch(inspection="reduced")
    return switch


def _after_tightened(switch: Switch) -> Switch:
    if len(switch.last) >= NORMAL_AFTER and all(switch.last[-NORMAL_AFTER:]):
        return Switch()
    if switch.rejected >= DISCONTINUED_REJECTED:
        return Switch(inspection="discontinued")
    return switch


def _score(switch: Switch, lot: LotResult) -> int:
    """The switching score after a lot: a lot that is good enough adds to it, any other sets it back."""
    if lot.plan.accept < 2:
        return switch.score + 2 if lot.nonconforming <= lot.plan.accept else 0
    tighter = accept_one_step_tighter(lot.plan)
    return switch.score + 3 if tighter is not None and lot.nonconforming <= tighter else 0
