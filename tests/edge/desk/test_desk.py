"""What a station begins and ends reaches the office once, whatever happens to its line, its power and its lease."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desk_post import Post
from shop import ASSEMBLY, CALIBRATION, PACKING
from web import Web

from edge.client.problems import Unauthenticated, Unreached
from edge.desk.journal import Result
from edge.desk.refusal import NoStart
from models.production.lease import LASTS_MS, LASTS_MS_MAX
from sipe.clock import ManualClock

PostAt = Callable[[str], Post]
MINUTE_MS = 60_000


def steps(web: Web, serial: str) -> list[tuple[str, str | None]]:
    """What the office knows of a unit: its steps, and what came of each."""
    passport = web.get("caio", f"/v1/units/{serial}").json()
    return [(step["step"], step.get("result")) for step in passport["steps"]]


def outcomes(post: Post) -> list[tuple[str | None, str | None]]:
    """What the office said to each result of a station."""
    return [(visit.serial, visit.outcome) for visit in post.journal.visits("told")]


def test_a_unit_begins_ends_and_the_office_knows(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    unit = post.desk.begin("OP-1")
    assert steps(web, unit.serial) == [("assembly", None)]
    assert post.desk.in_work() == [unit]
    post.desk.finish(unit, "passed")
    assert (post.desk.in_work(), post.desk.untold()) == ([], 1)
    assert post.desk.tell() == 1
    assert steps(web, unit.serial) == [("assembly", "passed")]
    assert post.desk.tell() == 0


def test_a_refusal_is_told_in_the_words_of_the_office_and_nothing_is_begun(web: Web, post_at: PostAt) -> None:
    made, post = post_at(ASSEMBLY), post_at(PACKING)
    serial = made.desk.begin("OP-1").serial
    with pytest.raises(NoStart, match="in work at"):
        post.desk.enter("OP-1", serial)
    with pytest.raises(NoStart, match="no order knows a unit WX-9"):
        post.desk.enter("OP-1", "WX-9")
    assert (post.desk.in_work(), post.journal.visits("asking")) == ([], [])


def test_an_answer_that_was_lost_is_asked_for_again_and_no_serial_is_lost_by_it(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    post.line.lose_answer()
    with pytest.raises(NoStart, match="there is no lease for this order"):
        post.desk.begin("OP-1")
    assert post.line.answers_lost == 1
    post.restart()
    first, second = post.desk.begin("OP-1"), post.desk.begin("OP-1")
    assert [first.serial, second.serial] == ["WA000001", "WA000002"]


def test_a_unit_in_work_is_finished_without_a_connection_and_told_after_a_power_cut(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    unit = post.desk.begin("OP-1")
    post.line.refuse()
    post.restart()
    assert post.desk.enter("OP-1", unit.serial) == unit
    post.desk.finish(unit, "failed", "a screw is missing")
    with pytest.raises(Unreached):
        post.desk.tell()
    post.restart()
    post.line.heal()
    assert post.desk.tell() == 1
    assert steps(web, unit.serial) == [("assembly", "failed")]


def test_a_result_whose_answer_was_lost_counts_once(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    unit = post.desk.begin("OP-1")
    post.desk.finish(unit, "passed")
    post.line.lose_answer()
    with pytest.raises(Unreached):
        post.desk.tell()
    assert steps(web, unit.serial) == [("assembly", "passed")]
    post.restart()
    assert post.desk.tell() == 1
    assert outcomes(post) == [(unit.serial, "taken")]
    assert steps(web, unit.serial) == [("assembly", "passed")]


def test_without_a_connection_and_a_lease_nothing_starts(post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    post.line.refuse()
    for ask in (post.desk.begin, post.desk.contract, lambda order: post.desk.enter(order, "WA000001")):
        with pytest.raises(NoStart, match="there is no lease for this order"):
            ask("OP-1")


def test_under_a_lease_it_goes_on_and_what_was_built_is_told_later(
    web: Web, post_at: PostAt, clock: ManualClock
) -> None:
    post = post_at(ASSEMBLY)
    contract = post.desk.contract("OP-1")
    lease = post.desk.leases.take("OP-1", 3)
    post.line.refuse()
    assert post.desk.contract("OP-1") == contract
    built = []
    for number in range(3):
        clock.advance(MINUTE_MS)
        post.restart()
        unit = post.desk.begin("OP-1")
        clock.advance(MINUTE_MS)
        post.desk.finish(unit, "failed" if number == 1 else "passed", "it is bent" if number == 1 else "")
        built.append(unit.serial)
    assert built == lease.serials
    with pytest.raises(NoStart, match="the lease has no serial left"):
        post.desk.begin("OP-1")
    post.line.heal()
    assert post.desk.tell() == 3
    assert [steps(web, serial) for serial in built] == [
        [("assembly", "passed")],
        [("assembly", "failed")],
        [("assembly", "passed")],
    ]
    assert post.desk.begin("OP-1").serial == "WA000004"


def test_where_units_come_a_lease_lets_in_the_ones_it_names(web: Web, post_at: PostAt, clock: ManualClock) -> None:
    assembly, post = post_at(ASSEMBLY), post_at(CALIBRATION)
    serials = []
    for _ in range(2):
        unit = assembly.desk.begin("OP-1")
        assembly.desk.finish(unit, "passed")
        serials.append(unit.serial)
    assembly.desk.tell()
    post.desk.leases.take("OP-1", 2)
    post.line.refuse()
    unit = post.desk.enter("OP-1", serials[0])
    with pytest.raises(NoStart, match="none of the units of this lease"):
        post.desk.enter("OP-1", "WA999999")
    clock.advance(MINUTE_MS)
    post.desk.finish(unit, "passed")
    clock.advance(LASTS_MS)
    with pytest.raises(NoStart, match="the lease is over"):
        post.desk.enter("OP-1", serials[1])
    post.line.heal()
    post.desk.tell()
    assert steps(web, serials[0]) == [("assembly", "passed"), ("calibration", "passed")]
    assert outcomes(post) == [(serials[0], "taken")]


@pytest.mark.parametrize(("result", "reason"), [("passed", ""), ("failed", "it is bent")])
@pytest.mark.parametrize("is_away_before", [True, False])
def test_a_label_that_comes_again_without_a_connection_is_refused(
    web: Web, post_at: PostAt, result: Result, reason: str, is_away_before: bool
) -> None:
    assembly, post = post_at(ASSEMBLY), post_at(CALIBRATION)
    made = assembly.desk.begin("OP-1")
    assembly.desk.finish(made, "passed")
    assembly.desk.tell()
    post.desk.leases.take("OP-1", 2)
    if is_away_before:
        post.line.refuse()
    post.desk.finish(post.desk.enter("OP-1", made.serial), result, reason)
    if not is_away_before:
        post.desk.tell()
        post.line.refuse()
    post.restart()
    with pytest.raises(NoStart, match=f"{made.serial} has {result} here already") as refused:
        post.desk.enter("OP-1", made.serial)
    assert refused.value.reason == result
    assert (post.desk.in_work(), post.journal.visits("asking")) == ([], [])


def test_a_lease_is_given_back_when_all_of_it_is_told(web: Web, post_at: PostAt, clock: ManualClock) -> None:
    post = post_at(ASSEMBLY)
    first = post.desk.leases.take("OP-1", 2)
    clock.advance(MINUTE_MS)
    second = post.desk.leases.take("OP-1", 2)
    post.line.refuse()
    unit = post.desk.begin("OP-1")
    post.line.heal()
    post.desk.leases.close(but=second.id)
    assert [kept.id for kept in post.journal.leases()] == [first.id, second.id], "a unit of it is in work"
    post.desk.finish(unit, "passed")
    post.desk.tell()
    post.desk.leases.close(but=second.id)
    assert [kept.id for kept in post.journal.leases()] == [second.id]
    assert post.desk.begin("OP-1").serial == first.serials[1]


def test_what_the_office_refuses_is_kept_with_the_reason_and_not_told_again(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    units = [post.desk.begin("OP-1") for _ in range(2)]
    stopped = web.post("sara", f"/v1/units/{units[0].serial}/stops", {"status": "quarantined", "reason": "it burns"})
    assert stopped.is_success, stopped.text
    for unit in units:
        post.desk.finish(unit, "passed")
    assert post.desk.tell() == 2
    refused, taken = post.journal.visits("told")
    assert (refused.outcome, taken.outcome) == ("refused", "taken")
    assert refused.detail.startswith("quarantined: ")
    assert post.desk.tell() == 0


def test_what_comes_before_it_may_be_told_after_it(web: Web, post_at: PostAt, clock: ManualClock) -> None:
    """A unit that went through two stations while the office was away, and the later one finds it first."""
    assembly, calibration, packing = post_at(ASSEMBLY), post_at(CALIBRATION), post_at(PACKING)
    unit = assembly.desk.begin("OP-1")
    assembly.desk.finish(unit, "passed")
    assembly.desk.tell()
    for post in (calibration, packing):
        post.desk.leases.take("OP-1", 1)
        post.line.refuse()
        clock.advance(MINUTE_MS)
        came = post.desk.enter("OP-1", unit.serial)
        clock.advance(MINUTE_MS)
        post.desk.finish(came, "passed")
        post.line.heal()
    assert packing.desk.tell() == 0
    assert packing.desk.untold() == 1
    calibration.desk.tell()
    packing.restart()
    assert packing.desk.tell() == 1
    assert [step for step, _ in steps(web, unit.serial)] == ["assembly", "calibration", "packing"]
    assert outcomes(packing) == [(unit.serial, "taken")]


def test_what_never_comes_before_it_is_not_waited_for(post_at: PostAt, clock: ManualClock) -> None:
    assembly, packing = post_at(ASSEMBLY), post_at(PACKING)
    unit = assembly.desk.begin("OP-1")
    assembly.desk.finish(unit, "passed")
    assembly.desk.tell()
    packing.desk.leases.take("OP-1", 1)
    packing.line.refuse()
    packing.desk.finish(packing.desk.enter("OP-1", unit.serial), "passed")
    packing.line.heal()
    assert packing.desk.tell() == 0
    clock.advance(LASTS_MS_MAX + MINUTE_MS)
    packing.restart()
    assert packing.desk.tell() == 1
    assert outcomes(packing) == [(unit.serial, "refused")]


def test_a_token_that_is_no_longer_good_loses_no_result(web: Web, post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    unit = post.desk.begin("OP-1")
    post.desk.finish(unit, "passed")
    identity = post.client.me().identity
    assert web.post("root", f"/v1/devices/{identity}/revocation", {"reason": "swapped"}).is_success
    post.restart()
    with pytest.raises(Unauthenticated):
        post.desk.tell()
    assert post.desk.untold() == 1


def test_an_office_that_is_away_is_not_waited_for_with_every_unit(post_at: PostAt) -> None:
    post = post_at(ASSEMBLY)
    post.desk.leases.take("OP-1", 2)
    post.line.refuse()
    post.desk.begin("OP-1")
    post.line.heal()
    assert post.desk.begin("OP-1").visit.lease is not None, "it is not asked so soon"
    post.desk.finish(post.desk.in_work()[0], "passed")
    post.desk.tell()
    assert post.desk.begin("OP-1").visit.lease is None, "it has just answered"
