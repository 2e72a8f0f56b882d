"""Time limits of approvals: of which levels people are to be reminded, and which are over."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from connectors.sql import approvals, sheets
from connectors.sql.schema.sheets import REMINDERS
from connectors.sql.work import Work
from models.approval.case import Case, elapse, limit_near_ms
from models.sheets.revision import Ref


class Due(NamedTuple):
    """The sheets that time has something to do with."""

    near: list[Ref]
    """The limit of the open level is near, and nobody was reminded yet."""
    over: list[Ref]


def due(connection: Connection, now_ms: int) -> Due:
    """What there is to remind of and to expire at an instant."""
    near, over = [], []
    for ref in approvals.waiting(connection):
        case = sheets.case_of(connection, sheets.read(connection, ref))
        if elapse(case, now_ms) != case:
            over.append(ref)
        elif _is_near(connection, ref, case, now_ms):
            near.append(ref)
    return Due(near, over)


def remind(work: Work, ref: Ref) -> bool:
    """Tell, once for each level, that its time limit is near; whether there was something to tell."""
    found = sheets.lock(work, ref, None)
    if found.status != "submitted":
        return False
    case = sheets.case_of(work.connection, found)
    if not _is_near(work.connection, ref, case, work.now_ms):
        return False
    work.run(REMINDERS.insert().values(**ref._asdict(), round=case.round, level=case.level.name, at_ms=work.now_ms))
    due_ms = case.opened_ms + (case.level.time_limit_ms or 0)
    work.tell("approval_due", str(ref), level=case.level.name, round=case.round, due_ms=due_ms)
    return True


def _is_near(connection: Connection, ref: Ref, case: Case, now_ms: int) -> bool:
    near_ms = limit_near_ms(case)
    if near_ms is None or now_ms < near_ms or case.escalated:
        return False
    of_round = REMINDERS.c.number == ref.number, REMINDERS.c.revision == ref.revision, REMINDERS.c.round == case.round
    told = select(REMINDERS.c.at_ms).where(*of_round, REMINDERS.c.level == case.level.name)
    return connection.execute(told).one_or_none() is None
