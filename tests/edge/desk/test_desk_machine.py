"""Whatever is cut, lost or switched off, in whatever order: the office has each result once, and no other."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from desk_post import open_post
from fault_proxy import FaultProxy
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from office import open_office
from shop import ASSEMBLY, ready_shop, released
from sql_stores import START_MS, store_of
from sqlalchemy import select
from web import EXTRA, Web

from connectors.sql.schema.production import UNIT_STEPS, UNITS
from connectors.sql.work import Store
from edge.client.problems import ApiError
from edge.desk.desk import Unit
from edge.desk.refusal import NoStart
from sipe.clock import ManualClock

ORDER = "OP-9"
MINUTE_MS = 60_000


def a_shop(store: Store) -> None:
    open_office(store, extra=EXTRA)
    ready_shop(store)
    released(store, ORDER, 1_000)


class DeskMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.scope = ExitStack()
        directory = Path(self.scope.enter_context(TemporaryDirectory()))
        self.clock = ManualClock(START_MS)
        self.store = self.scope.enter_context(store_of(a_shop, self.clock))
        web = self.scope.enter_context(Web(self.store, self.clock, directory))
        self.line = self.scope.enter_context(FaultProxy("127.0.0.1", web.port))
        self.post = open_post(web, self.line, ASSEMBLY, directory / "post", self.clock)
        self.scope.callback(self.post.close)
        self.in_work: list[Unit] = []
        self.results: dict[str, str] = {}

    def teardown(self) -> None:
        if not hasattr(self, "scope"):
            return
        with self.scope:
            self.line.heal()
            self.post.restart()
            while self.post.desk.untold():
                self.post.desk.tell()
            self.agree()

    def agree(self) -> None:
        """The office knows every result once, and of no unit one that nobody said."""
        assert {visit.outcome for visit in self.post.journal.visits("told")} <= {"taken", "known"}
        with self.store.reading() as connection:
            of_order = select(UNITS.c.serial).where(UNITS.c.order_number == ORDER)
            steps = select(UNIT_STEPS.c.serial, UNIT_STEPS.c.result).where(UNIT_STEPS.c.serial.in_(of_order))
            rows = connection.execute(steps).all()
        assert len(rows) == len({row.serial for row in rows})
        assert {row.serial: row.result for row in rows if row.result} == self.results

    @rule(how=st.sampled_from(["heal", "heal", "refuse", "lose_answer"]))
    def the_line(self, how: str) -> None:
        getattr(self.line, how)()

    @rule()
    def the_power(self) -> None:
        self.post.restart()
        assert sorted(unit.serial for unit in self.post.desk.in_work()) == sorted(one.serial for one in self.in_work)

    @rule()
    def begin(self) -> None:
        with suppress(NoStart):
            unit = self.post.desk.begin(ORDER)
            assert unit.serial not in {one.serial for one in self.in_work} | self.results.keys()
            self.in_work.append(unit)

    @rule(data=st.data(), result=st.sampled_from(["passed", "failed"]))
    def finish(self, data: st.DataObject, result: Any) -> None:
        if self.in_work:
            unit = self.in_work.pop(data.draw(st.integers(0, len(self.in_work) - 1)))
            self.post.desk.finish(unit, result, "" if result == "passed" else "it is bent")
            self.results[unit.serial] = result

    @rule(data=st.data())
    def scan_again(self, data: st.DataObject) -> None:
        if self.results:
            with suppress(NoStart):
                again = self.post.desk.enter(ORDER, data.draw(st.sampled_from(sorted(self.results))))
                raise AssertionError(f"{again.serial} came to its end here, and was let in again")

    @rule()
    def tell(self) -> None:
        with suppress(ApiError):
            self.post.desk.tell()

    @rule(qty=st.integers(1, 3))
    def take_lease(self, qty: int) -> None:
        with suppress(ApiError):
            self.post.desk.leases.take(ORDER, qty)

    @rule()
    def close_leases(self) -> None:
        with suppress(ApiError):
            self.post.desk.leases.close()

    @rule(minutes=st.sampled_from([0.001, 1, 11, 31]))
    def wait(self, minutes: float) -> None:
        self.clock.advance(round(minutes * MINUTE_MS))

    @invariant()
    def the_desk_knows_what_is_in_work(self) -> None:
        if hasattr(self, "post"):
            assert len(self.post.desk.in_work()) == len(self.in_work)


DeskMachine.TestCase.settings = settings(
    stateful_step_count=30, max_examples=500 if os.environ.get("SIPE_PROVE") else 15, deadline=None
)
TestDeskMachine = DeskMachine.TestCase
