"""Orders, routings, units and serials: what may happen, and what is refused in words that people understand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.production import order as orders
from models.production import unit as units
from models.production.order import NEXT, Action, Order, act
from models.production.routing import RoutingError, routing_of
from models.production.serials import SerialRange, check_serial, number_of, serial, take
from models.production.unit import Unit
from models.refusal import Refused

LINE = "manaus.final.line-1"
WORDS = {"en": "Empty the tray", "pt": "Esvaziar a bandeja"}


def at(*stations: str) -> list[str]:
    return [f"{LINE}.{station}" for station in stations]


PLAN: dict[str, Any] = {
    "product": "MTR-100",
    "revision": 1,
    "operations": [
        {"steps": [{"name": "assembly", "stations": at("asm-1", "asm-2"), "rework": "repair"}]},
        {
            "steps": [
                {"name": "wave", "stations": at("wave")},
                {"name": "hand-soldering", "stations": at("bench"), "rework": "repair", "attempts_max": 2},
            ]
        },
        {"steps": [{"name": "calibration", "stations": at("cal"), "rework": "repair", "attempts_max": 2}]},
        {"steps": [{"name": "packing", "stations": at("pack")}]},
    ],
    "rework": [{"name": "repair", "stations": at("fix"), "returns_to": "assembly"}],
}
ROUTING = routing_of(PLAN)
UNIT = Unit(serial="WA0001", order="OP-1", product="MTR-100", routing_revision=1)
ORDER = Order(number="OP-1", product="MTR-100", routing_revision=1, planned_qty=10, line=LINE, serial_range="wa")


def refusal(what: Any, *args: Any) -> str:
    with pytest.raises(Refused) as told:
        what(*args)
    return told.value.reason


class TestOrder:
    @pytest.mark.parametrize("status", get_args(orders.Status))
    @pytest.mark.parametrize("action", get_args(Action))
    def test_every_action_in_every_state_is_done_or_refused(self, status: orders.Status, action: Action) -> None:
        order = replace(ORDER, status=status, begun_qty=0, good_qty=10)
        if (status, action) not in NEXT:
            assert refusal(act, order, action, "because") == "not_now"
            return
        after = act(order, action, "because")
        assert after == replace(order, status="released" if action == "resume" else NEXT[status, action])

    @pytest.mark.parametrize("action", ["hold", "cancel"])
    def test_what_hurts_takes_a_reason(self, action: Action) -> None:
        assert refusal(act, replace(ORDER, status="released"), action, " ") == "reason_missing"

    def test_what_was_begun_is_not_cancelled(self) -> None:
        assert refusal(act, replace(ORDER, status="held", begun_qty=1), "cancel", "because") == "begun"
        assert act(replace(ORDER, status="held", begun_qty=1), "resume").status == "running"

    def test_completing_short_takes_a_reason(self) -> None:
        running = replace(ORDER, status="running", begun_qty=10, good_qty=9, scrap_qty=1)
        assert refusal(act, running, "complete") == "reason_missing"
        assert act(running, "complete", "customer agreed").status == "completed"
        assert act(replace(running, good_qty=10), "complete").status == "completed"

    def test_no_more_is_begun_than_planned_and_scrap_is_made_again(self) -> None:
        full = replace(ORDER, status="running", begun_qty=10)
        assert refusal(full.check_may_begin) == "over_quantity"
        replace(full, scrap_qty=1).check_may_begin()
        replace(full, over_qty=1).check_may_begin()
        assert refusal(replace(ORDER, status="held").check_may_begin) == "order_not_released"


def only(**step: Any) -> dict[str, Any]:
    """A plan of one operation with one step."""
    return PLAN | {"rework": [], "operations": [{"steps": [{"name": "a", "stations": at("x")} | step]}]}


class TestRouting:
    @pytest.mark.parametrize(
        ("plan", "words"),
        [
            (PLAN | {"rework": []}, "repaired at 'repair', which is no rework"),
            (PLAN | {"rework": [PLAN["rework"][0] | {"returns_to": "nowhere"}]}, "'nowhere', which is no step"),
            (PLAN | {"rework": [PLAN["rework"][0] | {"returns_to": "packing"}]}, "'assembly' would skip it"),
            (PLAN | {"rework": PLAN["rework"] * 2}, "2 steps are called 'repair'"),
            (PLAN | {"operations": PLAN["operations"] * 2}, "2 steps are called 'assembly'"),
            (PLAN | {"operations": []}, "operations"),
            (PLAN | {"revision": 0}, "revision"),
            (only(name="A B"), "name"),
            (only(stations=[]), "stations"),
            (only(attempts_max=0), "attempts_max"),
            (only(checks=[{"id": "c", "words": WORDS}] * 2), "2 checks 'c'"),
            (only(nonsense=1), "nonsense"),
        ],
    )
    def test_one_that_cannot_work_is_refused_with_the_place(self, plan: dict[str, Any], words: str) -> None:
        with pytest.raises(RoutingError, match=words):
            routing_of(plan)

    def test_a_station_does_one_of_the_alternatives(self) -> None:
        steps = [{"name": name, "stations": at("x")} for name in ("a", "b")]
        with pytest.raises(RoutingError, match="does two alternatives of 'a', so nobody knows which"):
            routing_of(PLAN | {"rework": [], "operations": [{"steps": steps}]})


def walk(unit: Unit, *words: str) -> Unit:
    """A unit after words such as 'enter asm-1', 'pass asm-1' or 'fail cal'."""
    for word in words:
        what, station = word.split()
        where = f"{LINE}.{station}"
        match what:
            case "enter":
                unit = units.enter(unit, ROUTING, where)
            case "pass":
                unit = units.succeed(unit, ROUTING, where)
            case "fail":
                unit = units.fail(unit, ROUTING, where, "no light")
    return unit


WHOLE_WAY = (
    "enter asm-2",
    "pass asm-2",
    "enter bench",
    "pass bench",
    "enter cal",
    "pass cal",
    "enter pack",
    "pass pack",
)


class TestUnit:
    def test_it_goes_step_by_step_and_is_done(self) -> None:
        assert walk(UNIT, *WHOLE_WAY).status == "done"
        assert walk(UNIT, "enter asm-1").at_step == "assembly"

    @pytest.mark.parametrize(
        ("before", "words", "reason"),
        [
            ((), "enter cal", "skipped"),
            (WHOLE_WAY[:2], "enter asm-1", "passed"),
            (("enter asm-1",), "enter asm-1", "in_work"),
            (("enter asm-1",), "enter asm-2", "in_work"),
            (("enter asm-1",), "pass asm-2", "not_in_work"),
            ((), "pass asm-1", "not_in_work"),
            (("enter asm-1", "fail asm-1"), "enter asm-1", "failed"),
            (("enter asm-1", "fail asm-1"), "enter wave", "failed"),
            (WHOLE_WAY, "enter pack", "done"),
            ((), "enter nowhere", "wrong_station"),
        ],
    )
    def test_what_is_out_of_turn_is_refused(self, before: tuple[str, ...], words: str, reason: str) -> None:
        assert refusal(walk, walk(UNIT, *before), words) == reason

    def test_a_failure_goes_through_rework_and_back(self) -> None:
        unit = walk(UNIT, *WHOLE_WAY[:4], "enter cal", "fail cal")
        assert (unit.status, unit.rework) == ("rework", "repair")
        unit = walk(unit, "enter fix", "pass fix")
        assert (unit.status, unit.place, unit.rework) == ("waiting", 0, None)
        assert walk(unit, *WHOLE_WAY).status == "done"

    def test_too_many_attempts_or_no_rework_is_quarantine(self) -> None:
        unit = walk(UNIT, *WHOLE_WAY[:4], "enter cal", "fail cal", "enter fix", "pass fix", *WHOLE_WAY[:4], "enter cal")
        unit = walk(unit, "fail cal")
        assert (unit.status, unit.stopped_reason) == ("quarantined", "calibration failed: no light")
        assert refusal(walk, unit, "enter cal") == "quarantined"
        assert walk(UNIT, *WHOLE_WAY[:2], "enter wave", "fail wave").status == "quarantined"
        assert walk(UNIT, "enter asm-1", "fail asm-1", "enter fix", "fail fix").status == "quarantined"

    def test_who_disposes_scraps_reworks_or_takes_it_as_it_is(self) -> None:
        stopped = walk(UNIT, *WHOLE_WAY[:2], "enter wave", "fail wave")
        assert units.dispose(stopped, ROUTING, "scrap").status == "scrapped"
        assert refusal(walk, units.dispose(stopped, ROUTING, "scrap"), "enter asm-1") == "scrapped"
        assert units.dispose(stopped, ROUTING, "rework", "repair").rework == "repair"
        assert refusal(units.dispose, stopped, ROUTING, "rework", "polish") == "no_rework"
        used = units.dispose(stopped, ROUTING, "use_as_is")
        assert (used.status, used.place) == ("waiting", 2), "its failure counts as passed"
        assert refusal(units.dispose, used, ROUTING, "scrap") == "not_stopped"

    @pytest.mark.parametrize("before", [(), WHOLE_WAY[:1], WHOLE_WAY[:2], ("enter asm-1", "fail asm-1")])
    def test_what_is_held_and_used_as_it_is_skips_nothing(self, before: tuple[str, ...]) -> None:
        unit = walk(UNIT, *before)
        used = units.dispose(units.stop(unit, "held", "sheet revoked"), ROUTING, "use_as_is")
        assert (used.place, used.rework, used.at_step) == (unit.place, unit.rework, None)
        assert used.status == ("rework" if unit.rework else "waiting")

    def test_what_is_done_is_recalled_and_goes_its_way_again(self) -> None:
        recalled = units.stop(walk(UNIT, *WHOLE_WAY), "recalled", "wrong firmware")
        assert refusal(walk, recalled, "enter pack") == "recalled"
        assert units.dispose(recalled, ROUTING, "use_as_is").status == "done"
        again = walk(units.dispose(recalled, ROUTING, "rework", "repair"), "enter fix", "pass fix", *WHOLE_WAY)
        assert again.status == "done"


class UnitMachine(RuleBasedStateMachine):
    """A unit against a tiny model: the list of what it has passed since it last came back."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = UNIT
        self.passed: list[str] = []
        self.here: str | None = None
        self.broken = False

    @rule(name=st.sampled_from(["asm-1", "asm-2", "wave", "bench", "cal", "pack", "fix"]))
    def enter(self, name: str) -> None:
        order = [{"asm-1", "asm-2"}, {"wave", "bench"}, {"cal"}, {"pack"}]
        wanted = {"fix"} if self.broken else order[len(self.passed)] if len(self.passed) < 4 else set()
        try:
            self.unit = units.enter(self.unit, ROUTING, f"{LINE}.{name}")
        except Refused as refused:
            tired = refused.reason == "attempts_over"
            assert tired or self.here or self.unit.status in units.STOPPED | {"done", "scrapped"} or name not in wanted
            return
        assert self.here is None
        assert name in wanted
        self.here = name

    @precondition(lambda self: self.here)
    @rule()
    def succeed(self) -> None:
        assert self.here is not None
        self.unit = units.succeed(self.unit, ROUTING, f"{LINE}.{self.here}")
        self.passed = [] if self.broken else [*self.passed, self.here]
        self.here, self.broken = None, False

    @precondition(lambda self: self.here)
    @rule()
    def fail(self) -> None:
        assert self.here is not None
        self.unit = units.fail(self.unit, ROUTING, f"{LINE}.{self.here}", "no light")
        self.broken = self.broken or self.unit.status == "rework"
        self.here = None

    @precondition(lambda self: self.unit.status not in units.STOPPED | {"scrapped"})
    @rule(status=st.sampled_from(["quarantined", "held", "recalled"]))
    def stop(self, status: Any) -> None:
        self.unit = units.stop(self.unit, status, "because")
        self.here = None

    @precondition(lambda self: self.unit.status in units.STOPPED)
    @rule()
    def rework(self) -> None:
        self.unit = units.dispose(self.unit, ROUTING, "rework", "repair")
        self.broken = True

    @invariant()
    def it_is_done_only_when_every_operation_was_passed(self) -> None:
        assert (self.unit.status == "done") <= (len(self.passed) == 4)
        assert (self.unit.at_station is None) or self.here or self.unit.status in units.STOPPED
        assert self.unit.place == len(self.passed)


UnitMachine.TestCase.settings = settings(stateful_step_count=40)
TestUnitMachine = UnitMachine.TestCase


class TestSerials:
    @given(st.integers(1, 9), st.data(), st.sampled_from(["none", "mod10", "mod11"]))
    def test_serials_of_a_range_differ_and_are_serials(self, digits: int, data: st.DataObject, check: Any) -> None:
        first = data.draw(st.integers(0, 10**digits - 1))
        last = data.draw(st.integers(first, min(first + 50, 10**digits - 1)))
        found = SerialRange(id="wa", prefix="WA", digits=digits, first=first, last=last, next=first, check=check)
        serials = take(found, found.left)
        assert len(set(serials)) == last - first + 1
        assert all(check_serial(one) == one for one in serials)
        assert [number_of(found, one) for one in serials] == list(range(first, last + 1))
        assert [number_of(found, text) for text in ("XX1", serials[0] + "0", f"WA{last + 1:0{digits}d}")] == [None] * 3
        assert refusal(take, found, found.left + 1) == "serials_over"

    def test_check_digits_are_those_of_known_numbers(self) -> None:
        found = SerialRange(id="x", prefix="", digits=10, first=0, last=10**10 - 1, next=0, check="mod10")
        assert serial(found, 7992739871) == "79927398713", "the example that ISO/IEC 7812 is taught with"
        eleven = replace(found, check="mod11", digits=9, last=10**9 - 1)
        assert serial(eleven, 261533) == "0002615339", "3*2 + 3*3 + 5*4 + 1*5 + 6*6 + 2*7 = 90, and 9 more make 99"

    @pytest.mark.parametrize(
        "text", ["", "wa1", "WA 1", "WA\u0410", "\uff37\uff21\uff11", "WA1\n", "A" * 33, "WA1-", "WA^FS", "../1"]
    )
    def test_look_alikes_and_other_texts_are_no_serials(self, text: str) -> None:
        assert refusal(check_serial, text) == "serial_text"

    def test_a_range_has_to_fit(self) -> None:
        assert refusal(lambda: SerialRange(id="x", prefix="A", digits=2, first=5, last=100, next=5)) == "serial_range"
