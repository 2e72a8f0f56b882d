"""Many connections at once want the same thing: one gets it, the others are told so, and nothing is lost."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial

import pytest
from at_once import AT_ONCE, together
from office import open_office, say, submitted, who
from sqlalchemy import func, select

from connectors.sql import approvals, trail
from connectors.sql.approvals import Voice
from connectors.sql.schema.sheets import APPROVED_SHEETS, DECISIONS, SHEETS
from connectors.sql.schema.trail import OUTBOX
from connectors.sql.work import Store
from models.audit import verify
from models.identity import Role
from models.sheets.revision import Revision

SHEETS_CONTESTED = 625 if os.environ.get("SIPE_PROVE") else 12
"""Times 16 connections: 10,000 contested decisions in a full proof."""
PEOPLE = [f"p{number}" for number in range(AT_ONCE)]
ENGINEERS = dict.fromkeys(PEOPLE, (Role("engineer"),))


def decide(store: Store, sheet: Revision, number: int) -> str:
    """Every other one says which version it decides about."""
    expected = sheet.version if number % 2 else None
    store.work(who(PEOPLE[number]), approvals.give, sheet.ref, Voice("approve", "check"), expected)
    return "moved"


@pytest.mark.timeout(60 + SHEETS_CONTESTED * 4)
def test_of_many_decisions_at_once_one_moves_the_sheet_and_no_update_is_lost(store: Store) -> None:
    open_office(store, extra=ENGINEERS)
    came = Counter[str]()
    for number in range(SHEETS_CONTESTED):
        sheet = submitted(store, f"TS-{number}")
        found = together(partial(decide, store, sheet))
        assert found["moved"] == 1
        assert found["stale"] + found["other_level"] == AT_ONCE - 1
        came += found
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one() == SHEETS_CONTESTED
        levels = connection.execute(select(SHEETS.c.level, SHEETS.c.version, SHEETS.c.status)).all()
        told = connection.execute(select(func.count()).where(OUTBOX.c.body.like('%"kind":"sheet_decided"%')))
        assert told.scalar_one() == SHEETS_CONTESTED
        head, lines = trail.head(connection), list(trail.export(connection))
    assert {tuple(row) for row in levels} == {("release", 3, "submitted")}
    assert list(verify(lines, {head.seq: head.seal})) == []
    assert sum(came.values()) == SHEETS_CONTESTED * AT_ONCE


def test_sheets_of_their_own_do_not_stand_in_each_others_way(store: Store) -> None:
    open_office(store, extra=ENGINEERS)
    refs = [submitted(store, f"TS-{number}").ref for number in range(AT_ONCE)]
    for ref in refs:
        say(store, ref, "approve ana check")
    came = together(lambda number: say(store, refs[number], "approve caio release").status)
    assert came == {"approved": AT_ONCE}
    with store.reading() as connection:
        in_force = connection.execute(select(func.count()).where(APPROVED_SHEETS.c.in_force == 1)).scalar_one()
    assert in_force == AT_ONCE


def test_the_trail_keeps_its_order_when_many_add_to_it(store: Store) -> None:
    open_office(store)
    with store.reading() as connection:
        before = trail.head(connection).seq

    def note_ten(number: int) -> str:
        for _ in range(10):
            store.work(who("gil"), lambda work: work.note("looked", f"at/{number}"))
        return "noted"

    together(note_ten)
    with store.reading() as connection:
        head, lines = trail.head(connection), list(trail.export(connection))
    assert head.seq == before + 10 * AT_ONCE
    assert list(verify(lines, {head.seq: head.seal})) == []
