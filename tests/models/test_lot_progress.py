"""Whatever is done with a lot in whatever order: it is accepted by its sample or unit by unit, and never by trying."""

from __future__ import annotations

from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.files import sheet_library
from models.refusal import Refused
from models.release import progress
from models.release.demand import TEMPLATE, release_of
from models.release.gate import gate
from models.release.lot import Bench, Demand, LoadPoint, Lot, Record, References, Sheet, Standard, Unit
from models.release.progress import Inspected, Progress, Round
from models.sampling.draw import draw as draw_from
from models.sampling.plans import plan
from models.sheets.check import completed

POINT = LoadPoint(240, 100)
SHEET = Sheet(demands=(Demand(POINT, -1, 1),), seals=(), level="II", aql=1.0)
ALWAYS = References((Bench("B", "S", 0, 9),), (Standard("S", 0, 9, "C"),))
SERIALS = [f"M{number:02}" for number in range(12)]
some = st.sets(st.sampled_from(SERIALS), min_size=1)


class LotMachine(RuleBasedStateMachine):
    """The lot beside what a clerk would write down of it: its units, what was found, and how it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.lot = Progress(id="L-1", product="MTR-100", customer="")
        self.units: set[str] = set()
        self.bad: set[str] = set()
        self.looked_at: set[str] = set()
        self.rejected = False
        self.last: Round | None = None

    def tried(self, expected: bool, what: Any, *args: Any) -> Any:
        if expected:
            return what(*args)
        with pytest.raises(Refused):
            what(*args)
        return None

    @rule(serials=some)
    def join(self, serials: set[str]) -> None:
        self.tried(self.lot.status == "open", progress.check_may_join, self.lot)
        if self.lot.status == "open":
            self.units |= serials

    @rule(data=st.data(), is_good=st.booleans())
    def leave(self, data: st.DataObject, is_good: bool) -> None:
        serial = data.draw(st.sampled_from(sorted(self.units) or SERIALS))
        free = {"open", "accepted"} if is_good else {"open", "accepted", "drawn", "rejected", "screening", "released"}
        self.tried(self.lot.status in free, progress.check_may_leave, self.lot, serial, is_good)
        if self.lot.status in free:
            self.units -= {serial}

    @rule(other=st.sampled_from([None, None, None, "L-0"]), seed=st.integers(0, 99))
    def draw(self, other: str | None, seed: int) -> None:
        may = self.lot.status == "open" and other is None
        after = self.tried(may, progress.draw, self.lot, other)
        if after is None or not self.units:
            return  # an empty lot is not drawn from: the store says so
        asked = plan(len(self.units), "II", 1.0, "normal")
        drawn = draw_from(self.units, asked.sample_size, Random(seed))
        self.last = self.begun(after, asked, drawn)

    @rule()
    def screen(self) -> None:
        after = self.tried(self.lot.status == "rejected", progress.screen, self.lot)
        if after is not None:
            self.last = self.begun(after, None, tuple(sorted(self.units)))

    def begun(self, after: Progress, asked: Any, drawn: tuple[str, ...]) -> Round:
        assert after.round == self.lot.round + 1
        self.lot, self.looked_at = after, set()
        return Round(
            number=after.round,
            plan=asked,
            level="II",
            inspection="normal",
            presented=frozenset(self.units),
            drawn=drawn,
            seed="",
        )

    @precondition(lambda self: self.last is not None)
    @rule(data=st.data(), conforms=st.booleans(), words=st.sampled_from(["", "scratched"]))
    def inspect(self, data: st.DataObject, conforms: bool, words: str) -> None:
        assert self.last is not None
        serial = data.draw(st.sampled_from([*self.last.drawn, *SERIALS[:2]] or SERIALS))
        may = self.lot.status in {"drawn", "screening"} and serial in self.last.drawn and serial not in self.looked_at
        given_ = [Inspected(serial, conforms, words)]
        after = self.tried(may and (conforms or bool(words)), progress.inspect, self.lot, self.last, given_)
        if after is None:
            return
        self.last = after
        self.looked_at |= {serial}
        if not conforms:
            self.bad |= {serial}
            self.units -= {serial}  # it goes into quarantine

    @precondition(lambda self: self.last is not None)
    @rule(said=st.sampled_from(["accepted", "rejected"]))
    def conclude(self, said: Any) -> None:
        assert self.last is not None
        found = self.bad & set(self.last.drawn)
        is_sample = self.last.plan is not None
        if self.last.plan is not None and len(found) >= self.last.plan.reject:
            judgement = "rejected"
        else:
            judgement = "accepted" if self.looked_at == set(self.last.drawn) else "open"
        may = self.lot.status in {"drawn", "screening"} and said == judgement
        after = self.tried(may, progress.conclude, self.lot, self.last, said)
        if after is not None:
            self.lot = after
            self.rejected |= is_sample and said == "rejected"

    @rule()
    def cancel(self) -> None:
        after = self.tried(self.lot.status == "open", progress.cancel, self.lot)
        self.lot = after or self.lot

    @rule()
    def release(self) -> None:
        after = self.tried(self.lot.status == "accepted", progress.release, self.lot)
        self.lot = after or self.lot

    @invariant()
    def a_lot_that_was_rejected_is_accepted_only_after_each_of_its_units_was_looked_at(self) -> None:
        if self.lot.status in {"accepted", "released"}:
            assert self.last is not None
            assert not self.bad & self.units
            if self.rejected:
                assert self.units <= self.looked_at

    @invariant()
    def the_gate_says_the_same(self) -> None:
        if self.lot.status not in {"accepted", "released"} or not self.units:
            return
        assert self.last is not None
        lot = Lot("L-1", tuple(Unit(one, ()) for one in sorted(self.units)), self.last.sample)
        records = [Record(one, POINT, 0.0, -1, 1, "B", 1, "S", 1) for one in self.units]
        assert gate(lot, SHEET, records, ALWAYS).released


LotMachine.TestCase.settings = settings(stateful_step_count=30, max_examples=60)
TestLotMachine = LotMachine.TestCase


class TestDemand:
    VALUES = completed(sheet_library.template(TEMPLATE), sheet_library.samples(TEMPLATE).valid)

    def test_the_release_sheet_says_what_a_lot_has_to_show(self) -> None:
        found = release_of(self.VALUES)
        assert [(one.point.name, one.low_pct, one.high_pct) for one in found.sheet.demands] == [
            ("100%Ib PF1 240V", -1, 1),
            ("100%Ib PF0.5L 240V", -1, 1),
            ("5%Ib PF1 240V", -1.5, 1.5),
        ]
        assert (found.sheet.seals, found.sheet.level, found.sheet.aql) == (("case, left", "optical port"), "II", 1.0)
        assert (found.units_max, found.reduced_allowed) == (1200, False)
        headers = [column.header for column in found.columns]
        assert headers[:4] == ["Lot", "Serial", "Seal, case, left", "P1 100%Ib PF1 240V, %"]
        assert len(headers) == 3 + 3 * 6

    def test_what_the_customer_did_not_ask_for_is_not_told(self) -> None:
        found = release_of({**self.VALUES, "delivery_file": "serials"})
        assert [column.header for column in found.columns] == ["Lot", "Serial", "Seal, case, left"]
        less = release_of({**self.VALUES, "file_traceable": "no", "file_decimals": 1})
        assert [column.decimals for column in less.columns if column.value == "error_pct"] == [1, 1, 1]
        assert {column.value for column in less.columns} == {"lot", "serial", "seal", "error_pct"}

    def test_without_seals_there_is_no_place(self) -> None:
        values = {name: value for name, value in self.VALUES.items() if name != "sealed_places"}
        assert release_of({**values, "leaves_sealed": "no"}).sheet.seals == ()

    @pytest.mark.parametrize(
        ("reason", "change"),
        [("limits", {"error_low_percent": 2}), ("point_doubled", {"point_power_factor": "0.5L"})],
    )
    def test_a_sheet_that_nobody_can_meet_is_refused(self, reason: str, change: dict[str, Any]) -> None:
        first, *others = self.VALUES["release_points"]
        with pytest.raises(Refused) as told:
            release_of({**self.VALUES, "release_points": [first | change, *others]})
        assert told.value.reason == reason

    @given(share=st.floats(0.1, 1000), voltage=st.floats(50, 500), factor=st.sampled_from(["1", "0.5L", "0.8C"]))
    def test_a_bench_that_names_the_same_numbers_names_the_same_point(
        self, share: float, voltage: float, factor: str
    ) -> None:
        row = self.VALUES["release_points"][0]
        told = {"current_share_percent": share, "point_voltage_v": voltage, "point_power_factor": factor}
        (demand, *_) = release_of({**self.VALUES, "release_points": [row | told]}).sheet.demands
        side: Any = factor[-1] if factor != "1" else ""
        assert demand.point == LoadPoint(voltage, share, "Ib", float(factor.rstrip("LC")), side)
