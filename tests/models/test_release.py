"""The release gate: a lot that may leave, and what is taken from it or put wrong, one by one and together."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.release.delivery import Column, NotDelivered, delivery_lines, digest
from models.release.gate import Verdict, gate, newest_records
from models.release.lot import (
    Bench,
    Demand,
    LoadPoint,
    Lot,
    Record,
    References,
    Sample,
    Seal,
    Sheet,
    SheetRefused,
    Standard,
    Unit,
)
from models.sampling.plans import Refused, plan
from models.sampling.switching import Inspection

FULL, LOW = LoadPoint(220, 100), LoadPoint(220, 5, "Ib", 0.5, "L")
SHEET = Sheet(demands=(Demand(FULL, -0.5, 0.5), Demand(LOW, -1.0, 1.0)), seals=("left", "right"), level="II", aql=1.0)
SERIALS = tuple(f"M{number:03}" for number in range(20))
FROM_MS, UNTIL_MS = 1_000, 2_000
AT_MS = 1_500


class Known(NamedTuple):
    """Everything that the gate is told."""

    lot: Lot
    records: tuple[Record, ...]
    references: References
    sheet: Sheet = SHEET
    inspection: Inspection = "normal"
    seals_elsewhere: tuple[str, ...] = ()

    def verdict(self) -> Verdict:
        return gate(
            self.lot,
            self.sheet,
            self.records,
            self.references,
            inspection=self.inspection,
            seals_elsewhere=self.seals_elsewhere,
        )

    def with_unit(self, serial: str, **changed: Any) -> Known:
        units = tuple(one._replace(**changed) if one.serial == serial else one for one in self.lot.units)
        return self._replace(lot=self.lot._replace(units=units))

    def with_record(self, serial: str, at: LoadPoint, **changed: Any) -> Known:
        records = tuple(
            one._replace(**changed) if (one.serial, one.point) == (serial, at) else one for one in self.records
        )
        return self._replace(records=records)

    def with_sample(self, **changed: frozenset[str]) -> Known:
        assert self.lot.sample is not None
        return self._replace(lot=self.lot._replace(sample=self.lot.sample._replace(**changed)))


def seals(serial: str) -> tuple[Seal, ...]:
    return tuple(Seal(place, f"{serial}-{place}") for place in SHEET.seals)


GOOD = Known(
    lot=Lot(
        "L1",
        tuple(Unit(serial, seals(serial)) for serial in SERIALS),
        Sample(frozenset(SERIALS), frozenset(SERIALS[:13]), frozenset()),
    ),
    records=tuple(
        Record(serial, point, 0.1, low_pct, high_pct, "B1", position, "S1", AT_MS)
        for position, serial in enumerate(SERIALS, start=1)
        for point, low_pct, high_pct in SHEET.demands
    ),
    references=References((Bench("B1", "S1", FROM_MS, UNTIL_MS),), (Standard("S1", FROM_MS, UNTIL_MS, "C-77"),)),
)
ONE = "M004"


def codes(verdict: Verdict) -> dict[str, list[str]]:
    """The reasons by serial, those of the lot under no serial."""
    reasons = ({"": verdict.lot} if verdict.lot else {}) | verdict.units
    return {serial: [reason.code for reason in found] for serial, found in reasons.items()}


def without_records(known: Known, serial: str, point: LoadPoint) -> Known:
    return known._replace(records=tuple(one for one in known.records if (one.serial, one.point) != (serial, point)))


def all_of(*reasons: str) -> dict[str, list[str]]:
    return {serial: list(reasons) for serial in SERIALS}


BENCH, STANDARD = GOOD.references.benches[0], GOOD.references.standards[0]
TAKEN: dict[str, tuple[Callable[[Known], Known], dict[str, list[str]]]] = {
    "a record": (lambda known: without_records(known, ONE, LOW), {ONE: ["point_missing"]}),
    "a seal": (lambda known: known.with_unit(ONE, seals=seals(ONE)[:1]), {ONE: ["seal_missing"]}),
    "the number of a seal": (
        lambda known: known.with_unit(ONE, seals=(*seals(ONE)[:1], Seal("right", " "))),
        {ONE: ["seal_missing"]},
    ),
    "an inspected unit": (lambda known: known.with_sample(inspected=frozenset(SERIALS[:12])), {"": ["sample_short"]}),
    "the sample": (lambda known: known._replace(lot=known.lot._replace(sample=None)), {"": ["sample_missing"]}),
    "what was presented": (
        lambda known: known.with_sample(presented=frozenset(), inspected=frozenset()),
        {"": ["sample_missing"]},
    ),
    "the units": (lambda known: known._replace(lot=known.lot._replace(units=())), {"": ["lot_empty"]}),
    "a presented unit": (
        lambda known: known.with_sample(presented=frozenset(SERIALS[:-1])),
        {SERIALS[-1]: ["not_presented"]},
    ),
    "the bench": (
        lambda known: known._replace(references=known.references._replace(benches=())),
        all_of("bench_unknown", "bench_unknown"),
    ),
    "the standard": (
        lambda known: known._replace(references=known.references._replace(standards=())),
        all_of("standard_unknown", "standard_unknown"),
    ),
}
WRONG: dict[str, tuple[Callable[[Known], Known], dict[str, list[str]]]] = {
    "an error": (lambda known: known.with_record(ONE, FULL, error_pct=0.501), {ONE: ["error_out_of_limits"]}),
    "an error below": (lambda known: known.with_record(ONE, FULL, error_pct=-0.501), {ONE: ["error_out_of_limits"]}),
    "no number": (lambda known: known.with_record(ONE, FULL, error_pct=math.nan), {ONE: ["error_out_of_limits"]}),
    "other limits": (lambda known: known.with_record(ONE, FULL, high_pct=1.0), {ONE: ["other_limits"]}),
    "other voltage": (
        lambda known: known.with_record(ONE, FULL, point=FULL._replace(voltage_v=127)),
        {ONE: ["point_missing"]},
    ),
    "opened": (lambda known: known.with_unit(ONE, opened_ms=AT_MS), {ONE: ["record_stale", "record_stale"]}),
    "another bench": (lambda known: known.with_record(ONE, FULL, bench="B9"), {ONE: ["bench_unknown"]}),
    "another standard": (
        lambda known: known._replace(
            references=References((BENCH,), (STANDARD, STANDARD._replace(id="S2")))
        ).with_record(ONE, FULL, standard="S2"),
        {ONE: ["other_standard"]},
    ),
    "a routing": (lambda known: known.with_unit(ONE, steps_open=("burn-in",)), {ONE: ["routing_open"]}),
    "too many found": (
        lambda known: known.with_sample(nonconforming=frozenset([ONE])),
        {"": ["lot_rejected"], ONE: ["nonconforming"]},
    ),
    "found in none of the sample": (
        lambda known: known._replace(sheet=loose(10.0)).with_sample(nonconforming=frozenset(["M019"])),
        {"": ["sample_foreign"], "M019": ["nonconforming"]},
    ),
    "inspected elsewhere": (
        lambda known: known.with_sample(inspected=frozenset([*SERIALS[:13], "X"])),
        {"": ["sample_foreign"]},
    ),
    "discontinued": (lambda known: known._replace(inspection="discontinued"), {"": ["sampling_discontinued"]}),
    "tightened": (lambda known: known._replace(inspection="tightened"), {"": ["sample_short"]}),
    "a seal elsewhere": (lambda known: known._replace(seals_elsewhere=("M004-left ",)), {ONE: ["seal_doubled"]}),
    "a seal on two": (
        lambda known: known.with_unit(ONE, seals=(*seals(ONE)[:1], Seal("right", "M005-left"))),
        {ONE: ["seal_doubled"], "M005": ["seal_doubled"]},
    ),
    "a seal in two places": (
        lambda known: known.with_unit(ONE, seals=(Seal("left", "1"), Seal("right", "1"))),
        {ONE: ["seal_doubled", "seal_doubled"]},
    ),
    "a unit twice": (
        lambda known: known._replace(lot=known.lot._replace(units=(*known.lot.units, known.lot.units[4]))),
        {"": ["serial_doubled"]},
    ),
} | {
    status: (lambda known, status=status: known.with_unit(ONE, status=status), {ONE: [status]})
    for status in ("quarantined", "scrapped", "recalled")
}


def loose(aql: float) -> Sheet:
    return replace(SHEET, aql=aql)


class TestTheGate:
    def test_a_lot_with_everything_leaves(self) -> None:
        assert GOOD.verdict() == Verdict((), {})
        assert GOOD.verdict().released

    @pytest.mark.parametrize("taken", TAKEN)
    def test_what_is_taken_away_is_the_reason_and_nothing_else(self, taken: str) -> None:
        take, reasons = TAKEN[taken]
        verdict = take(GOOD).verdict()
        assert codes(verdict) == reasons
        assert not verdict.released

    @pytest.mark.parametrize("wrong", WRONG)
    def test_what_is_wrong_is_the_reason_and_nothing_else(self, wrong: str) -> None:
        spoil, reasons = WRONG[wrong]
        verdict = spoil(GOOD).verdict()
        assert codes(verdict) == reasons
        assert not verdict.released

    @given(serial=st.sampled_from(SERIALS), demand=st.sampled_from(SHEET.demands), place=st.sampled_from(SHEET.seals))
    def test_whichever_record_or_seal_is_missing(self, serial: str, demand: Demand, place: str) -> None:
        left = tuple(seal for seal in seals(serial) if seal.place != place)
        known = without_records(GOOD, serial, demand.point).with_unit(serial, seals=left)
        found = known.verdict()
        assert codes(found) == {serial: ["point_missing", "seal_missing"]}
        assert demand.point.name in found.units[serial][0].detail
        assert place in found.units[serial][1].detail

    @given(
        spoilt=st.sets(st.sampled_from(["an error", "another bench", "a routing", "recalled", "discontinued"])),
        seed=st.integers(),
    )
    def test_every_reason_is_told_in_whatever_order_things_are_known(self, spoilt: set[str], seed: int) -> None:
        known, expected = GOOD, dict[str, list[str]]()
        for one in sorted(spoilt):
            spoil, reasons = WRONG[one]
            known = spoil(known)
            for serial, words in reasons.items():
                expected[serial] = sorted([*expected.get(serial, []), *words])
        random = Random(seed)
        shuffled = known._replace(
            lot=known.lot._replace(units=tuple(random.sample(known.lot.units, len(known.lot.units)))),
            records=tuple(random.sample(known.records, len(known.records))),
        )
        assert codes(known.verdict()) == expected
        assert shuffled.verdict() == known.verdict()

    def test_reasons_of_the_lot_are_told_in_one_order(self) -> None:
        units = (*GOOD.lot.units, *GOOD.lot.units[:3])
        verdicts = [
            GOOD._replace(lot=GOOD.lot._replace(units=some)).verdict() for some in (units, tuple(reversed(units)))
        ]
        assert verdicts[0] == verdicts[1]
        assert codes(verdicts[0]) == {"": ["serial_doubled"] * 3}

    @pytest.mark.parametrize("at_ms", [FROM_MS - 1, FROM_MS, UNTIL_MS - 1, UNTIL_MS])
    def test_bench_and_standard_are_valid_from_an_instant_until_before_another(self, at_ms: int) -> None:
        always = (0, 10_000)
        known = GOOD.with_record(ONE, FULL, at_ms=at_ms)
        bench, standard = Bench("B1", "S1", *always), Standard("S1", *always, "C-77")
        in_time = FROM_MS <= at_ms < UNTIL_MS
        only_bench = known._replace(references=References((BENCH,), (standard,)))
        only_standard = known._replace(references=References((bench,), (STANDARD,)))
        assert codes(only_bench.verdict()) == ({} if in_time else {ONE: ["bench_not_valid"]})
        assert codes(only_standard.verdict()) == ({} if in_time else {ONE: ["standard_not_valid"]})

    def test_the_period_in_which_it_was_measured_counts_not_any_other(self) -> None:
        later = References(
            (BENCH, Bench("B1", "S2", UNTIL_MS, 3_000)), (STANDARD, Standard("S2", UNTIL_MS, 3_000, "C-78"))
        )
        assert GOOD._replace(references=later).verdict().released
        moved = GOOD._replace(references=later).with_record(ONE, FULL, at_ms=UNTIL_MS)
        assert codes(moved.verdict()) == {ONE: ["other_standard", "standard_not_valid"]}
        assert moved.with_record(ONE, FULL, standard="S2").verdict().released

    @pytest.mark.parametrize(("older_ms", "leaves"), [(-1, True), (0, False), (1, False)])
    def test_the_newest_record_counts(self, older_ms: int, leaves: bool) -> None:
        bad = Record(ONE, FULL, 2.0, -0.5, 0.5, "B1", 5, "S1", AT_MS + older_ms)
        for records in ((*GOOD.records, bad), (bad, *GOOD.records)):
            assert GOOD._replace(records=records).verdict().released == leaves

    def test_measured_again_after_it_was_opened(self) -> None:
        known = GOOD.with_unit(ONE, opened_ms=AT_MS)
        again = tuple(one._replace(at_ms=AT_MS + 1) for one in GOOD.records if one.serial == ONE)
        assert known._replace(records=(*GOOD.records, *again)).verdict().released
        assert codes(known._replace(records=(*GOOD.records, again[0])).verdict()) == {ONE: ["record_stale"]}

    def test_limits_belong_to_the_error_that_may_be(self) -> None:
        for error_pct in (-0.5, 0.5):
            assert GOOD.with_record(ONE, FULL, error_pct=error_pct).verdict().released

    def test_records_that_nobody_asked_for_are_not_in_the_way(self) -> None:
        strangers = (
            Record("X", FULL, 9.0, -0.5, 0.5, "B9", 1, "S9", 1),
            Record(ONE, LoadPoint(220, 400), 9.0, -0.5, 0.5, "B9", 1, "S9", 1),
        )
        assert GOOD._replace(records=(*GOOD.records, *strangers)).verdict().released

    @pytest.mark.parametrize(("found", "leaves"), [(1, True), (2, False)])
    def test_the_sample_decides_and_its_nonconforming_units_stay_behind(self, found: int, leaves: bool) -> None:
        bad = frozenset(SERIALS[:found])
        lot = plan(len(SERIALS), SHEET.level, 6.5, "normal")
        assert (lot.sample_size, lot.accept) == (8, 1)
        known = GOOD._replace(sheet=loose(6.5)).with_sample(nonconforming=bad)
        left = tuple(unit for unit in known.lot.units if unit.serial not in bad)
        verdict = known._replace(lot=known.lot._replace(units=left)).verdict()
        assert codes(verdict) == ({} if leaves else {"": ["lot_rejected"]})
        assert known.verdict().units.keys() == bad

    def test_a_reduced_sample_is_enough_under_reduced_inspection(self) -> None:
        known = GOOD.with_sample(inspected=frozenset(SERIALS[:5]))
        assert codes(known.verdict()) == {"": ["sample_short"]}
        assert known._replace(inspection="reduced").verdict().released


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("no_point", {"demands": ()}),
        ("point_doubled", {"demands": (*SHEET.demands, Demand(FULL, -1, 1))}),
        ("limits", {"demands": (Demand(FULL, 0.5, -0.5),)}),
        ("limits", {"demands": (Demand(FULL, math.nan, 1),)}),
        ("place_doubled", {"seals": ("left", "left")}),
        ("aql", {"aql": 0.5}),
        ("level", {"level": "IV"}),
    ],
)
def test_a_sheet_that_nobody_can_meet_or_that_demands_nothing_is_refused(reason: str, changed: dict[str, Any]) -> None:
    refusals: tuple[type[SheetRefused | Refused], ...] = (SheetRefused, Refused)
    with pytest.raises(refusals) as refused:
        replace(SHEET, **changed)
    assert refused.value.reason == reason


def test_load_points_have_the_names_that_people_give_them() -> None:
    assert (FULL.name, LOW.name) == ("100%Ib PF1 220V", "5%Ib PF0.5L 220V")


COLUMNS = (
    Column("Lot", "lot"),
    Column("Serial", "serial"),
    Column("Left seal", "seal", place="left"),
    Column("Error, %", "error_pct", FULL, decimals=2),
    Column("Bench", "bench", FULL),
    Column("Position", "position", FULL),
    Column("Standard", "standard", FULL),
    Column("Certificate", "certificate", FULL),
    Column("Measured", "measured_at", FULL),
)


def rows(text: str) -> list[list[str]]:
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


class TestTheDelivery:
    def test_a_line_for_each_unit_and_what_it_says(self) -> None:
        known = GOOD.with_record("M000", FULL, error_pct=-0.126, at_ms=1_772_366_400_999)
        known = known._replace(
            references=References((), (Standard("S1", 0, 2 * 10**12, "C-78"), Standard("S1", -9, 0, "C-1")))
        )
        text = delivery_lines(known.lot, COLUMNS, known.records, known.references)
        head, first = text.split("\r\n")[:2]
        assert head == 'Lot,Serial,Left seal,"Error, %",Bench,Position,Standard,Certificate,Measured'
        assert first == "L1,M000,M000-left,-0.13,B1,1,S1,C-78,2026-03-01T12:00:00Z"
        assert [row[1] for row in rows(text)[1:]] == list(SERIALS)

    @given(seed=st.integers())
    def test_it_has_one_digest_in_whatever_order_things_are_known(self, seed: int) -> None:
        random = Random(seed)
        units = tuple(random.sample(GOOD.lot.units, len(GOOD.lot.units)))
        shuffled = random.sample(GOOD.records, len(GOOD.records))
        text = delivery_lines(GOOD.lot._replace(units=units), COLUMNS, shuffled, GOOD.references)
        assert text == delivery_lines(GOOD.lot, COLUMNS, GOOD.records, GOOD.references)
        assert digest(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()

    @given(serials=st.sets(st.text("=+-@\uff1d \t\r\n\",;'a1é", max_size=6), min_size=1, max_size=5))
    def test_any_reader_gets_the_same_cells_and_no_spreadsheet_a_formula(self, serials: set[str]) -> None:
        lot = Lot("L", tuple(Unit(serial, ()) for serial in serials), None)
        found = [row[1] for row in rows(delivery_lines(lot, COLUMNS[:2]))[1:]]
        for serial, cell in zip(sorted(serials), found, strict=True):
            assert cell in {serial, "'" + serial}
            begins_like_a_formula = serial.strip()[:1] in set("=+-@\uff1d") or serial[:1] in set("\t\r\n")
            assert (cell == "'" + serial) == (begins_like_a_formula and serial != "")

    @given(error_pct=st.floats(-1_000, 1_000), decimals=st.integers(0, 6))
    def test_errors_stay_numbers_also_below_nought(self, error_pct: float, decimals: int) -> None:
        lot = Lot("L", (Unit("1", ()),), None)
        record = Record("1", FULL, error_pct, -1, 1, "B1", 1, "S1", AT_MS)
        [[_], [cell]] = rows(delivery_lines(lot, [Column("e", "error_pct", FULL, decimals=decimals)], [record]))
        assert float(cell) == pytest.approx(error_pct, abs=0.5 * 10.0**-decimals + 1e-9)
        assert cell.startswith("-") == (float(cell) < 0), "no minus nought"
        assert len(cell.partition(".")[2]) == decimals

    @pytest.mark.parametrize("header", ["=1+1", "@SUM(A1)", "\t=1", " =1"])
    def test_headers_are_no_formulas_either(self, header: str) -> None:
        assert rows(delivery_lines(Lot("L", (), None), [Column(header, "serial")])) == [["'" + header]]

    def test_the_file_shows_a_record_that_the_gate_looked_at(self) -> None:
        again = GOOD.records[0]._replace(error_pct=-0.3, at_ms=AT_MS + 1)
        same = GOOD.records[0]._replace(error_pct=-0.2)
        for records in ((*GOOD.records, again, same), (same, again, *GOOD.records)):
            assert newest_records(records)[SERIALS[0], FULL] == again
        assert newest_records((*GOOD.records, same))[SERIALS[0], FULL] == same
        assert newest_records((same, *GOOD.records))[SERIALS[0], FULL] == same

    @pytest.mark.parametrize(
        ("reason", "column", "changed"),
        [
            ("no_point", Column("e", "error_pct"), {}),
            ("no_record", Column("e", "error_pct", LoadPoint(220, 400)), {}),
            ("no_seal", Column("s", "seal", place="top"), {}),
            ("not_a_number", Column("e", "error_pct", FULL), {"error_pct": math.nan}),
            ("not_a_number", Column("e", "error_pct", FULL), {"error_pct": math.inf}),
            ("no_certificate", Column("c", "certificate", FULL), {"at_ms": UNTIL_MS}),
        ],
    )
    def test_a_file_with_a_hole_is_not_made(self, reason: str, column: Column, changed: dict[str, Any]) -> None:
        known = GOOD.with_record(ONE, FULL, **changed)
        with pytest.raises(NotDelivered) as refused:
            delivery_lines(known.lot, [column], known.records, known.references)
        assert refused.value.reason == reason
