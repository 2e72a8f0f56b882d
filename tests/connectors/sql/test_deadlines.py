"""Time limits of approvals, and sheets whose authors are gone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from office import ROOT, TEMPLATE, draft, open_office, right_values, say, submitted, who
from sql_stores import START_MS, content
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from connectors.files import sheet_library
from connectors.sql import approvals, deadlines, people, sheets, templates, trail
from connectors.sql.schema.people import PEOPLE
from connectors.sql.schema.sheets import FORMER_AUTHORS
from connectors.sql.schema.trail import OUTBOX
from connectors.sql.work import Store
from models.approval.workflow import Level, OnTimeLimit, Workflow
from models.refusal import Refused
from models.sheets.revision import Ref
from sipe.clock import ManualClock

LIMIT_MS = 1_000_000


@pytest.fixture(autouse=True)
def office(store: Store) -> None:
    open_office(store)


def hurry(store: Store, policy: OnTimeLimit) -> Ref:
    """A submitted sheet whose first level has a time limit."""
    engineers = frozenset({"engineer"})
    hurried = Level(name="check", meaning="seen", roles=engineers, time_limit_ms=LIMIT_MS, on_time_limit=policy)
    store.work(ROOT, templates.add_workflow, Workflow(name="two-levels", version=2, levels=(hurried,)))
    newer = msgspec.structs.replace(sheet_library.template(TEMPLATE), version=2)
    store.work(ROOT, templates.add_template, newer, "two-levels", 2)
    return submitted(store).ref


def due(store: Store, clock: ManualClock) -> deadlines.Due:
    with store.reading() as connection:
        return deadlines.due(connection, clock.now_ms())


def told(store: Store, kind: str) -> list[dict[str, Any]]:
    with store.reading() as connection:
        bodies = [msgspec.json.decode(row.body) for row in connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))]
    return [body for body in bodies if body["kind"] == kind]


def gone(store: Store, person: str, *, active: bool = False) -> None:
    with store.reading() as connection:
        version = connection.execute(select(PEOPLE.c.version).where(PEOPLE.c.id == person)).scalar_one()
    store.work(ROOT, people.change, person, expected=version, active=active)


def refusal(store: Store, person: str, what: Any, *args: Any) -> str:
    before = content(store)
    with pytest.raises(Refused) as caught:
        store.work(who(person), what, *args)
    assert content(store) == before
    return caught.value.reason


def test_people_are_reminded_once_before_the_limit_and_then_it_is_over(store: Store, clock: ManualClock) -> None:
    ref = hurry(store, "return")
    clock.set(START_MS + LIMIT_MS * 3 // 4 - 1)
    assert due(store, clock) == ([], [])
    assert not store.work(ROOT, deadlines.remind, ref), "too early"
    clock.advance(1)
    assert due(store, clock) == ([ref], [])
    assert store.work(ROOT, deadlines.remind, ref)
    assert not store.work(ROOT, deadlines.remind, ref), "once"
    assert due(store, clock) == ([], [])
    (reminder,) = told(store, "approval_due")
    assert (reminder["on"], reminder["level"], reminder["due_ms"]) == (str(ref), "check", START_MS + LIMIT_MS)
    clock.set(START_MS + LIMIT_MS)
    assert due(store, clock) == ([], [ref])
    assert store.work(ROOT, approvals.expire, ref).status == "returned"
    assert due(store, clock) == ([], [])
    (expired,) = told(store, "approval_expired")
    assert (expired["on"], expired["status"]) == (str(ref), "returned")


def test_a_level_that_escalates_is_told_once_and_stays_open(store: Store, clock: ManualClock) -> None:
    ref = hurry(store, "escalate")
    clock.set(START_MS + LIMIT_MS)
    assert due(store, clock) == ([], [ref])
    for _ in range(2):
        assert store.work(ROOT, approvals.expire, ref).status == "submitted"
    assert due(store, clock) == ([], [])
    assert [body["escalated"] for body in told(store, "approval_expired")] == [True]
    assert say(store, ref, "approve ana check").status == "approved"


def test_a_draft_whose_author_is_gone_is_taken_over(store: Store) -> None:
    sheet = draft(store)
    assert refusal(store, "ana", sheets.take_over, sheet.ref, sheet.version, "gil is away") == "author_active"
    gone(store, "gil")
    assert refusal(store, "ana", sheets.take_over, sheet.ref, sheet.version, " ") == "reason_missing"
    assert refusal(store, "ana", sheets.take_over, sheet.ref, sheet.version + 1, "gil left") == "stale"
    taken = store.work(who("ana"), sheets.take_over, sheet.ref, sheet.version, "gil left")
    assert (taken.author, taken.status, taken.values) == ("ana", "draft", sheet.values)
    with store.reading() as connection:
        last = list(trail.export(connection))[-1]
    assert b"sheet_taken_over" in last
    assert b"gil left" in last
    put_up = store.work(who("ana"), sheets.put_up, taken.ref, taken.version)
    assert put_up.status == "submitted"
    assert refusal(store, "bia", sheets.take_over, put_up.ref, put_up.version, "mine") == "not_editable"


def test_who_wrote_on_a_sheet_before_does_not_approve_it_after_coming_back(store: Store) -> None:
    sheet = submitted(store)
    sheet = say(store, sheet.ref, "return ana check")
    gone(store, "gil")
    sheet = store.work(who("bia"), sheets.take_over, sheet.ref, sheet.version, "gil left")
    sheet = store.work(who("bia"), sheets.save, sheet.ref, right_values(), sheet.version)
    sheet = store.work(who("bia"), sheets.put_up, sheet.ref, sheet.version)
    gone(store, "gil", active=True)
    for author in ("gil", "bia"):
        assert refusal(store, author, approvals.give, sheet.ref, approvals.Voice("approve", "check")) == "is_the_author"
    with store.reading() as connection:
        assert approvals.who_may(connection, sheet) == ["ana", "davi"]


def test_who_wrote_on_a_sheet_stays_known(store: Store) -> None:
    sheet = draft(store)
    gone(store, "gil")
    store.work(who("ana"), sheets.take_over, sheet.ref, sheet.version, "gil left")
    for statement in (update(FORMER_AUTHORS).values(person="caio"), delete(FORMER_AUTHORS)):
        with pytest.raises(DatabaseError, match=r"stays known|command denied"), store.transactions.writing() as held:
            held.execute(statement)
