"""Leases in the store: serials are given once, ever, what was built is taken in once, and what is unused comes back."""

from __future__ import annotations

from typing import Any

import pytest
from at_once import AT_ONCE, together
from office import open_office, who
from shop import ASSEMBLY, CALIBRATION, PACKING, YEAR_MS, make, ready_shop
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from connectors.sql import force, lease_visits, leases, orders, passports, sheets, stations, stops, units, wip
from connectors.sql.lease_visits import Reported
from connectors.sql.leases import Asked
from connectors.sql.schema.leases import LEASE_SERIALS, LEASE_VISITS, LEASES
from connectors.sql.schema.production import UNITS
from connectors.sql.work import Store
from models.production.lease import Lease, Visit
from models.refusal import Refused
from models.sheets.revision import Ref
from sipe.clock import ManualClock

DEVICE = who("device-1")
HALF_HOUR_MS = 30 * 60_000


@pytest.fixture(autouse=True)
def shop(store: Store) -> None:
    open_office(store)
    ready_shop(store)


def take(store: Store, station: str = ASSEMBLY, qty: int = 3, lasts_ms: int = HALF_HOUR_MS) -> Lease:
    return store.work(DEVICE, leases.take, station, Asked("OP-1", None, qty, lasts_ms))


def visit(lease: Lease, serial: str, *, after_ms: int = 0, result: Any = "passed") -> Visit:
    reason = "scratched" if result == "failed" else ""
    begun_ms = lease.issued_ms + after_ms
    return Visit(serial=serial, entered_ms=begun_ms, left_ms=begun_ms + 10, result=result, reason=reason)


def report(store: Store, lease: Lease, *visits: Visit) -> list[str]:
    found = store.work(DEVICE, lease_visits.report, lease.station, lease.id, visits)
    return [one.refusal or one.outcome for one in found]


def close(store: Store, lease: Lease) -> list[str]:
    return store.work(DEVICE, leases.close, lease.station, lease.id).given_back


def counts(store: Store) -> tuple[int, int]:
    with store.reading() as connection:
        order = orders.read(connection, "OP-1")
    return order.begun_qty, order.good_qty


def refusal(store: Store, what: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(Refused) as refused:
        store.work(DEVICE, what, *args, **options)
    return refused.value.reason


def test_what_was_built_is_taken_in_once_and_the_rest_is_given_again(store: Store, clock: ManualClock) -> None:
    lease = take(store)
    assert (lease.serials, lease.begins, counts(store)) == (["WA000001", "WA000002", "WA000003"], True, (3, 0))
    assert refusal(store, units.enter, ASSEMBLY, "WA000001") == "foreign_serial"
    clock.advance(1_000)
    first, second = visit(lease, "WA000001"), visit(lease, "WA000002", after_ms=100, result="failed")
    assert report(store, lease, second, first) == ["taken", "taken"]
    assert report(store, lease, first, second) == ["known", "known"]
    foreign = visit(lease, "WA000009")
    again = visit(lease, "WA000001", result="failed")
    assert report(store, lease, foreign, again) == ["foreign_serial", "contradicts"]
    assert close(store, lease) == ["WA000003"]
    assert close(store, lease) == []
    assert counts(store) == (2, 0)
    assert report(store, lease, visit(lease, "WA000003")) == ["lease_closed"]
    with store.reading() as connection:
        assignment = stations.at_work(connection, ASSEMBLY, "OP-1", clock.now_ms())
        assert stations.allowance(assignment).next_serial == "WA000003"
        passport = passports.passport(connection, "WA000001")
        assert [(step.step, step.result, step.entered_ms) for step in passport.steps] == [
            ("assembly", "passed", first.entered_ms)
        ]
        assert units.read(connection, "WA000002").status == "rework"
        kept = connection.execute(select(LEASE_VISITS.c.refusal).where(LEASE_VISITS.c.outcome == "refused"))
        assert sorted(kept.scalars()) == ["contradicts", "foreign_serial", "lease_closed"]
    assert refusal(store, wip.adopt, "OP-1", "WA000003", "packing") == "serial_range"
    assert [unit.serial for unit in store.work(DEVICE, units.begin, "OP-1", 2)] == ["WA000003", "WA000004"]
    assert report(store, lease, visit(lease, "WA000003")) == ["lease_closed"]


def test_the_serials_of_a_lost_station_are_given_to_nobody(store: Store, clock: ManualClock) -> None:
    lease = take(store)
    clock.advance(1_000)
    report(store, lease, visit(lease, "WA000001"))
    sara = who("sara")
    with pytest.raises(Refused, match="takes a reason"):
        store.work(sara, leases.close, ASSEMBLY, lease.id)
    closed = store.work(sara, leases.close, ASSEMBLY, lease.id, "the gateway burnt")
    assert (closed.given_back, closed.void) == ([], ["WA000002", "WA000003"])
    assert counts(store) == (1, 0)
    assert [unit.serial for unit in store.work(DEVICE, units.begin, "OP-1", 2)] == ["WA000004", "WA000005"]
    assert refusal(store, wip.adopt, "OP-1", "WA000002", "packing") == "serial_range"
    assert report(store, lease, visit(lease, "WA000002", after_ms=100)) == ["taken"], "the meter turned up"
    assert counts(store) == (4, 0)
    store.work(DEVICE, units.begin, "OP-1", 6)
    assert report(store, lease, visit(lease, "WA000003", after_ms=200)) == ["over_quantity"]


def test_a_unit_goes_on_where_the_lease_left_it(store: Store, clock: ManualClock) -> None:
    lease = take(store, qty=1)
    clock.advance(1_000)
    assert report(store, lease, visit(lease, "WA000001")) == ["taken"]
    make(store, "WA000001", CALIBRATION, PACKING)
    assert counts(store) == (1, 1)


def test_a_lease_further_on_is_for_units_that_may_come(store: Store, clock: ManualClock) -> None:
    begun = take(store, qty=2)
    (waiting,) = store.work(DEVICE, units.begin, "OP-1")
    make(store, waiting.serial, ASSEMBLY)
    lease = take(store, CALIBRATION, qty=2)
    assert (lease.begins, lease.serials) == (False, ["WA000001", "WA000002", "WA000003"])
    clock.advance(1_000)
    early = visit(lease, "WA000001", after_ms=50)
    assert report(store, lease, early) == ["foreign_serial"]
    assert report(store, begun, visit(begun, "WA000001")) == ["taken"]
    assert report(store, lease, early, visit(lease, waiting.serial)) == ["taken", "taken"]
    third = visit(lease, "WA000002", after_ms=200)
    assert report(store, lease, third) == ["over_quantity"]


def test_a_revocation_waits_at_most_for_the_lease_and_holds_what_was_built_by_it(
    store: Store, clock: ManualClock
) -> None:
    serials = [unit.serial for unit in store.work(DEVICE, units.begin, "OP-1", 3)]
    for serial in serials:
        make(store, serial, ASSEMBLY)
    lease = take(store, CALIBRATION, qty=3)
    ref = Ref("TS-1", 1)
    with store.reading() as connection:
        assert leases.running_until(connection, ref, clock.now_ms()) == lease.expires_ms
        version = sheets.read(connection, ref).version
    store.work(who("caio"), force.revoke, ref, version, "wrong load point")
    assert refusal(store, leases.take, CALIBRATION, Asked("OP-1", None, 1, HALF_HOUR_MS)) == "no_setup"
    clock.advance(HALF_HOUR_MS + 1_000)
    late = visit(lease, serials[1], after_ms=HALF_HOUR_MS)
    told = store.work(DEVICE, lease_visits.report, CALIBRATION, lease.id, [visit(lease, serials[0]), late])
    assert [one.outcome for one in told] == ["held", "refused"]
    assert (told[0].detail, told[1].refusal) == (
        f"sheet/TS-1/1 was revoked while lease {lease.id} was out",
        "lease_over",
    )
    with store.reading() as connection:
        assert [units.read(connection, serial).status for serial in serials] == ["held", "waiting", "waiting"]
        assert leases.running_until(connection, ref, clock.now_ms()) is None


def test_a_lease_ends_with_the_first_calibration_it_needs(store: Store, clock: ManualClock) -> None:
    (unit,) = store.work(DEVICE, units.begin, "OP-1")
    clock.advance(YEAR_MS - 60_000)
    lease = take(store, CALIBRATION, qty=1)
    assert lease.expires_ms == clock.now_ms() + 60_000
    assert unit.serial in lease.serials


def test_leases_take_no_more_than_the_order_is_for_and_do_not_pile_up(store: Store) -> None:
    assert len(take(store, qty=500).serials) == 10
    assert refusal(store, leases.take, ASSEMBLY, Asked("OP-1", None, 1, HALF_HOUR_MS)) == "over_quantity"
    assert refusal(store, units.begin, "OP-1") == "over_quantity"
    for _ in range(3):
        take(store, PACKING, qty=1)
    take(store, PACKING, qty=1)
    assert refusal(store, leases.take, PACKING, Asked("OP-1", None, 1, HALF_HOUR_MS)) == "leases_open"
    assert refusal(store, lease_visits.report, PACKING, "0" * 32, []) == "not_found"


def test_what_is_quarantined_meanwhile_passes_nowhere_but_is_known(store: Store, clock: ManualClock) -> None:
    (unit,) = store.work(DEVICE, units.begin, "OP-1")
    lease = take(store, PACKING, qty=1)
    store.work(DEVICE, stops.stop, unit.serial, "quarantined", "looks odd")
    clock.advance(1_000)
    assert report(store, lease, visit(lease, unit.serial)) == ["quarantined"]


def test_the_store_itself_keeps_leases_as_they_were(store: Store, clock: ManualClock) -> None:
    lease = take(store)
    clock.advance(1_000)
    report(store, lease, visit(lease, "WA000001"))
    close(store, lease)
    for statement in (
        update(LEASES).values(closed_ms=None),
        delete(LEASES),
        delete(LEASE_SERIALS),
        update(LEASE_VISITS).values(outcome="refused"),
        delete(LEASE_VISITS),
    ):
        with pytest.raises(DatabaseError), store.transactions.writing() as held:
            held.execute(statement)


def test_leases_and_stations_that_take_serials_at_once_never_get_the_same(store: Store) -> None:
    taken: list[str] = []

    def one(number: int) -> str:
        if number % 2:
            taken.extend(unit.serial for unit in store.work(DEVICE, units.begin, "OP-1"))
        else:
            lease = store.work(DEVICE, leases.take, ASSEMBLY, Asked("OP-1", None, 1, HALF_HOUR_MS))
            taken.extend(lease.serials)
            if number % 4:
                store.work(DEVICE, leases.close, ASSEMBLY, lease.id)
                taken.remove(lease.serials[0])
        return "got"

    came = together(one)
    assert came["got"] + came["over_quantity"] + came["leases_open"] == AT_ONCE
    assert len(taken) == len(set(taken)) <= 10
    with store.reading() as connection:
        rows = connection.execute(select(UNITS.c.serial)).scalars().all()
        assert orders.read(connection, "OP-1").begun_qty == len(taken)
    assert set(rows) <= set(taken)


def test_a_report_that_is_sent_many_times_at_once_counts_once(store: Store, clock: ManualClock) -> None:
    lease = take(store)
    clock.advance(1_000)
    visits = [visit(lease, serial, after_ms=at * 20) for at, serial in enumerate(lease.serials)]

    def one(_: int) -> str:
        found: list[Reported] = store.work(DEVICE, lease_visits.report, ASSEMBLY, lease.id, visits)
        return ",".join(one.outcome for one in found)

    came = together(one)
    assert came == {"taken,taken,taken": 1, "known,known,known": AT_ONCE - 1}
    assert counts(store) == (3, 0)
