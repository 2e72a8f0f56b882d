"""Lots in the store: what is kept of each unit, how a lot is drawn from and judged, and what keeps it from leaving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from office import open_office, who
from shop import ASSEMBLY, CALIBRATION, PACKING, REPAIR, UNTIL_MS, make, ready_shop
from sql_stores import START_MS, SqlServers, content, store_of
from sqlalchemy import select
from yard import (
    BENCH,
    CUSTOMER,
    FULL,
    LOW,
    PLACE,
    STANDARD,
    a_lot,
    accepted,
    drawn,
    good_units,
    in_the_way,
    inspected,
    measured,
    open_yard,
    record,
    refusal,
    release_sheet,
    released,
    sealed,
)

from connectors.sql import (
    calibrations,
    certificates,
    force,
    lots,
    releases,
    samples,
    samplings,
    seals,
    stops,
    units,
    wip,
)
from connectors.sql.schema.production import UNIT_LINKS
from connectors.sql.schema.release import (
    CALIBRATIONS,
)
from connectors.sql.work import Store
from models.release.gate import NotReleased
from models.release.lot import Seal
from models.release.progress import Inspected
from models.sampling.draw import draw
from models.sheets.revision import Ref
from sipe.clock import ManualClock

CAIO, DAVI, ANA = who("caio"), who("davi"), who("ana")


def a_yard(store: Store) -> None:
    """A yard, open for business."""
    open_office(store)
    ready_shop(store)
    open_yard(store)


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.long)])
def store(request: pytest.FixtureRequest, sql_servers: SqlServers, clock: ManualClock) -> Iterator[Store]:
    if request.param == "sqlite":
        with store_of(a_yard, clock) as store:
            yield store
    else:
        with sql_servers.store(request.param, clock) as store:
            a_yard(store)
            yield store


class TestRecords:
    def test_what_a_bench_measured_is_kept_with_its_setup_sheet_good_or_not(self, store: Store) -> None:
        (serial,) = begun(store)
        measured(store, serial, record(serial, FULL), record(serial, LOW, -2.0))
        with store.reading() as connection:
            kept = calibrations.of_unit(connection, serial)
            setup = connection.execute(select(CALIBRATIONS.c.setup_digest).limit(1)).scalar_one()
        assert [(one.record.point, one.is_good) for one in kept] == [(FULL, True), (LOW, False)]
        assert {one.setup_digest for one in kept} == {setup}
        assert len(setup) == 64
        assert kept[0].record == record(serial, FULL)

    @pytest.mark.parametrize(
        ("reason", "changed"),
        [
            ("bench_unknown", {"bench": "B-9"}),
            ("other_standard", {"standard": "S-9"}),
            ("measured_when", {"at_ms": START_MS + 120_000}),
            ("measured_when", {"at_ms": START_MS - 120_000}),
        ],
    )
    def test_what_cannot_be_is_refused(self, store: Store, reason: str, changed: dict[str, Any]) -> None:
        (serial,) = begun(store)
        store.work(ANA, units.enter, CALIBRATION, serial)
        assert refusal(store, calibrations.add, CALIBRATION, [record(serial, **changed)]) == reason

    @pytest.mark.parametrize("ended", [BENCH, STANDARD])
    def test_an_expired_certificate_is_refused(self, store: Store, clock: ManualClock, ended: Any) -> None:
        (serial,) = begun(store)
        store.work(ANA, units.enter, CALIBRATION, serial)
        with store.reading() as connection:
            (found,) = certificates.page(connection, ended.kind, ended.equipment, 0, 10)
        store.work(DAVI, certificates.withdraw, found.id, 1, START_MS + 10, "drifted")
        clock.set(START_MS + 9)
        store.work(ANA, calibrations.add, CALIBRATION, [record(serial, at_ms=START_MS + 9)])
        clock.set(START_MS + 10)
        told = refusal(store, calibrations.add, CALIBRATION, [record(serial, at_ms=START_MS + 10)])
        assert told == f"{ended.kind}_not_valid"

    def test_only_of_a_unit_that_is_in_work_here_by_this_setup(self, store: Store) -> None:
        (serial,) = begun(store)
        assert refusal(store, calibrations.add, CALIBRATION, [record(serial)]) == "not_in_work"
        store.work(ANA, units.enter, CALIBRATION, serial)
        assert refusal(store, calibrations.add, PACKING, [record(serial)]) == "not_in_work"
        wrong = {"setup_digest": "0" * 64}
        assert refusal(store, calibrations.add, CALIBRATION, [record(serial)], **wrong) == "wrong_revision"
        store.work(CAIO, stops.stop, serial, "quarantined", "smoke")
        assert refusal(store, calibrations.add, CALIBRATION, [record(serial)]) == "quarantined"

    def test_a_certificate_is_added_once_and_ends_earlier_or_not_at_all(self, store: Store) -> None:
        assert refusal(store, certificates.add, BENCH) == "exists"
        backwards = msgspec.structs.replace(STANDARD, certificate="CS-78", valid_from_ms=UNTIL_MS)
        assert refusal(store, certificates.add, backwards) == "validity"
        without = msgspec.structs.replace(BENCH, certificate="CB-2", standard=None)
        assert refusal(store, certificates.add, without) == "standard_of_bench"
        assert refusal(store, certificates.withdraw, 1, 9, START_MS, "x") == "stale"
        assert refusal(store, certificates.withdraw, 1, 1, UNTIL_MS, "x") == "validity"
        assert refusal(store, certificates.withdraw, 1, 1, START_MS, " ") == "reason_missing"
        assert refusal(store, certificates.withdraw, 99, 1, START_MS, "x") == "not_found"

    def test_who_was_measured_with_a_standard_is_found_again(self, store: Store) -> None:
        first, second = begun(store, 2)
        measured(store, first)
        with store.reading() as connection:
            found = [
                calibrations.measured_with(
                    connection, bench=None, standard="S-1", since_ms=since_ms, after="", limit=10
                )
                for since_ms in (START_MS, START_MS + 1)
            ]
        assert found == [[first], []]
        assert second


class TestALot:
    def test_who_measured_it_does_not_release_it(self, store: Store) -> None:
        accepted(store, good_units(store, 2))
        assert refusal(store, releases.release, "L-1", None, by="ana") == "own_work"

    def test_what_is_wrong_with_one_unit_names_it_and_keeps_the_lot(self, store: Store) -> None:
        bare, far, good = begun(store, 3)
        measured(store, bare, record(bare, FULL))
        make(store, bare, PACKING)
        measured(store, far, record(far, FULL), record(far, LOW, 1.6))
        sealed(store, far)
        measured(store, good)
        sealed(store, good)
        accepted(store, [bare, far, good])
        expected = {bare: ["point_missing", "seal_missing"], far: ["error_out_of_limits"]}
        assert in_the_way(store) == expected
        before = content(store)
        with pytest.raises(NotReleased, match="3 things are in the way") as told:
            released(store)
        assert content(store) == before
        assert [(one.path, one.code) for one in told.value.problems] == [
            (f"units/{bare}", "point_missing"),
            (f"units/{bare}", "seal_missing"),
            (f"units/{far}", "error_out_of_limits"),
        ]
        assert [one.detail.split()[0] for one in told.value.problems] == [bare, "there", far]
        store.work(DAVI, lots.take_out, "L-1", None, [bare, far], "to be put right")
        assert released(store).status == "released"

    STOPS: tuple[tuple[str, str], ...] = (
        ("quarantined", "quarantined"),
        ("held", "quarantined"),
        ("recalled", "recalled"),
    )

    @pytest.mark.parametrize(("status", "code"), STOPS)
    def test_a_unit_that_was_stopped_keeps_the_lot_until_somebody_disposes(
        self, store: Store, status: Any, code: str
    ) -> None:
        serials = good_units(store, 2)
        accepted(store, serials)
        store.work(CAIO, stops.stop, serials[0], status, "smoke")
        assert in_the_way(store) == {serials[0]: [code]}
        store.work(CAIO, stops.dispose, serials[0], "use_as_is", "looked at it")
        assert in_the_way(store) == {}

    def test_a_revoked_sheet_recalls_its_units_and_keeps_the_lot(self, store: Store) -> None:
        serials = good_units(store, 2)
        accepted(store, serials)
        store.work(CAIO, force.revoke, Ref("TS-1", 1), None, "wrong load point")
        assert in_the_way(store) == {serial: ["recalled"] for serial in serials}
        for serial in serials:
            store.work(CAIO, stops.dispose, serial, "use_as_is", "measured by the right point all the same")
        assert released(store).status == "released"

    def test_without_a_release_sheet_in_force_nothing_leaves(self, store: Store) -> None:
        accepted(store, good_units(store, 2))
        store.work(CAIO, force.revoke, Ref("TS-R", 1), None, "customer asks for more")
        assert refusal(store, releases.release, "L-1", None, by="caio") == "no_sheet"
        release_sheet(store, "TS-R2", sealed_places=[{"sealed_place": "case, left"}, {"sealed_place": "top"}])
        assert set(in_the_way(store)) == {"WA000001", "WA000002"}, "the newer sheet counts, not the one of the draw"

    def test_a_part_that_was_recalled_keeps_what_it_went_into(self, store: Store) -> None:
        (meter,) = good_units(store, 1)
        board, chip = begun(store, 2)
        row = {"kind": "unit", "lot": "", "relation": "mounted", "position": "", "by": "ana", "at_ms": START_MS}
        with store.transactions.writing() as held:
            held.execute(UNIT_LINKS.insert().values(parent=meter, child=board, **row))
            held.execute(UNIT_LINKS.insert().values(parent=board, child=chip, **row))
        accepted(store, [meter])
        assert in_the_way(store) == {}
        store.work(CAIO, stops.stop, chip, "recalled", "its maker calls it back")
        assert in_the_way(store) == {meter: ["part_stopped"]}

    def test_a_unit_that_was_opened_is_measured_again(self, store: Store, clock: ManualClock) -> None:
        serials = good_units(store, 2)
        accepted(store, serials)
        clock.advance(5)
        store.work(DAVI, seals.replace, serials[0], PLACE, "A-9", "display exchanged", opened=True)
        store.work(DAVI, seals.replace, serials[1], PLACE, "A-10", "misprinted", opened=False)
        assert in_the_way(store) == {serials[0]: ["record_stale"] * 2}

    def test_a_unit_that_was_reworked_is_measured_again(self, store: Store, clock: ManualClock) -> None:
        serials = good_units(store, 2)
        store.work(CAIO, stops.stop, serials[0], "quarantined", "rattles")
        store.work(CAIO, stops.dispose, serials[0], "rework", "open it", "repair")
        clock.advance(5)
        make(store, serials[0], REPAIR, ASSEMBLY, CALIBRATION)
        store.work(ANA, units.enter, PACKING, serials[0])
        store.work(ANA, units.succeed, PACKING, serials[0])
        accepted(store, serials)
        assert in_the_way(store) == {serials[0]: ["record_stale"] * 2}

    def test_a_bench_whose_standard_had_drifted_keeps_what_it_measured(self, store: Store) -> None:
        serials = good_units(store, 2)
        accepted(store, serials)
        with store.reading() as connection:
            (found,) = certificates.page(connection, "standard", "S-1", 0, 10)
        store.work(DAVI, certificates.withdraw, found.id, None, START_MS, "drifted")
        assert in_the_way(store) == {serial: ["standard_not_valid"] * 2 for serial in serials}

    def test_a_step_that_was_left_out_keeps_the_lot_unless_it_is_used_as_it_is(self, store: Store) -> None:
        (serial,) = store.work(who("pia"), units.begin, "OP-1", 1)
        store.work(ANA, units.enter_by_force, PACKING, serial.serial)
        store.work(ANA, seals.put, PACKING, serial.serial, Seal(PLACE, "A-1"))
        store.work(ANA, units.succeed, PACKING, serial.serial)
        accepted(store, [serial.serial])
        left_out = ["routing_open", "routing_open"]
        assert in_the_way(store) == {serial.serial: ["point_missing", "point_missing", *left_out]}
        store.work(CAIO, stops.stop, serial.serial, "quarantined", "not assembled here")
        store.work(CAIO, stops.dispose, serial.serial, "use_as_is", "assembled by hand")
        assert in_the_way(store) == {serial.serial: ["point_missing", "point_missing"]}

    def test_a_unit_that_was_taken_over_needs_its_records_and_nothing_from_before(self, store: Store) -> None:
        store.work(who("pia"), wip.adopt, "OP-1", "X1", "calibration")
        measured(store, "X1")
        sealed(store, "X1")
        accepted(store, ["X1"])
        assert in_the_way(store) == {}


class TestJoining:
    def test_only_what_is_done_and_of_this_product_and_customer_joins_and_only_one_lot(self, store: Store) -> None:
        serials = good_units(store, 2)
        (open_one,) = begun(store)
        a_lot(store, serials[:1])
        assert refusal(store, lots.join, "L-1", None, [open_one]) == "waiting"
        store.work(DAVI, lots.add, "L-2", "MTR-100", CUSTOMER)
        assert refusal(store, lots.join, "L-2", None, serials) == "in_a_lot"
        store.work(DAVI, lots.add, "L-3", "MTR-100", "another")
        assert refusal(store, lots.join, "L-3", None, serials[1:]) == "foreign_serial"
        store.work(CAIO, stops.stop, serials[1], "quarantined", "smoke")
        assert refusal(store, lots.join, "L-2", None, serials[1:]) == "quarantined"
        assert refusal(store, lots.add, "L-1", "MTR-100", CUSTOMER) == "exists"
        assert refusal(store, lots.add, "L-9", "MTR-200", CUSTOMER) == "no_sheet"
        assert refusal(store, lots.join, "L-1", 1, []) == "stale"
        store.work(DAVI, lots.cancel, "L-1", None, "too small")
        store.work(DAVI, lots.join, "L-2", None, serials[:1])

    def test_a_lot_is_as_large_as_its_sheet_allows(self, store: Store) -> None:
        serials = good_units(store, 2)
        force_out = store.work(CAIO, force.revoke, Ref("TS-R", 1), None, "smaller lots")
        assert force_out.status == "revoked"
        release_sheet(store, "TS-R2", lot_units_max=1)
        a_lot(store, serials[:1])
        assert refusal(store, lots.join, "L-1", None, serials[1:]) == "lot_full"

    def test_from_the_draw_on_good_units_stay_and_none_joins(self, store: Store) -> None:
        serials = good_units(store, 3)
        a_lot(store, serials[:2])
        drawn(store)
        assert refusal(store, lots.join, "L-1", None, serials[2:]) == "lot_closed"
        assert refusal(store, lots.take_out, "L-1", None, serials[:1], "x") == "lot_closed"
        assert refusal(store, lots.cancel, "L-1", None, "x") == "lot_status"
        assert refusal(store, samples.draw, "L-1", None, "seed-2") == "lot_drawn"
        store.work(CAIO, stops.stop, serials[0], "quarantined", "smoke")
        store.work(DAVI, lots.take_out, "L-1", None, serials[:1], "it is quarantined")


class TestSampling:
    def test_the_draw_can_be_done_again_from_its_seed(self, store: Store) -> None:
        serials = good_units(store, 5)
        a_lot(store, serials)
        begun_round = drawn(store, seed="a3f0")
        assert begun_round.plan is not None
        again = draw(begun_round.presented, begun_round.plan.sample_size, samplings.random_of("a3f0"))
        assert begun_round.drawn == again
        assert begun_round.presented == frozenset(serials)

    def test_only_what_was_drawn_is_inspected_and_once(self, store: Store) -> None:
        serials = good_units(store, 2)
        a_lot(store, serials)
        assert refusal(store, samples.inspect, "L-1", None, [Inspected(serials[0], True)]) == "lot_not_drawn"
        last = drawn(store)
        assert refusal(store, samples.inspect, "L-1", None, [Inspected("WA000099", True)]) == "not_drawn"
        assert refusal(store, samples.inspect, "L-1", None, [Inspected(last.drawn[0], False)]) == "reason_missing"
        assert refusal(store, samples.conclude, "L-1", None, "accepted") == "inspection_open"
        store.work(DAVI, samples.inspect, "L-1", None, [Inspected(last.drawn[0], True)])
        assert refusal(store, samples.inspect, "L-1", None, [Inspected(last.drawn[0], False, "no")]) == "inspected"
        assert in_the_way(store) == {"": ["sample_missing"]}

    def test_lots_are_judged_one_after_the_other_and_rejected_ones_make_it_tightened(self, store: Store) -> None:
        serials = good_units(store, 3)
        for at, serial in enumerate(serials):
            a_lot(store, [serial], f"L-{at}")
        last = drawn(store, "L-0")
        assert refusal(store, samples.draw, "L-1", None, "seed") == "other_lot"
        for at in range(2):
            last = last if at == 0 else drawn(store, f"L-{at}")
            inspected(store, last, *last.drawn, lot=f"L-{at}")
            store.work(DAVI, samples.conclude, f"L-{at}", None, "rejected")
        assert drawn(store, "L-2").inspection == "tightened"
        with store.reading() as connection:
            assert samplings.read(connection, "MTR-100", CUSTOMER).switch.inspection == "tightened"
            assert samplings.read(connection, "MTR-100", "another").switch.inspection == "normal"
        assert refusal(store, samplings.resume, "MTR-100", CUSTOMER, "improved") == "not_discontinued"


def begun(store: Store, count: int = 1) -> list[str]:
    """Units that are assembled."""
    serials = [unit.serial for unit in store.work(who("pia"), units.begin, "OP-1", count)]
    for serial in serials:
        make(store, serial, ASSEMBLY)
    return serials
