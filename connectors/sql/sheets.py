"""Technical sheets in the store: drafts, submissions, and what is in force.

Each change locks the sheet's document row first: revisions of one sheet, and decisions about them, take turns.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select, update

from connectors.sql import templates
from connectors.sql.schema.people import PEOPLE
from connectors.sql.schema.sheets import DOCUMENTS, FORMER_AUTHORS, SHEETS, SUBMISSIONS, TEMPLATES
from connectors.sql.versions import newest
from connectors.sql.work import Work, canonical
from models.approval.case import AGAIN, Case, submit, submit_again
from models.refusal import Invalid, NotFound, Refused, Stale, need_reason
from models.sheets.check import Values, completed, problems
from models.sheets.compare import digest
from models.sheets.revision import REVISABLE, Ref, Revision, Status, status_of


def begin(work: Work, number: str, values: Values, *, template: str, product: str, step: str) -> Revision:
    """A new sheet, as a draft of the newest version of its template; raises `Refused`."""
    if work.one(select(DOCUMENTS.c.number).where(DOCUMENTS.c.number == number)):
        raise Refused("exists", f"there is a sheet {number} already")
    version = newest(work.connection, TEMPLATES.c.name, TEMPLATES.c.version, template)
    if version == 0:
        raise NotFound("template", template)
    about = {"template": template, "product": product, "step": step}
    work.run(DOCUMENTS.insert().values(number=number, newest=1, created_ms=work.now_ms, **about))
    return _add(work, Ref(number, 1), template, version, values)


def revise(work: Work, number: str) -> Revision:
    """The next revision: a draft with what the newest one says, on the newest version of the template."""
    document = _locked(work, number)
    before = read(work.connection, Ref(number, document.newest))
    if before.status not in REVISABLE:
        raise Refused("under_way", f"{before.ref} is {before.status}: finish that revision first")
    work.run(update(DOCUMENTS).where(DOCUMENTS.c.number == number).values(newest=before.ref.revision + 1))
    version = newest(work.connection, TEMPLATES.c.name, TEMPLATES.c.version, document.template)
    return _add(work, Ref(number, before.ref.revision + 1), document.template, version, before.values)


def save(work: Work, ref: Ref, values: Values, expected: int | None) -> Revision:
    """Keep what the author has filled in so far; it need not be complete."""
    found = lock(work, ref, expected)
    found.check_editable(work.who.identity)
    changed = _write(work, found, body=canonical(values))
    work.note("sheet_saved", str(ref), before=found.values, after=dict(values))
    return changed


def put_up(work: Work, ref: Ref, expected: int | None) -> Revision:
    """Submit a draft for approval; from now on it never changes. Raises `Invalid` with every problem in it."""
    found = lock(work, ref, expected)
    found.check_editable(work.who.identity)
    bound = templates.template_of(work.connection, found.template, found.template_version)
    if wrong := problems(bound.template, found.values):
        raise Invalid(f"{len(wrong)} of what is filled in cannot stand", wrong)
    if found.round == 0:
        case = submit(bound.workflow, found.author, work.now_ms, former_authors(work.connection, ref))
    else:
        ended = case_of(work.connection, found)
        case = submit_again(ended, found.author, work.now_ms, bound.workflow)
    told, complete = digest(bound.template, found.values), completed(bound.template, found.values)
    submission = {"number": ref.number, "revision": ref.revision, "round": case.round, "digest": told}
    by = {"by": work.who.identity, "at_ms": work.now_ms}
    work.run(SUBMISSIONS.insert().values(body=canonical(complete), **submission, **by))
    changed = write_case(work, found, case, digest=told, body=canonical(complete))
    work.note("sheet_submitted", str(ref), after={"digest": told, "round": case.round})
    work.tell("sheet_submitted", str(ref), round=case.round, level=case.level.name)
    return changed


def take_over(work: Work, ref: Ref, expected: int | None, reason: str) -> Revision:
    """Go on with what somebody has left behind who is no longer active; they stay apart from its approval."""
    found = lock(work, ref, expected)
    active = work.run(select(PEOPLE.c.active).where(PEOPLE.c.id == found.author).with_for_update(read=True))
    found.check_left_behind(bool(active.scalar_one()))
    need_reason(reason, "to take a sheet over")
    about = {**ref._asdict(), "person": found.author, "by": work.who.identity, "reason": reason, "at_ms": work.now_ms}
    if found.author not in former_authors(work.connection, ref):
        work.run(FORMER_AUTHORS.insert().values(about))
    changed = _write(work, found, author=work.who.identity)
    work.note(
        "sheet_taken_over", str(ref), before={"author": found.author}, after={"author": changed.author}, reason=reason
    )
    work.tell("sheet_taken_over", str(ref))
    return changed


def former_authors(connection: Connection, ref: Ref) -> frozenset[str]:
    """Who wrote on a revision before somebody took it over."""
    of_row = FORMER_AUTHORS.c.number == ref.number, FORMER_AUTHORS.c.revision == ref.revision
    return frozenset(connection.execute(select(FORMER_AUTHORS.c.person).where(*of_row)).scalars())


def mark(work: Work, found: Revision, status: Status, reason: str) -> Revision:
    """Give a revision that was in force its last status."""
    changed = _write(work, found, status=status)
    before, after = {"status": found.status}, {"status": status}
    work.note(f"sheet_{status}", str(found.ref), before=before, after=after, reason=reason)
    return changed


def read(connection: Connection, ref: Ref) -> Revision:
    """A revision as it stands; raises `NotFound`."""
    row = connection.execute(_query(ref)).one_or_none()
    if row is None:
        raise NotFound("sheet", f"{ref.number}/{ref.revision}")
    return _revision(row)


def page(
    connection: Connection, status: Status | None, product: str | None, after: Ref | None, limit: int
) -> list[Revision]:
    """Revisions in the order of their numbers, behind one of them."""
    query = _every()
    if status is not None:
        query = query.where(SHEETS.c.status == status)
    if product is not None:
        query = query.where(DOCUMENTS.c.product == product)
    if after is not None:
        behind = (SHEETS.c.number == after.number) & (SHEETS.c.revision > after.revision)
        query = query.where((SHEETS.c.number > after.number) | behind)
    rows = connection.execute(query.order_by(SHEETS.c.number, SHEETS.c.revision).limit(limit))
    return [_revision(row) for row in rows]


def lock(work: Work, ref: Ref, expected: int | None) -> Revision:
    """A revision that nobody else changes until this work ends; raises `NotFound`, `Stale`."""
    _locked(work, ref.number)
    found = read(work.connection, ref)
    if expected is not None and found.version != expected:
        raise Stale(str(ref), found.version)
    return found


def case_of(connection: Connection, found: Revision) -> Case:
    """Where the approval of a revision stands, without its decisions; only for what was submitted."""
    row = connection.execute(_query(found.ref)).one()
    status = "open" if found.status == "submitted" else found.status
    workflow = templates.workflow_of(connection, row.workflow, row.workflow_version)
    return Case(
        workflow=workflow,
        author=found.author,
        former_authors=former_authors(connection, found.ref),
        round=row.round,
        status=status if status in {"open", *AGAIN, "rejected"} else "approved",
        at=[level.name for level in workflow.levels].index(row.level),
        opened_ms=row.opened_ms,
        escalated=bool(row.escalated),
    )


def write_case(work: Work, found: Revision, case: Case, **columns: Any) -> Revision:
    """Where the approval stands now."""
    workflow = {"workflow": case.workflow.name, "workflow_version": case.workflow.version}
    place = {
        "round": case.round,
        "level": case.level.name,
        "opened_ms": case.opened_ms,
        "escalated": int(case.escalated),
    }
    return _write(work, found, status=status_of(case), **workflow, **place, **columns)


def _add(work: Work, ref: Ref, template: str, version: int, values: Values) -> Revision:
    times = {"created_ms": work.now_ms, "changed_ms": work.now_ms}
    about = {"template": template, "template_version": version, "author": work.who.identity}
    fresh = {"status": "draft", "version": 1, "round": 0, "escalated": 0}
    row = {**ref._asdict(), **about, **fresh, **times}
    work.run(SHEETS.insert().values(body=canonical(values), **row))
    work.note("sheet_begun", str(ref), after={"template": template, "version": version, "values": dict(values)})
    return read(work.connection, ref)


def _write(work: Work, found: Revision, **columns: Any) -> Revision:
    of_row = SHEETS.c.number == found.ref.number, SHEETS.c.revision == found.ref.revision
    values = {**columns, "version": found.version + 1, "changed_ms": work.now_ms}
    work.run(update(SHEETS).where(*of_row).values(values))
    return read(work.connection, found.ref)


def _locked(work: Work, number: str) -> Row[Any]:
    return work.lock(select(DOCUMENTS).where(DOCUMENTS.c.number == number), "sheet", number)


def _every() -> Select[Any]:
    joined = SHEETS.join(DOCUMENTS, DOCUMENTS.c.number == SHEETS.c.number)
    return select(SHEETS, DOCUMENTS.c.product, DOCUMENTS.c.step).select_from(joined)


def _query(ref: Ref) -> Select[Any]:
    return _every().where(SHEETS.c.number == ref.number, SHEETS.c.revision == ref.revision)


def _revision(row: Row[Any]) -> Revision:
    return Revision(
        ref=Ref(row.number, row.revision),
        product=row.product,
        step=row.step,
        template=row.template,
        template_version=row.template_version,
        status=row.status,
        author=row.author,
        values=msgspec.json.decode(row.body),
        digest=row.digest,
        round=row.round,
        level=row.level if row.status == "submitted" else None,
        version=row.version,
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
    )
