from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from functools import reduce
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kpi import KPIS, Kpis, Sums
from sipe.contracts.tables import MEASURES

MINUTE = 60_000
HOUR = 60 * MINUTE

# Eight planned hours: 5 h production, 1 h setup, 30 min delay, 30 min down without an order, 1 h unknown.
DAY = Sums(
    pbt_ms=8 * HOUR,
    apt_ms=5 * HOUR,
    aust_ms=1 * HOUR,
    adet_ms=HOUR // 2,
    adot_ms=HOUR // 2,
    unknown_ms=1 * HOUR,
    down_ms=24 * MINUTE,
    failures=3,
    attended_ms=16 * HOUR,
    worked_ms=12 * HOUR,
    good=360,
    scrap=10,
    rework=30,
    planned_run_ms=400 * 36_000,
    pieces_with_standard=300,
    aoet_ms=int(6.5 * HOUR),
    order_pieces=390,
)

BY_HAND = {
    "availability": 5 / 8,
    "effectiveness": 4 / 5,
    "quality": 9 / 10,
    "oee": 0.45,
    "nee": 0.54,
    "utilization_efficiency": 5 / 6.5,
    "setup_ratio": 1 / 6,
    "technical_efficiency": 5 / 5.5,
    "throughput_rate": 60.0,
    "scrap_ratio": 0.025,
    "rework_ratio": 0.075,
    "mtbf_ms": 2.0 * HOUR,
    "mttr_ms": 8.0 * MINUTE,
    "worker_efficiency": 0.75,
    "units_per_attended_hour": 25.0,
    "coverage": 0.875,
    "oee_low": 0.45,
    "oee_high": 0.54,
    "standard_coverage": 0.75,
}

UNDEFINED_WITHOUT = {
    "pbt_ms": {"availability", "oee", "nee", "coverage", "oee_low", "oee_high"},
    "failures": {"mtbf_ms", "mttr_ms"},
    "attended_ms": {"worker_efficiency", "units_per_attended_hour"},
    "aoet_ms": {"throughput_rate"},
}

quantities = st.integers(0, 10**9)
sums = st.builds(Sums, **{field.name: quantities for field in fields(Sums)})
busy_sums = sums.map(lambda s: replace(s, pbt_ms=s.apt_ms + s.aust_ms + s.adet_ms + s.adot_ms + s.unknown_ms)).filter(
    lambda s: s.apt_ms > 0 and s.pq > 0
)


def kpi(name: str, of: Sums) -> float | None:
    return Kpis(of).as_dict()[name]


def defined(value: float | None) -> float:
    assert value is not None
    return value


def test_sums_have_every_measure_in_the_order_of_the_tables() -> None:
    names = [field.name for field in fields(Sums)]
    assert names == [*(measure.name for measure in MEASURES), "aoet_ms", "order_pieces"]


def test_the_cases_by_hand_are_all_kpis() -> None:
    assert list(BY_HAND) == list(KPIS)
    assert all(KPIS.values()), "every KPI says its formula"


@pytest.mark.parametrize("name", KPIS)
def test_by_hand(name: str) -> None:
    assert kpi(name, DAY) == pytest.approx(BY_HAND[name], rel=1e-15)


def test_the_divisor_of_mean_times_is_named() -> None:
    with_one_more = Kpis(DAY, divisor="failures_plus_one")
    assert with_one_more.mtbf_ms == 1.5 * HOUR
    assert with_one_more.mttr_ms == 6.0 * MINUTE
    assert Kpis(replace(DAY, failures=0), divisor="failures_plus_one").mtbf_ms == 6.0 * HOUR
    assert with_one_more.oee == Kpis(DAY).oee


def test_everything_is_undefined_of_nothing() -> None:
    assert set(Kpis(Sums()).as_dict().values()) == {None}


@pytest.mark.parametrize(("zero", "undefined"), UNDEFINED_WITHOUT.items())
def test_undefined_without(zero: str, undefined: set[str]) -> None:
    values = Kpis(replace(DAY, **{zero: 0})).as_dict()
    assert {name for name, value in values.items() if value is None} == undefined


def test_undefined_without_pieces() -> None:
    values = Kpis(replace(DAY, good=0, scrap=0, rework=0)).as_dict()
    undefined = {"quality", "oee", "nee", "scrap_ratio", "rework_ratio", "oee_low", "oee_high", "standard_coverage"}
    assert {name for name, value in values.items() if value is None} == undefined


def test_undefined_without_production_time() -> None:
    idle = replace(DAY, apt_ms=0, adot_ms=DAY.adot_ms + DAY.apt_ms)
    values = Kpis(idle).as_dict()
    assert {name for name, value in values.items() if value is None} == {
        "effectiveness",
        "oee",
        "nee",
        "oee_low",
        "oee_high",
    }
    assert values["availability"] == 0
    assert values["setup_ratio"] == 1


def test_undefined_without_any_busy_time() -> None:
    values = Kpis(replace(DAY, apt_ms=0, aust_ms=0, adet_ms=0)).as_dict()
    assert values["utilization_efficiency"] is None
    assert values["setup_ratio"] is None
    assert values["technical_efficiency"] is None
    assert values["mtbf_ms"] == 0


def test_a_negative_divisor_is_undefined_too() -> None:
    """A reclassification may take a piece away from a minute that never held it."""
    assert kpi("quality", replace(DAY, good=-2, scrap=1, rework=0)) is None


def test_nothing_is_capped() -> None:
    assert kpi("effectiveness", replace(DAY, planned_run_ms=10 * HOUR)) == 2
    assert defined(kpi("oee_high", replace(DAY, planned_run_ms=10 * HOUR))) > 1


def test_pieces_without_a_standard_lower_the_standard_coverage_not_the_definedness() -> None:
    values = Kpis(replace(DAY, planned_run_ms=0, pieces_with_standard=0)).as_dict()
    assert values["effectiveness"] == 0
    assert values["standard_coverage"] == 0


def test_facts_count_to_an_order_only_with_one() -> None:
    fact = {measure.name: 1 for measure in MEASURES}
    of_order, of_none = Sums.of_fact({**fact, "order": "A-1"}), Sums.of_fact({**fact, "order": ""})
    assert (of_order.aoet_ms, of_order.order_pieces) == (4, 3)
    assert (of_none.aoet_ms, of_none.order_pieces) == (0, 0)
    assert replace(of_order, aoet_ms=0, order_pieces=0) == of_none
    with pytest.raises(KeyError, match="order"):
        Sums.of_fact(fact)


@given(sums)
def test_sums_survive_the_way_through_a_row(some: Sums) -> None:
    assert Sums.of_view({field.name: getattr(some, field.name) for field in fields(Sums)}) == some


@given(st.lists(sums, max_size=5))
def test_sums_add_field_by_field_in_any_order(parts: list[Sums]) -> None:
    total = reduce(add, parts, Sums())
    for field in fields(Sums):
        assert getattr(total, field.name) == sum(getattr(part, field.name) for part in parts)
    assert reduce(add, reversed(parts), Sums()) == total


@given(busy_sums)
def test_oee_is_standard_time_of_good_pieces_over_busy_time(some: Sums) -> None:
    kpis = Kpis(some)
    assert kpis.oee == defined(kpis.availability) * defined(kpis.effectiveness) * defined(kpis.quality)
    identity = Fraction(some.planned_run_ms * some.good, some.pbt_ms * some.pq)
    assert kpis.oee == pytest.approx(float(identity), rel=1e-12)


@given(busy_sums)
def test_the_bounds_enclose_oee_and_meet_it_at_full_coverage(some: Sums) -> None:
    kpis = Kpis(some)
    oee, high = defined(kpis.oee), defined(kpis.oee_high)
    assert defined(kpis.oee_low) <= oee <= high
    if some.unknown_ms == 0:
        assert (kpis.coverage, high) == (1, oee)
    # Times are scaled by APT, so that the planned run time of the pieces that might have been is a whole number.
    produced_ms = some.apt_ms + some.unknown_ms
    all_produced = replace(
        some,
        pbt_ms=some.pbt_ms * some.apt_ms,
        apt_ms=produced_ms * some.apt_ms,
        unknown_ms=0,
        planned_run_ms=some.planned_run_ms * produced_ms,
    )
    assert high == pytest.approx(defined(Kpis(all_produced).oee), rel=1e-12)


@given(sums)
def test_shares_of_time_and_pieces_lie_between_0_and_1(some: Sums) -> None:
    shares = Kpis(replace(some, pbt_ms=some.apt_ms + some.unknown_ms, pieces_with_standard=some.good)).as_dict()
    for name in ("availability", "quality", "setup_ratio", "technical_efficiency", "scrap_ratio", "rework_ratio"):
        share = shares[name]
        assert share is None or 0 <= share <= 1
    assert shares["quality"] is None or sum(
        defined(shares[name]) for name in ("quality", "scrap_ratio", "rework_ratio")
    ) == pytest.approx(1)
