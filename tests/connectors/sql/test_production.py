"""Orders, units and setup sheets in the store: what is refused, what a revocation stops, and what is kept."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import msgspec
import pytest
from office import approved, open_office, say, who
from shop import (
    ASSEMBLY,
    CALIBRATION,
    LINE,
    PACKING,
    REPAIR,
    YEAR_MS,
    make,
    open_shop,
    ready_shop,
    released,
    set_up,
)
from sql_stores import content
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DatabaseError

from connectors.sql import force, orders, passports, products, setups, sheets, stations, stops, units, wip
from connectors.sql.schema.production import REFUSALS, SETUPS, UNIT_STEPS, UNITS
from connectors.sql.work import Store
from models.production.bom import bom_of
from models.production.contract import Contract
from models.production.order import Order
from models.production.serials import SerialRange
from models.refusal import Refused
from models.sheets.revision import Ref
from sipe.clock import ManualClock

ANA = who("ana")


@pytest.fixture(autouse=True)
def office(store: Store) -> None:
    open_office(store)


def refusal(store: Store, what: Any, *args: Any, **options: Any) -> str:
    """Why it is refused; nothing has changed."""
    before = content(store)
    with pytest.raises(Refused) as told:
        store.work(ANA, what, *args, **options)
    assert content(store) == before
    return told.value.reason


def begin(store: Store, count: int = 1, order: str = "OP-1") -> list[str]:
    return [unit.serial for unit in store.work(ANA, units.begin, order, count)]


def order_of(store: Store, number: str = "OP-1") -> Order:
    with store.reading() as connection:
        return orders.read(connection, number)


def status_of(store: Store, serial: str) -> str:
    with store.reading() as connection:
        return units.read(connection, serial).status


class TestUnits:
    def test_a_unit_goes_its_way_and_the_order_counts(self, store: Store) -> None:
        setup = ready_shop(store)
        assert begin(store, 2) == ["WA000001", "WA000002"]
        assert order_of(store).status == "released"
        make(store, "WA000001", ASSEMBLY, CALIBRATION, PACKING)
        order = order_of(store)
        assert (order.status, order.begun_qty, order.good_qty) == ("running", 2, 1)
        assert status_of(store, "WA000001") == "done"
        with store.reading() as connection:
            rows = connection.execute(select(UNIT_STEPS).order_by(UNIT_STEPS.c.id)).all()
        assert [(row.step, row.result, row.setup_digest) for row in rows] == [
            ("assembly", "passed", None),
            ("calibration", "passed", setup.digest),
            ("packing", "passed", None),
        ]

    def test_what_is_wrong_is_refused_and_changes_nothing(self, store: Store) -> None:
        setup = ready_shop(store)
        released(store, "OP-2", 1)
        serial, other = begin(store)[0], begin(store, 1, "OP-2")[0]
        assert refusal(store, units.enter, CALIBRATION, serial) == "skipped"
        assert refusal(store, units.enter, ASSEMBLY, "WA999999") == "foreign_serial"
        assert refusal(store, units.enter, ASSEMBLY, other, order="OP-1") == "foreign_serial"
        assert refusal(store, units.enter, ASSEMBLY, "wa000001") == "serial_text"
        assert refusal(store, units.succeed, ASSEMBLY, serial) == "not_in_work"
        assert refusal(store, units.begin, "OP-1", 10) == "over_quantity"
        assert refusal(store, units.begin, "OP-2", 1) == "over_quantity"
        make(store, other, ASSEMBLY)
        assert refusal(store, units.enter, CALIBRATION, other) == "no_setup"
        make(store, serial, ASSEMBLY)
        assert refusal(store, units.enter, CALIBRATION, serial, setup_digest="0" * 64) == "wrong_revision"
        store.work(ANA, orders.act, "OP-1", "hold", None, "no parts")
        assert refusal(store, units.enter, CALIBRATION, serial, setup_digest=setup.digest) == "order_not_released"

    def test_a_failure_goes_to_rework_and_a_quarantined_unit_passes_nowhere(self, store: Store) -> None:
        ready_shop(store)
        (serial,) = begin(store)
        store.work(ANA, units.enter, ASSEMBLY, serial)
        store.work(ANA, units.fail, ASSEMBLY, serial, "cracked")
        assert refusal(store, units.enter, ASSEMBLY, serial) == "failed"
        store.work(ANA, units.enter, REPAIR, serial)
        store.work(ANA, units.fail, REPAIR, serial, "beyond repair")
        assert status_of(store, serial) == "quarantined"
        assert refusal(store, units.enter, ASSEMBLY, serial) == "quarantined"
        assert refusal(store, stops.dispose, serial, "scrap", " ") == "reason_missing"
        store.work(ANA, stops.dispose, serial, "scrap", "beyond repair")
        assert refusal(store, units.enter, ASSEMBLY, serial) == "scrapped"
        assert order_of(store).scrap_qty == 1
        assert len(begin(store, 10)) == 10, "scrap is made again"

    def test_work_under_way_is_taken_over_and_its_serial_is_never_given(self, store: Store) -> None:
        ready_shop(store)
        begin(store)
        store.work(ANA, wip.adopt, "OP-1", "OLD-7", "calibration")
        store.work(ANA, units.enter, CALIBRATION, "OLD-7")
        assert refusal(store, wip.adopt, "OP-1", "OLD-7", "calibration") == "exists"
        assert refusal(store, wip.adopt, "OP-1", "WA000002", "packing") == "serial_range"
        assert refusal(store, wip.adopt, "OP-1", "OLD-8", "polish") == "no_such_step"
        assert order_of(store).begun_qty == 2

    def test_serial_ranges_do_not_overlap_and_end(self, store: Store) -> None:
        open_shop(store)
        twin = SerialRange(id="twin", prefix="WA", digits=6, first=999_999, last=999_999, next=999_999)
        assert refusal(store, products.add_range, twin) == "serial_range"
        short = SerialRange(id="wb", prefix="WB", digits=1, first=8, last=9, next=8)
        store.work(ANA, products.add_range, short)
        assert store.work(ANA, products.take_serials, "wb", 2) == ["WB8", "WB9"]
        assert refusal(store, products.take_serials, "wb", 1) == "serials_over"


class TestSetups:
    def test_a_setup_derives_from_a_sheet_in_force_only_and_the_store_itself_says_so(self, store: Store) -> None:
        open_shop(store)
        released(store)
        assert refusal(store, setups.derive, "OP-1", CALIBRATION, "calibration") == "no_sheet"
        sheet = approved(store)
        setup = set_up(store)
        assert (setup.sheet, setup.sheet_digest, setup.status) == (sheet.ref, sheet.digest, "ready")
        assert refusal(store, setups.derive, "OP-1", CALIBRATION, "calibration") == "exists"
        assert refusal(store, setups.derive, "OP-1", ASSEMBLY, "assembly") == "no_such_step"
        with store.reading() as connection:
            row = connection.execute(select(SETUPS)).one()._asdict() | {"id": 99, "is_current": None}
        for wrong in ({"sheet_digest": "0" * 64}, {"sheet_revision": 2}):
            with pytest.raises(DatabaseError), store.transactions.writing() as held:
                held.execute(insert(SETUPS).values(row | wrong))

    def test_a_line_waits_for_its_checklist(self, store: Store) -> None:
        approved(store)
        open_shop(store)
        released(store)
        setup = store.work(ANA, setups.derive, "OP-1", CALIBRATION, "calibration")
        (serial,) = begin(store)
        make(store, serial, ASSEMBLY)
        assert refusal(store, units.enter, CALIBRATION, serial) == "setup_open"
        standard = setup.items[0]
        assert refusal(store, setups.tick, setup.id, standard.id, "OTHER", valid_until_ms=YEAR_MS * 99) == "wrong_thing"
        assert refusal(store, setups.tick, setup.id, standard.id, standard.expected, expected=7) == "stale"

    def test_a_newer_sheet_makes_the_setup_obsolete_and_units_wait_for_a_new_one(self, store: Store) -> None:
        first = ready_shop(store)
        (serial,) = begin(store)
        make(store, serial, ASSEMBLY)
        newer(store)
        assert refusal(store, units.enter, CALIBRATION, serial) == "no_setup"
        second = set_up(store)
        assert second.digest != first.digest
        make(store, serial, CALIBRATION)

    def test_a_calibration_that_ends_stops_the_line(self, store: Store, clock: ManualClock) -> None:
        ready_shop(store)
        (serial,) = begin(store)
        make(store, serial, ASSEMBLY)
        clock.advance(YEAR_MS + 1)
        assert refusal(store, units.enter, CALIBRATION, serial) == "calibration_over"


def newer(store: Store) -> None:
    sheet = store.work(who("gil"), sheets.revise, "TS-1")
    values = {**sheet.values, "room_temperature_c": 24.5}
    sheet = store.work(who("gil"), sheets.save, sheet.ref, values, sheet.version)
    store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version)
    say(store, sheet.ref, "approve ana check")
    say(store, sheet.ref, "approve caio release")


class TestRevocation:
    def test_what_was_made_by_a_revoked_sheet_is_held_or_recalled_and_nothing_else_is(self, store: Store) -> None:
        ready_shop(store)
        untouched, waiting, in_work, done, scrapped = begin(store, 5)
        for serial in (waiting, in_work, done, scrapped):
            make(store, serial, ASSEMBLY)
        make(store, waiting, CALIBRATION)
        store.work(ANA, units.enter, CALIBRATION, in_work)
        make(store, done, CALIBRATION, PACKING)
        make(store, scrapped, CALIBRATION)
        store.work(ANA, stops.stop, scrapped, "quarantined", "fell down")
        store.work(ANA, stops.dispose, scrapped, "scrap", "broken")
        version = sheet_version(store)
        store.work(who("caio"), force.revoke, Ref("TS-1", 1), version, "wrong load point")
        found = {serial: status_of(store, serial) for serial in (untouched, waiting, in_work, done, scrapped)}
        assert list(found.values()) == ["waiting", "held", "held", "recalled", "scrapped"]
        assert order_of(store).good_qty == 0
        assert refusal(store, units.enter, PACKING, waiting) == "held"
        assert refusal(store, units.succeed, CALIBRATION, in_work) == "held"
        assert refusal(store, setups.derive, "OP-1", CALIBRATION, "calibration") == "no_sheet"
        store.work(ANA, stops.dispose, done, "use_as_is", "the point was within limits")
        assert order_of(store).good_qty == 1

    def test_a_revocation_between_two_moves_leaves_no_unit_made_by_it_unheld(self, store: Store) -> None:
        """Units enter at 8 stations' speed while the sheet is revoked: all that came in by it are held."""
        ready_shop(store)
        serials = begin(store, 10)
        for serial in serials:
            make(store, serial, ASSEMBLY)
        version, barrier = sheet_version(store), threading.Barrier(len(serials) + 1)
        came = Counter[str]()

        def come(serial: str) -> None:
            barrier.wait()
            try:
                store.work(ANA, units.enter, CALIBRATION, serial)
                came["in"] += 1
            except Refused as refused:
                came[refused.reason] += 1

        threads = [threading.Thread(target=come, args=(serial,)) for serial in serials]
        for thread in threads:
            thread.start()
        barrier.wait()
        store.work(who("caio"), force.revoke, Ref("TS-1", 1), version, "wrong")
        for thread in threads:
            thread.join()
        assert set(came) <= {"in", "no_setup"}
        with store.reading() as connection:
            query = (
                select(UNITS.c.status, func.count()).where(UNITS.c.at_step == "calibration").group_by(UNITS.c.status)
            )
            assert {row[0]: row[1] for row in connection.execute(query)} == ({"held": came["in"]} if came["in"] else {})


def sheet_version(store: Store) -> int:
    with store.reading() as connection:
        return sheets.read(connection, Ref("TS-1", 1)).version


class TestStations:
    def test_a_contract_says_what_the_sheet_in_force_says(self, store: Store, clock: ManualClock) -> None:
        setup = ready_shop(store)
        with store.reading() as connection:
            assignment = stations.at_work(connection, CALIBRATION, "OP-1", clock.now_ms())
            body = stations.contract_of(connection, assignment, CALIBRATION)
            left = stations.allowance(assignment)
        told = msgspec.json.decode(body, type=Contract)
        assert (told.setup_digest, told.step) == (setup.digest, "calibration")
        assert {one.id for one in told.tables} == {"load_points", "gain_registers"}
        assert (left.allowed_qty, left.next_serial) == (10, "WA000001")
        with store.reading() as connection:
            for station, order, reason in (
                (CALIBRATION, "OP-9", "not_found"),
                (f"{LINE}.nowhere", "OP-1", "wrong_station"),
            ):
                with pytest.raises(Refused) as refused:
                    stations.at_work(connection, station, order, clock.now_ms())
                assert refused.value.reason == reason

    def test_a_station_observes_then_warns_then_enforces_and_every_refusal_is_kept(self, store: Store) -> None:
        ready_shop(store)
        first, second, third = begin(store, 3)
        outcomes = []
        modes: list[tuple[stations.Mode, str]] = [("observe", first), ("warn", second)]
        for mode, serial in modes:
            store.work(ANA, stations.set_mode, CALIBRATION, mode)
            admission = store.work(ANA, stations.admit, CALIBRATION, serial)
            assert admission.refusal is not None
            assert admission.unit is not None
            assert (admission.refusal.reason, admission.unit.at_step) == ("skipped", "calibration")
            outcomes.append(admission.outcome)
        store.work(ANA, stations.set_mode, CALIBRATION, "enforce")
        admission = store.work(ANA, stations.admit, CALIBRATION, third)
        assert (admission.outcome, admission.unit) == ("refused", None)
        assert "has to pass assembly first" in str(admission.refusal)
        with store.reading() as connection:
            kept = [row.outcome for row in connection.execute(select(REFUSALS).order_by(REFUSALS.c.id))]
        assert kept == [*outcomes, "refused"] == ["observed", "warned", "refused"]

    def test_nothing_quarantined_passes_even_where_a_station_observes(self, store: Store) -> None:
        ready_shop(store)
        (serial,) = begin(store)
        store.work(ANA, stops.stop, serial, "quarantined", "looks odd")
        store.work(ANA, stations.set_mode, ASSEMBLY, "observe")
        assert store.work(ANA, stations.admit, ASSEMBLY, serial).outcome == "refused"
        limits = {"until_ms": YEAR_MS * 99, "uses_max": 1}
        assert refusal(store, stations.grant_bypass, ASSEMBLY, "quarantined", "hurry", **limits) == "no_bypass"

    def test_a_bypass_is_for_one_refusal_so_often_and_so_long(self, store: Store, clock: ManualClock) -> None:
        def come(station: str, serial: str) -> str:
            return store.work(ANA, stations.admit, station, serial).outcome

        ready_shop(store)
        serials = begin(store, 5)
        until_ms = clock.now_ms() + 1_000
        store.work(ANA, stations.grant_bypass, CALIBRATION, "skipped", "audit", until_ms=until_ms, uses_max=2)
        for serial in serials[:2]:
            assert come(CALIBRATION, serial) == "bypassed"
        assert come(CALIBRATION, serials[2]) == "refused"
        store.work(ANA, stations.grant_bypass, CALIBRATION, "skipped", "audit", until_ms=until_ms, uses_max=9)
        assert come(PACKING, serials[2]) == "refused"
        clock.advance(1_000)
        assert come(CALIBRATION, serials[2]) == "refused"


def test_serials_are_given_once_whoever_asks_at_the_same_time(store: Store) -> None:
    ready_shop(store)
    released(store, "OP-2", 100)
    taken: list[str] = []
    barrier = threading.Barrier(16)

    def take() -> None:
        barrier.wait()
        for _ in range(5):
            taken.extend(begin(store, 1, "OP-2"))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"WA{number:06d}" for number in range(1, 81)]
    assert order_of(store, "OP-2").begun_qty == 80


class TestPassports:
    def test_what_went_into_a_unit_is_found_forward_and_back(self, store: Store) -> None:
        ready_shop(store)
        board, meter, other = begin(store, 3)
        store.work(ANA, units.enter, ASSEMBLY, meter)
        store.work(ANA, units.enter, ASSEMBLY, board)
        lot = passports.Link(kind="material", child="R-10k", lot="L-77", position="R1")
        store.work(ANA, passports.link, ASSEMBLY, board, lot)
        store.work(ANA, passports.link, ASSEMBLY, meter, passports.Link(kind="unit", child=board))
        store.work(ANA, passports.link, ASSEMBLY, meter, passports.Link(kind="unit", child=board))
        with store.reading() as connection:
            found = passports.passport(connection, meter)
            assert found.contains == [passports.Link(kind="unit", child=board)]
            assert passports.passport(connection, board).contained_in == [meter]
            assert passports.holding(connection, lot="L-77") == [board, meter]
            assert passports.holding(connection, serial=meter, upwards=False) == [board]
        own = passports.Link(kind="unit", child=meter)
        assert refusal(store, passports.link, ASSEMBLY, meter, own) == "own_part"
        assert refusal(store, passports.link, ASSEMBLY, board, own) == "own_part"
        assert refusal(store, passports.link, ASSEMBLY, other, own) == "not_in_work"
        store.work(ANA, units.enter, ASSEMBLY, other)
        assert (
            refusal(store, passports.link, ASSEMBLY, other, passports.Link(kind="unit", child=board))
            == "part_elsewhere"
        )
        assert refusal(store, passports.link, ASSEMBLY, other, passports.Link(kind="unit", child="WA9")) == "not_found"

    def test_the_coverage_counts_what_should_be_known(self, store: Store) -> None:
        ready_shop(store)
        (serial,) = begin(store)
        with store.reading() as connection:
            assert passports.passport(connection, serial).coverage == 0.0
        traced = {"material": "relay", "qty": 1, "traced": True}
        store.work(ANA, products.add_bom, bom_of({"product": "MTR-100", "revision": 1, "components": [traced]}))
        store.work(ANA, stations.set_mode, CALIBRATION, "observe")
        store.work(ANA, stations.admit, CALIBRATION, serial)
        store.work(ANA, units.succeed, CALIBRATION, serial)
        with store.reading() as connection:
            found = passports.passport(connection, serial)
        assert found.missing == ["step assembly", "sheet of calibration", "origin of relay"]
        assert found.coverage == 1 / 4
