"""Cases: a document on its way through a workflow, as a fold of what people decided about it.

A case never changes; every decision gives the next one, or is refused. What a person may do is judged when it is done:
a signature stands when a role is revoked or a person leaves later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from models import refusal
from models.approval.workflow import Delegation, Directory, Level, Person, Workflow

Status = Literal["open", "approved", "rejected", "returned", "no_consensus", "withdrawn"]
Kind = Literal["approve", "reject", "return", "withdraw"]
Refusal = Literal[
    "not_open",
    "other_level",
    "too_early",
    "unknown_person",
    "not_an_approver",
    "not_the_author",
    "is_the_author",
    "decided_already",
    "decided_earlier",
    "no_delegation",
    "reason_missing",
]

AGAIN: frozenset[Status] = frozenset({"returned", "no_consensus", "withdrawn"})
"""From here the author may submit the document again; approved and rejected are for good."""
REMINDED_AT = 0.75
"""The share of a level's time limit after which those who have not decided are reminded."""


class Refused(refusal.Refused):
    """A decision that is not allowed, with the reason in one word and in a sentence."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(reason, detail)


class Decision(NamedTuple):
    """What a person decided, at which level, and for whom: themselves, or someone whom they represent."""

    kind: Kind
    person: str
    level: str
    at_ms: int
    reason: str = ""
    principal: str = ""

    @property
    def counts_for(self) -> str:
        """Whose voice it is."""
        return self.principal or self.person


@dataclass(frozen=True, kw_only=True)
class Case:
    """A round of a document: from its submission until it is decided, returned or withdrawn."""

    workflow: Workflow
    author: str
    former_authors: frozenset[str] = frozenset()
    """Who wrote on it before somebody took it over: what is kept apart from the author is kept apart from them."""
    round: int = 1
    status: Status = "open"
    at: int = 0
    """Which level is open, counted from 0; the last one that was, once it is closed."""
    opened_ms: int = 0
    """Since when that level is open."""
    escalated: bool = False
    decisions: tuple[Decision, ...] = ()

    @property
    def level(self) -> Level:
        """The level that is open, or was last."""
        return self.workflow.levels[self.at]

    def of_level(self, kind: Kind) -> list[Decision]:
        """The decisions of a kind at that level."""
        return [one for one in self.decisions if one.kind == kind and one.level == self.level.name]


def submit(workflow: Workflow, author: str, at_ms: int, former_authors: frozenset[str] = frozenset()) -> Case:
    """The first round of a document."""
    return Case(workflow=workflow, author=author, former_authors=former_authors, opened_ms=at_ms)


def submit_again(case: Case, author: str, at_ms: int, workflow: Workflow | None = None) -> Case:
    """The next round; nothing that was decided before counts in it. Raises `Refused`."""
    case = elapse(case, at_ms)
    if case.status not in AGAIN:
        raise Refused("not_open", f"the document is {case.status}; only what came back is submitted again")
    if author != case.author:
        raise Refused("not_the_author", f"{author} did not write the document")
    begun = Case(workflow=workflow or case.workflow, author=author, round=case.round + 1, opened_ms=at_ms)
    return replace(begun, former_authors=case.former_authors)


def decide(case: Case, decision: Decision, people: Directory, delegations: Iterable[Delegation] = ()) -> Case:
    """The case after a decision; raises `Refused`, and then nothing has changed but what time has."""
    case = elapse(case, decision.at_ms)
    if case.status != "open":
        raise Refused("not_open", f"the document is {case.status}")
    if decision.level != case.level.name:
        raise Refused("other_level", f"level {case.level.name!r} is open, not {decision.level!r}")
    since_ms = max([case.opened_ms, *(one.at_ms for one in case.decisions)])
    if decision.at_ms < since_ms:
        raise Refused("too_early", f"it is of {decision.at_ms}, and {since_ms} was the last that was decided")
    if decision.kind in {"reject", "return"} and not decision.reason.strip():
        raise Refused("reason_missing", f"to {decision.kind} takes a reason")
    if decision.kind == "withdraw":
        return _withdrawn(case, decision, people)
    _check_voice(case, decision, people, delegations)
    after = replace(case, decisions=(*case.decisions, decision))
    if decision.kind == "return":
        return replace(after, status="returned")
    return _counted(after, decision.at_ms, people)


def elapse(case: Case, now_ms: int) -> Case:
    """The case at an instant: what its level's time limit has made of it."""
    limit_ms = case.level.time_limit_ms
    if case.status != "open" or limit_ms is None or now_ms < case.opened_ms + limit_ms:
        return case
    if case.level.on_time_limit == "escalate":
        return case if case.escalated else replace(case, escalated=True)
    return replace(case, status="returned" if case.level.on_time_limit == "return" else "rejected")


def limit_near_ms(case: Case) -> int | None:
    """When people are reminded of the level that is open; None where it has no time limit, or is closed."""
    limit_ms = case.level.time_limit_ms
    if case.status != "open" or limit_ms is None:
        return None
    return case.opened_ms + int(limit_ms * REMINDED_AT)


def approvers(case: Case, people: Directory) -> list[str]:
    """Who may still decide at the open level, in person."""
    return [person.id for person in people.values() if _why_not(case, person) is None]


def is_stalled(case: Case, people: Directory) -> bool:
    """Whether too few approvers are left for a quorum, since one left or lost a role: somebody has to see to it."""
    voices = len(case.of_level("approve")) + len(approvers(case, people))
    return case.status == "open" and voices < case.level.approvals_min


def _withdrawn(case: Case, decision: Decision, people: Directory) -> Case:
    if decision.person != case.author:
        raise Refused("not_the_author", f"{decision.person} did not write the document")
    if decision.principal:
        raise Refused("no_delegation", "nobody withdraws for somebody else")
    if (person := people.get(decision.person)) is None or not person.active:
        raise Refused("unknown_person", f"{decision.person} is nobody who may sign")
    return replace(case, status="withdrawn", decisions=(*case.decisions, decision))


def _check_voice(case: Case, decision: Decision, people: Directory, delegations: Iterable[Delegation]) -> None:
    """Raise `Refused` unless this person may decide here, and the one whose voice it is may, too."""
    person = people.get(decision.person)
    if person is None or not person.active:
        raise Refused("unknown_person", f"{decision.person} is nobody who may sign")
    if not decision.principal:
        _raise(_why_not(case, person))
        return
    principal = people.get(decision.principal)
    allowed = case.level.delegation and decision.principal != decision.person
    if not allowed or not any(one.holds(decision.principal, decision.person, decision.at_ms) for one in delegations):
        raise Refused("no_delegation", f"{decision.person} may not decide for {decision.principal} here")
    if principal is None:
        raise Refused("unknown_person", f"{decision.principal} is nobody who may be represented")
    _raise(_why_not(case, principal))
    _raise(_why_not_apart(case, person))


def _raise(refused: Refused | None) -> None:
    if refused:
        raise refused


def _why_not(case: Case, person: Person) -> Refused | None:
    """Why a person may not decide at the open level; None when they may."""
    if not case.level.names(person):
        return Refused("not_an_approver", f"{person.id} is no approver of level {case.level.name!r}")
    return _why_not_apart(case, person)


def _why_not_apart(case: Case, person: Person) -> Refused | None:
    """Why duties that are kept apart, or a voice that was given, keep a person from deciding."""
    if "author" in case.level.separation and person.id in {case.author, *case.former_authors}:
        return Refused("is_the_author", f"{person.id} wrote the document")
    here = [one for one in case.decisions if one.level == case.level.name]
    if person.id in _involved(here):
        return Refused("decided_already", f"{person.id} has decided at level {case.level.name!r}")
    if "earlier_levels" in case.level.separation and person.id in _involved(case.decisions):
        return Refused("decided_earlier", f"{person.id} has decided at an earlier level")
    return None


def _involved(decisions: Collection[Decision]) -> set[str]:
    return {one.person for one in decisions} | {one.counts_for for one in decisions}


def _counted(case: Case, at_ms: int, people: Directory) -> Case:
    """What the voices at the open level make of the case."""
    level = case.level
    approvals, rejections = len(case.of_level("approve")), len(case.of_level("reject"))
    if rejections >= level.rejections_min:
        return replace(case, status="rejected")
    if approvals >= level.approvals_min:
        if case.at + 1 == len(case.workflow.levels):
            return replace(case, status="approved")
        return replace(case, at=case.at + 1, opened_ms=at_ms, escalated=False)
    against = case.of_level("reject")
    without = replace(case, decisions=tuple(one for one in case.decisions if one not in against))
    left, would_be_left = len(approvers(case, people)), len(approvers(without, people))
    if approvals + left < level.approvals_min <= approvals + would_be_left:
        return replace(case, status="no_consensus")  # too few are left because of those who were against it
    return case
