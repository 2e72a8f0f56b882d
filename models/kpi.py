"""KPIs as ratios of sums: the independent oracle that the store's views are held against.

Aligned with ISO 22400-2:2014. Facts are summed first and divided last, so a KPI holds for any set of minutes, stations
or orders; ratios are never averaged, rounded or capped. A KPI whose divisor is not positive is undefined: None, never
0 or 1, and so is every KPI that is built on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

HOUR_MS = 3_600_000

Divisor = Literal["failures", "failures_plus_one"]
"""What mean times are divided by: common practice counts failures, ISO 22400-2:2014 adds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The additive part of every KPI: the measures of minute facts, and what of them belongs to orders."""

    pbt_ms: int = 0
    apt_ms: int = 0
    aust_ms: int = 0
    adet_ms: int = 0
    adot_ms: int = 0
    unknown_ms: int = 0
    planned_stop_ms: int = 0
    overtime_ms: int = 0
    conflict_ms: int = 0
    down_ms: int = 0
    failures: int = 0
    attended_ms: int = 0
    worked_ms: int = 0
    good: int = 0
    scrap: int = 0
    rework: int = 0
    cycles: int = 0
    cycle_ms: int = 0
    planned_run_ms: int = 0
    pieces_with_standard: int = 0
    other_source_pieces: int = 0

    aoet_ms: int = 0
    """Actual order execution time (AOET): APT + AUST + ADET + ADOT of the facts that carry an order."""
    order_pieces: int = 0
    """PQ of the facts that carry an order."""

    @classmethod
    def of_fact(cls, fact: Mapping[str, Any]) -> Sums:
        """The sums of one minute fact; raises `KeyError` when it lacks a measure or its `order`."""
        measures = {name: int(fact[name]) for name in _MEASURES}
        alone = cls(**measures)
        if not fact["order"]:
            return alone
        aoet_ms = alone.apt_ms + alone.aust_ms + alone.adet_ms + alone.adot_ms
        return cls(**measures, aoet_ms=aoet_ms, order_pieces=alone.pq)

    @classmethod
    def of_view(cls, row: Mapping[str, Any]) -> Sums:
        """The sums that a row of a KPI view brings; raises `KeyError` when it lacks one."""
        return cls(**{name: int(row[name]) for name in _NAMES})

    def __add__(self, other: Sums) -> Sums:
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})

    @property
    def pq(self) -> int:
        """Produced quantity (PQ): every piece that left a station, good, scrap or rework."""
        return self.good + self.scrap + self.rework


_NAMES = tuple(field.name for field in fields(Sums))
_MEASURES = tuple(name for name in _NAMES if name not in {"aoet_ms", "order_pieces"})


@dataclass(frozen=True, slots=True)
class Kpis:
    """The KPIs of one set of facts, each None where it is undefined."""

    sums: Sums
    divisor: Divisor = "failures"

    @property
    def availability(self) -> float | None:
        """APT / PBT.

        Aligned with ISO 22400-2:2014 (availability). PBT includes the time whose state is unknown.
        """
        return _ratio(self.sums.apt_ms, self.sums.pbt_ms)

    @property
    def effectiveness(self) -> float | None:
        """PRI x PQ / APT, where PRI x PQ is the planned run time of the pieces; above 1 is legal.

        Aligned with ISO 22400-2:2014 (effectiveness). Pieces without a standard time add nothing: read it beside
        `standard_coverage`.
        """
        return _ratio(self.sums.planned_run_ms, self.sums.apt_ms)

    @property
    def quality(self) -> float | None:
        """GQ / PQ.

        Aligned with ISO 22400-2:2014 (quality ratio).
        """
        return _ratio(self.sums.good, self.sums.pq)

    @property
    def oee(self) -> float | None:
        """Availability x effectiveness x quality.

        Aligned with ISO 22400-2:2014 (OEE index).
        """
        return _product(self.availability, self.effectiveness, self.quality)

    @property
    def nee(self) -> float | None:
        """(APT + AUST) / PBT x effectiveness x quality: setup is no loss.

        Aligned with ISO 22400-2:2014 (NEE index).
        """
        sums = self.sums
        return _product(_ratio(sums.apt_ms + sums.aust_ms, sums.pbt_ms), self.effectiveness, self.quality)

    @property
    def utilization_efficiency(self) -> float | None:
        """APT / AUBT, where AUBT = APT + AUST + ADET.

        Aligned with ISO 22400-2:2014 (utilization efficiency).
        """
        sums = self.sums
        return _ratio(sums.apt_ms, sums.apt_ms + sums.aust_ms + sums.adet_ms)

    @property
    def setup_ratio(self) -> float | None:
        """AUST / AUPT, where AUPT = APT + AUST.

        Aligned with ISO 22400-2:2014 (setup ratio).
        """
        return _ratio(self.sums.aust_ms, self.sums.apt_ms + self.sums.aust_ms)

    @property
    def technical_efficiency(self) -> float | None:
        """APT / (APT + ADET).

        Aligned with ISO 22400-2:2014 (technical efficiency).
        """
        return _ratio(self.sums.apt_ms, self.sums.apt_ms + self.sums.adet_ms)

    @property
    def throughput_rate(self) -> float | None:
        """PQ / AOET in pieces per hour, over the facts that carry an order; AOET = APT + AUST + ADET + ADOT.

        Aligned with ISO 22400-2:2014 (throughput rate).
        """
        return _ratio(self.sums.order_pieces * HOUR_MS, self.sums.aoet_ms)

    @property
    def scrap_ratio(self) -> float | None:
        """SQ / PQ.

        Aligned with ISO 22400-2:2014 (scrap ratio).
        """
        return _ratio(self.sums.scrap, self.sums.pq)

    @property
    def rework_ratio(self) -> float | None:
        """RQ / PQ.

        Aligned with ISO 22400-2:2014 (rework ratio).
        """
        return _ratio(self.sums.rework, self.sums.pq)

    @property
    def mtbf_ms(self) -> float | None:
        """TBF / failures, where TBF = APT + AUST; ISO divides by failures + 1.

        Aligned with ISO 22400-2:2014 (mean operating time between failures) but for the divisor, which `divisor` names.
        """
        return _ratio(self.sums.apt_ms + self.sums.aust_ms, self._failures)

    @property
    def mttr_ms(self) -> float | None:
        """TTR / failures, where TTR is the time in state down; ISO divides by failures + 1.

        Aligned with ISO 22400-2:2014 (mean time to restoration) but for the divisor, which `divisor` names.
        """
        return _ratio(self.sums.down_ms, self._failures)

    @property
    def worker_efficiency(self) -> float | None:
        """APWT / APAT.

        Aligned with ISO 22400-2:2014 (worker efficiency).
        """
        return _ratio(self.sums.worked_ms, self.sums.attended_ms)

    @property
    def units_per_attended_hour(self) -> float | None:
        """PQ / APAT in pieces per hour; two operators attend twice.

        Not in ISO 22400-2:2014, built of its elements.
        """
        return _ratio(self.sums.pq * HOUR_MS, self.sums.attended_ms)

    @property
    def coverage(self) -> float | None:
        """1 - UNKNOWN / PBT: the share of planned busy time whose state is known.

        Not in ISO 22400-2:2014, which has no unknown time.
        """
        unknown = _ratio(self.sums.unknown_ms, self.sums.pbt_ms)
        return None if unknown is None else 1 - unknown

    @property
    def oee_low(self) -> float | None:
        """OEE if all unknown time was lost, which is OEE itself.

        Not in ISO 22400-2:2014, which has no unknown time.
        """
        return self.oee

    @property
    def oee_high(self) -> float | None:
        """OEE x (APT + UNKNOWN) / APT: if all unknown time was productive, at the known effectiveness and quality.

        Not in ISO 22400-2:2014, which has no unknown time.
        """
        return _product(self.oee, _ratio(self.sums.apt_ms + self.sums.unknown_ms, self.sums.apt_ms))

    @property
    def standard_coverage(self) -> float | None:
        """Pieces with a standard time / PQ: how much of effectiveness rests on standards.

        Not in ISO 22400-2:2014, which takes standard times for granted.
        """
        return _ratio(self.sums.pieces_with_standard, self.sums.pq)

    @property
    def _failures(self) -> int:
        return self.sums.failures + (self.divisor == "failures_plus_one")

    def as_dict(self) -> dict[str, float | None]:
        """Every KPI by name, in the order of `KPIS`."""
        return {name: getattr(self, name) for name in KPIS}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _product(*factors: float | None) -> float | None:
    product = 1.0
    for factor in factors:
        if factor is None:
            return None
        product *= factor
    return product


KPIS: dict[str, str] = {
    name: (member.__doc__ or "").partition("\n")[0].rstrip(".")
    for name, member in vars(Kpis).items()
    if isinstance(member, property) and not name.startswith("_")
}
"""Every KPI's name and formula, in the order in which the views show them."""
