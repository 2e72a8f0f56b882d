"""Sheets on their way through the store: drafts, submissions, decisions, what is in force, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from office import ROOT, TEMPLATE, approved, draft, open_office, right_values, say, submitted, who
from sql_stores import content
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DatabaseError

from connectors.files import sheet_library
from connectors.sql import approvals, force, sheets, templates, trail
from connectors.sql.approvals import Voice
from connectors.sql.schema.people import PEOPLE
from connectors.sql.schema.sheets import APPROVED_SHEETS, DECISIONS, SHEETS
from connectors.sql.schema.trail import OUTBOX
from connectors.sql.work import Store
from models.approval.workflow import Level, Workflow
from models.audit import verify
from models.refusal import Invalid, NotFound, Refused, Stale
from models.sheets.revision import Ref, Revision
from sipe.clock import ManualClock


@pytest.fixture(autouse=True)
def office(store: Store) -> None:
    open_office(store)


def in_force(store: Store) -> list[Ref]:
    with store.reading() as connection:
        query = select(APPROVED_SHEETS.c.number, APPROVED_SHEETS.c.revision).where(APPROVED_SHEETS.c.in_force == 1)
        return [Ref(row.number, row.revision) for row in connection.execute(query)]


def read(store: Store, ref: Ref) -> Revision:
    with store.reading() as connection:
        return sheets.read(connection, ref)


def refused(store: Store, reason: str, person: str, what: Any, *args: Any) -> None:
    """Refused for this reason, and nothing has changed."""
    before = content(store)
    with pytest.raises(Refused) as told:
        store.work(who(person), what, *args)
    assert told.value.reason == reason
    assert content(store) == before


def test_a_sheet_goes_level_by_level_and_is_in_force_then(store: Store) -> None:
    sheet = submitted(store)
    assert (sheet.status, sheet.round, sheet.level) == ("submitted", 1, "check")
    sheet = say(store, sheet.ref, "approve ana check")
    assert (sheet.status, sheet.level) == ("submitted", "release")
    assert in_force(store) == []
    sheet = say(store, sheet.ref, "approve caio release")
    assert (sheet.status, sheet.level) == ("approved", None)
    assert in_force(store) == [sheet.ref]
    with store.reading() as connection:
        signed = approvals.signed(connection, sheet.ref)
    assert [(one.decision.person, one.meaning, one.digest) for one in signed] == [
        ("ana", "checked against the drawing", sheet.digest),
        ("caio", "released for production", sheet.digest),
    ]


def test_a_newer_revision_makes_the_one_before_obsolete_when_it_is_approved_and_no_sooner(store: Store) -> None:
    first = approved(store)
    second = store.work(who("bia"), sheets.revise, "TS-1")
    assert (second.ref.revision, second.status, second.author, second.values) == (2, "draft", "bia", first.values)
    second = store.work(who("bia"), sheets.put_up, second.ref, second.version)
    say(store, second.ref, "approve ana check")
    assert in_force(store) == [first.ref]
    say(store, second.ref, "approve caio release")
    assert in_force(store) == [second.ref]
    assert read(store, first.ref).status == "obsolete"


def test_what_came_back_is_edited_and_goes_its_next_round_and_no_signature_of_the_last_one_counts(store: Store) -> None:
    sheet = submitted(store)
    say(store, sheet.ref, "approve ana check")
    sheet = say(store, sheet.ref, "return caio release")
    assert sheet.status == "returned"
    values = right_values() | {"room_temperature_c": 23.5}
    sheet = store.work(who("gil"), sheets.save, sheet.ref, values, sheet.version)
    sheet = store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version)
    assert (sheet.status, sheet.round, sheet.level) == ("submitted", 2, "check")
    say(store, sheet.ref, "approve ana check")
    assert say(store, sheet.ref, "approve caio release").status == "approved"
    with store.reading() as connection:
        signed = approvals.signed(connection, sheet.ref)
    assert [one.round for one in signed] == [1, 1, 2, 2]
    assert len({one.digest for one in signed}) == 2, "each round signs what it saw"


def test_a_sheet_with_problems_is_not_submitted_and_every_problem_is_named(store: Store) -> None:
    sheet = draft(store)
    values = {**right_values(), "nonsense": 1}
    sheet = store.work(who("gil"), sheets.save, sheet.ref, values, sheet.version)
    before = content(store)
    with pytest.raises(Invalid) as told:
        store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version)
    assert [(problem.path, problem.code) for problem in told.value.problems] == [("nonsense", "unknown")]
    assert content(store) == before


def test_what_is_not_allowed_changes_nothing(store: Store) -> None:
    sheet = submitted(store)
    ref, version, values = sheet.ref, sheet.version, right_values()
    refused(store, "not_editable", "gil", sheets.save, ref, values, version)
    refused(store, "stale", "ana", approvals.give, ref, Voice("approve", "check"), version - 1)
    refused(store, "other_level", "caio", approvals.give, ref, Voice("approve", "release"))
    refused(store, "not_an_approver", "caio", approvals.give, ref, Voice("approve", "check"))
    refused(store, "is_the_author", "gil", approvals.give, ref, Voice("approve", "check"))
    refused(store, "reason_missing", "ana", approvals.give, ref, Voice("reject", "check", " "))
    refused(store, "under_way", "gil", sheets.revise, "TS-1")
    refused(store, "not_approved", "gil", force.revoke, ref, version, "wrong")
    refused(store, "not_found", "gil", sheets.revise, "TS-9")
    refused(store, "exists", "gil", draft_again)
    fresh = draft(store, "TS-2")
    refused(store, "not_the_author", "ana", sheets.save, fresh.ref, values, fresh.version)
    refused(store, "not_open", "ana", approvals.give, fresh.ref, Voice("approve", "check"))


def draft_again(work: Any) -> None:
    sheets.begin(work, "TS-1", {}, template="calibration", product="MTR-100", step="calibration")


def test_one_person_decides_once_on_a_level_and_the_store_itself_says_so(store: Store) -> None:
    sheet = submitted(store)
    say(store, sheet.ref, "approve ana check")
    with store.reading() as connection:
        row = connection.execute(select(DECISIONS)).one()._asdict()
    for twin in ({"person": "ana", "counts_for": "bia"}, {"person": "bia", "counts_for": "ana"}):
        with pytest.raises(DatabaseError), store.transactions.writing() as held:
            held.execute(insert(DECISIONS).values(row | twin | {"id": 99}))


def test_the_store_refuses_to_change_what_was_submitted_or_decided(store: Store) -> None:
    sheet = approved(store)
    for statement in (
        update(SHEETS).values(body="{}"),
        update(DECISIONS).values(kind="reject"),
        delete(DECISIONS),
        delete(PEOPLE).where(PEOPLE.c.id == "ana"),
        insert(APPROVED_SHEETS).values(number="TS-1", revision=1, digest=sheet.digest, in_force=None, approved_ms=1),
    ):
        with pytest.raises(DatabaseError), store.transactions.writing() as held:
            held.execute(statement)


def test_a_level_that_nobody_decided_in_time_returns_the_sheet(store: Store, clock: ManualClock) -> None:
    engineers = frozenset({"engineer"})
    hurried = Level(name="check", meaning="seen", roles=engineers, time_limit_ms=1_000, on_time_limit="return")
    workflow = Workflow(name="two-levels", version=2, levels=(hurried,))
    newer = msgspec.structs.replace(sheet_library.template(TEMPLATE), version=2)
    store.work(ROOT, templates.add_workflow, workflow)
    store.work(ROOT, templates.add_template, newer, "two-levels", 2)
    sheet = submitted(store)
    assert store.work(ROOT, approvals.expire, sheet.ref) == sheet, "not yet"
    clock.advance(1_000)
    refused(store, "not_open", "ana", approvals.give, sheet.ref, Voice("approve", "check"))
    assert store.work(ROOT, approvals.expire, sheet.ref).status == "returned"


def test_everything_is_on_the_trail_and_told_in_the_same_transaction(store: Store) -> None:
    sheet = approved(store)
    store.work(who("caio"), force.revoke, sheet.ref, sheet.version, "wrong load point")
    with store.reading() as connection:
        head = trail.head(connection)
        lines = list(trail.export(connection))
        told = [row.key for row in connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))]
    assert len(lines) == head.seq
    assert list(verify(lines, {head.seq: head.seal})) == []
    assert told.count("sheet/TS-1/1") == 5, "submitted, decided twice, approved, revoked"
    assert b"wrong load point" in lines[-1]
    assert list(verify(lines[:-1], {head.seq: head.seal})), "a cut tail is seen"


def test_what_is_not_there_is_said(store: Store) -> None:
    with store.reading() as connection, pytest.raises(NotFound, match="there is no sheet TS-7/1"):
        sheets.read(connection, Ref("TS-7", 1))
    ref = draft(store).ref
    with pytest.raises(Stale, match="sheet/TS-1/1 has changed: it is at version 1 now"):
        store.work(who("gil"), sheets.save, ref, {}, 7)
