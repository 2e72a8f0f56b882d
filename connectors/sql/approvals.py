"""Decisions about submitted sheets: one transaction each, and of two at once one is first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from connectors.sql import force, people, sheets
from connectors.sql.schema.sheets import DECISIONS, SHEETS
from connectors.sql.work import Work
from models.approval.case import Case, Decision, Kind, approvers, decide, elapse
from models.approval.workflow import Directory
from models.refusal import Refused
from models.sheets.revision import Ref, Revision


class Voice(NamedTuple):
    """What somebody decides, at the level that they saw open, for themselves or for a principal."""

    kind: Kind
    level: str
    reason: str = ""
    principal: str = ""


class Signed(NamedTuple):
    """A decision as it was kept: what was signed, and what the signature says."""

    round: int
    decision: Decision
    meaning: str
    digest: str


def give(work: Work, ref: Ref, voice: Voice, expected: int | None = None) -> Revision:
    """Decide about a sheet; raises `Refused`, `Stale`, `NotFound`, and then nothing has changed."""
    found = sheets.lock(work, ref, expected)
    case = current(work.connection, found)
    # Clocks of two servers differ by milliseconds; a decision is never before the one it follows.
    at_ms = max([work.now_ms, case.opened_ms, *(one.at_ms for one in case.decisions)])
    decision = Decision(voice.kind, work.who.identity, voice.level, at_ms, voice.reason, voice.principal)
    concerned = {decision.person, decision.counts_for, case.author}
    delegations = people.delegations(work.connection, voice.principal) if voice.principal else []
    after = decide(case, decision, _directory(work.connection, case, concerned), delegations)
    _keep(work, found, case, decision)
    changed = sheets.write_case(work, found, after)
    before_words, after_words = _place(case), _place(after)
    work.note(f"sheet_{voice.kind}", str(ref), before=before_words, after=after_words, reason=voice.reason)
    work.tell("sheet_decided", str(ref), decision=voice.kind, level=case.level.name, **after_words)
    if after.status == "approved":
        force.put_in_force(work, changed)
    return changed


def expire(work: Work, ref: Ref) -> Revision:
    """Write down what a level's time limit has made of a sheet; nothing when it is not over."""
    found = sheets.lock(work, ref, None)
    if found.status != "submitted":
        return found
    case = current(work.connection, found)
    after = elapse(case, work.now_ms)
    if after == case:
        return found
    changed = sheets.write_case(work, found, after)
    work.note("approval_expired", str(ref), before=_place(case), after=_place(after))
    work.tell("approval_expired", str(ref), level=case.level.name, escalated=after.escalated, **_place(after))
    return changed


def current(connection: Connection, found: Revision) -> Case:
    """Where the approval of a revision stands, with the decisions of this round; raises `Refused` before there is."""
    if found.round == 0:
        raise Refused("not_open", f"{found.ref} was not submitted yet")
    decisions = [one.decision for one in signed(connection, found.ref) if one.round == found.round]
    return replace(sheets.case_of(connection, found), decisions=tuple(decisions))


def signed(connection: Connection, ref: Ref) -> list[Signed]:
    """Everything that was ever decided about a revision, in every round, in the order in which it was."""
    of_row = DECISIONS.c.number == ref.number, DECISIONS.c.revision == ref.revision
    rows = connection.execute(select(DECISIONS).where(*of_row).order_by(DECISIONS.c.id))
    return [Signed(row.round, _decision(row), row.meaning, row.digest) for row in rows]


def who_may(connection: Connection, found: Revision) -> list[str]:
    """Who may still decide at the open level."""
    case = current(connection, found)
    return sorted(approvers(case, _directory(connection, case, set())))


def waiting(connection: Connection) -> list[Ref]:
    """Every revision that waits for a decision."""
    rows = connection.execute(select(SHEETS.c.number, SHEETS.c.revision).where(SHEETS.c.status == "submitted"))
    return sorted(Ref(row.number, row.revision) for row in rows)


def _decision(row: Row[Any]) -> Decision:
    principal = row.counts_for if row.counts_for != row.person else ""
    return Decision(row.kind, row.person, row.level, row.at_ms, row.reason, principal)


def _directory(connection: Connection, case: Case, concerned: set[str]) -> Directory:
    return people.directory(connection, case.level.roles, case.level.people | concerned)


def _keep(work: Work, found: Revision, case: Case, decision: Decision) -> None:
    own = decision.kind == "withdraw"  # the author's, at no level
    row = {
        **found.ref._asdict(),
        "round": case.round,
        "level": "" if own else decision.level,
        "kind": decision.kind,
        "person": decision.person,
        "counts_for": decision.counts_for,
        "meaning": "" if own else case.level.meaning,
        "reason": decision.reason,
        "digest": found.digest,
        "at_ms": decision.at_ms,
    }
    work.run(DECISIONS.insert().values(row))


def _place(case: Case) -> dict[str, str | int]:
    return {"status": case.status, "round": case.round, "at": case.level.name}
