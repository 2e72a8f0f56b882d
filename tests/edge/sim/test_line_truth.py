"""No wrong meter is packed, and no right one is taken off, however many there are: their fates are known beforehand.

LINE_FIRST=1 LINE_BLOCKS=10 python -m pytest tests/edge/sim/test_line_truth.py -n 2
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import get_args

import pytest
from line_shop import ORDER, open_line_shop, revise
from sql_stores import START_MS, store_of
from sqlalchemy import select
from walked_line import TRAY, WalkedLine

from connectors.sql.schema.production import UNITS
from edge.sim.line.line import Outcome
from edge.sim.line.plan import STEPS, Wrong, plan
from sipe.clock import ManualClock

BLOCKS = int(os.environ.get("LINE_BLOCKS", "0"))
FIRST = int(os.environ.get("LINE_FIRST", "1"))
UNITS_A_BLOCK = 10_000 if BLOCKS else 2 * TRAY
SHARE = 0.01
WRONGS = get_args(Wrong)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(1, BLOCKS)))
def test_every_unit_ends_where_it_has_to(seed: int) -> None:
    wrongs = [*WRONGS, *Random(seed).choices(WRONGS, k=round(SHARE * UNITS_A_BLOCK))]
    clock = ManualClock(START_MS)
    with store_of(open_line_shop, clock) as store:
        old_digest = revise(store, "parameterization")
        outcomes = list(WalkedLine(store, clock, old_digest).walk(plan(UNITS_A_BLOCK, wrongs, seed)))
        with store.reading() as connection:
            query = select(UNITS.c.serial).where(UNITS.c.order_number == ORDER, UNITS.c.status == "done")
            done = set(connection.execute(query).scalars())
    assert [one for one in outcomes if one.planned.wrong and one.taken_off is None] == [], "these escaped"
    assert [one for one in outcomes if not one.is_right] == [], "these were stopped, wrongly or for another reason"
    packed = Counter(one.label for one in outcomes if one.taken_off is None)
    assert packed == Counter(done), "the office knows each packed unit, once, and no other"
    assert {one.planned.wrong for one in outcomes} == {None, *WRONGS}
    assert len(outcomes) == UNITS_A_BLOCK


def test_a_meter_that_ends_elsewhere_is_told_apart() -> None:
    first, second = plan(2, ["swapped-cover"], seed=1)
    assert Outcome(first, "1", "serial-output", "WRONG_SERIAL: ...").is_right
    assert not Outcome(second, "2", None, "").is_right
    assert not Outcome(first, "1", "serial-output", "SILENT: ...").is_right
    assert not Outcome(first, "1", STEPS[1], "WRONG_SERIAL: ...").is_right


def test_a_plan_is_its_seed_and_strikes_pairs() -> None:
    planned = plan(101, WRONGS, seed=3)
    assert planned == plan(101, WRONGS, seed=3) != plan(101, WRONGS, seed=4)
    struck = Counter(one.wrong for one in planned if one.wrong)
    assert struck == {wrong: 2 if wrong == "swapped-cover" else 1 for wrong in WRONGS}
    for one in planned:
        if one.wrong == "swapped-cover":
            assert planned[one.other or 0].other == one.number
        if one.wrong == "doubled-serial":
            assert one.other == one.number - 1
            assert planned[one.number - 1].wrong is None
