"""Whatever stations do with leases, in whatever order: no serial twice, no unit too many, none by a revoked sheet."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from office import open_office, who
from shop import ASSEMBLY, CALIBRATION, ready_shop
from sql_stores import START_MS, store_of
from sqlalchemy import func, select

from connectors.sql import force, lease_visits, leases, orders, sheets, trail, units
from connectors.sql.leases import Asked
from connectors.sql.schema.leases import LEASE_SERIALS, LEASE_VISITS
from connectors.sql.schema.production import UNIT_STEPS, UNITS
from connectors.sql.work import Store
from models.audit import Who, verify
from models.production.lease import Lease, Visit
from models.refusal import Refused
from models.sheets.revision import Ref
from sipe.clock import ManualClock

DEVICE = who("device-1")
PLANNED = 10
LASTS_MS = 600_000
SHEET = Ref("TS-1", 1)


def a_shop(store: Store) -> None:
    open_office(store)
    ready_shop(store)


@dataclass
class Leased:
    """What the model knows of a lease: its serials that were not used yet, and those that were."""

    lease: Lease
    unused: set[str]
    used: set[str] = field(default_factory=set)
    visits: int = 0
    closed: bool = False
    lost: bool = False
    """Closed by somebody else than its device, whose unused serials are void."""


@dataclass
class TinyModel:
    """An order of ten units: how many serials are given, which are built, and whether the sheet still counts."""

    begun: int = 0
    built: set[str] = field(default_factory=set)
    calibrated: dict[str, bool] = field(default_factory=dict)
    """By serial: whether its sheet was revoked when it was reported."""
    revoked: bool = False
    leases: list[Leased] = field(default_factory=list)

    @property
    def open(self) -> int:
        return sum(not one.closed for one in self.leases)


class LeaseMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.scope = ExitStack()
        self.clock = ManualClock(START_MS)
        self.store = self.scope.enter_context(store_of(a_shop, self.clock))
        self.model = TinyModel()

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            self.scope.close()

    def done(self, what: Any, *args: Any) -> Any:
        """What came of it, or the word of the refusal."""
        try:
            return self.store.work(DEVICE, what, *args)
        except Refused as refused:
            return refused.reason

    def of_station(self, station: str) -> list[Leased]:
        return [one for one in self.model.leases if one.lease.station == station]

    @rule(qty=st.integers(1, 4))
    def take_new_ones(self, qty: int) -> None:
        found = self.done(leases.take, ASSEMBLY, Asked("OP-1", None, qty, LASTS_MS))
        left = PLANNED - self.model.begun
        if sum(not one.closed for one in self.of_station(ASSEMBLY)) == leases.OPEN_MAX:
            assert found == "leases_open"
        elif not left:
            assert found == "over_quantity"
        else:
            assert len(found.serials) == min(qty, left)
            held = {serial for one in self.of_station(ASSEMBLY) if not one.closed or one.lost for serial in one.unused}
            assert not set(found.serials) & (held | self.model.built), "a serial was given twice"
            self.model.begun += len(found.serials)
            self.model.leases.append(Leased(found, set(found.serials)))

    @rule()
    def begin_online(self) -> None:
        found = self.done(units.begin, "OP-1")
        if self.model.begun == PLANNED:
            assert found == "over_quantity"
            return
        (unit,) = found
        held = {serial for one in self.of_station(ASSEMBLY) if not one.closed or one.lost for serial in one.unused}
        assert unit.serial not in held | self.model.built, "a serial was given twice"
        self.model.begun += 1
        self.model.built.add(unit.serial)
        self.store.work(DEVICE, units.enter, ASSEMBLY, unit.serial)
        self.store.work(DEVICE, units.succeed, ASSEMBLY, unit.serial)

    @precondition(lambda self: self.of_station(ASSEMBLY))
    @rule(data=st.data(), again=st.booleans(), late=st.booleans())
    def report_built(self, data: st.DataObject, again: bool, late: bool) -> None:
        one = data.draw(st.sampled_from(self.of_station(ASSEMBLY)))
        serial = data.draw(st.sampled_from(one.lease.serials))
        begun_ms = one.lease.expires_ms + 1 if late else one.lease.issued_ms + one.lease.serials.index(serial)
        self.clock.advance(max(0, begun_ms - self.clock.now_ms()))
        visit = Visit(serial=serial, entered_ms=begun_ms, left_ms=begun_ms, result="passed")
        for _ in range(1 + again):
            (found,) = self.store.work(DEVICE, lease_visits.report, ASSEMBLY, one.lease.id, [visit])
            if late:
                assert found.refusal == "lease_over"
            elif serial in one.used:
                assert found.outcome == "known"
            elif one.closed and not one.lost:
                assert found.refusal == "lease_closed"
            elif one.lost and self.model.begun == PLANNED:
                assert found.refusal == "over_quantity"
            else:
                assert found.outcome == "taken"
                self.model.begun += one.lost
                one.used.add(serial)
                one.unused.discard(serial)
                self.model.built.add(serial)

    @rule(qty=st.integers(1, 3))
    def take_for_calibration(self, qty: int) -> None:
        found = self.done(leases.take, CALIBRATION, Asked("OP-1", None, qty, LASTS_MS))
        if self.model.revoked:
            assert found == "no_setup"
        elif isinstance(found, Lease):
            self.model.leases.append(Leased(found, set()))
        else:
            assert found in {"leases_open", "no_units"}

    @precondition(lambda self: self.of_station(CALIBRATION))
    @rule(data=st.data(), late=st.booleans())
    def report_calibrated(self, data: st.DataObject, late: bool) -> None:
        one = data.draw(st.sampled_from(self.of_station(CALIBRATION)))
        serial = data.draw(st.sampled_from(one.lease.serials))
        one.visits += 1
        begun_ms = one.lease.expires_ms + one.visits if late else one.lease.issued_ms + one.visits
        self.clock.advance(max(0, begun_ms - self.clock.now_ms()))
        visit = Visit(serial=serial, entered_ms=begun_ms, left_ms=begun_ms, result="passed")
        (found,) = self.store.work(DEVICE, lease_visits.report, CALIBRATION, one.lease.id, [visit])
        may = serial in self.model.built and serial not in self.model.calibrated
        if late or not may or len(one.used | {serial}) > one.lease.qty:
            assert found.outcome == "refused", found
        else:
            assert found.outcome == ("held" if self.model.revoked else "taken"), found
            one.used.add(serial)
            self.model.calibrated[serial] = self.model.revoked

    @precondition(lambda self: self.model.leases)
    @rule(data=st.data(), person=st.sampled_from([DEVICE, DEVICE, who("sara")]))
    def close(self, data: st.DataObject, person: Who) -> None:
        """By its device, or by somebody who cannot know what it was used for."""
        one = data.draw(st.sampled_from(self.model.leases))
        found = self.store.work(person, leases.close, one.lease.station, one.lease.id, "because")
        lost = person is not DEVICE
        assert set(found.void if lost else found.given_back) == (set() if one.closed else one.unused)
        if not one.closed:
            self.model.begun -= len(one.unused)
            one.closed, one.lost = True, lost

    @rule(minutes=st.integers(1, 12))
    def wait(self, minutes: int) -> None:
        self.clock.advance(minutes * 60_000)

    @precondition(lambda self: not self.model.revoked)
    @rule()
    def revoke(self) -> None:
        with self.store.reading() as connection:
            version = sheets.read(connection, SHEET).version
            until_ms = leases.running_until(connection, SHEET, self.clock.now_ms())
        ends = [one.lease.expires_ms for one in self.of_station(CALIBRATION)]
        assert until_ms == max([end_ms for end_ms in ends if end_ms > self.clock.now_ms()], default=None)
        self.store.work(who("caio"), force.revoke, SHEET, version, "wrong point")
        self.model.revoked = True
        self.model.calibrated = dict.fromkeys(self.model.calibrated, True)

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            assert orders.read(connection, "OP-1").begun_qty == self.model.begun <= PLANNED
            serials = connection.execute(select(UNITS.c.serial)).scalars().all()
            assert set(serials) == self.model.built
            held = connection.execute(select(UNITS.c.serial).where(UNITS.c.status == "held")).scalars().all()
            assert set(held) == {serial for serial, revoked in self.model.calibrated.items() if revoked}
            out = select(func.count()).where(LEASE_SERIALS.c.state == "out")
            assert connection.execute(out).scalar_one() == sum(
                len(one.unused) for one in self.model.leases if not one.closed
            )
            ends = {one.lease.id: one.lease.expires_ms for one in self.model.leases}
            for row in connection.execute(select(LEASE_VISITS).where(LEASE_VISITS.c.outcome != "refused")):
                assert row.entered_ms < ends[row.lease]
            steps = select(func.count()).where(UNIT_STEPS.c.step == "calibration")
            assert connection.execute(steps).scalar_one() == len(self.model.calibrated)
            head, lines = trail.head(connection), trail.export(connection)
            assert list(verify(lines, {head.seq: head.seal})) == []


LeaseMachine.TestCase.settings = settings(
    stateful_step_count=25, max_examples=1_000 if os.environ.get("SIPE_PROVE") else 10
)
TestLeaseMachine = LeaseMachine.TestCase
