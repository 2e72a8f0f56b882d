"""The release gate: whether a lot may leave, and if not, everything that is in the way.

A function of what is known, in whatever order it is told. A load point is measured as its newest record says: who
measures again means it, for better or worse. What is wrong with the lot keeps all of it, what is wrong with a unit
keeps the lot until the unit is put right or taken out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from models.refusal import Refused
from models.release.lot import Demand, LoadPoint, Lot, Record, References, Sample, Seal, Sheet, Unit
from models.sampling.plans import Plan, judge, plan
from models.sampling.switching import Inspection

LotCode = Literal[
    "lot_empty", "serial_doubled", "sample_missing", "sample_foreign", "sample_short", "lot_rejected",
    "sampling_discontinued",
]  # fmt: skip
UnitCode = Literal[
    "quarantined", "scrapped", "recalled", "routing_open", "not_presented", "nonconforming",
    "point_missing", "record_stale", "other_limits", "error_out_of_limits",
    "bench_unknown", "bench_not_valid", "other_standard", "standard_unknown", "standard_not_valid",
    "seal_missing", "seal_doubled", "part_stopped",
]  # fmt: skip
Records = Mapping[tuple[str, LoadPoint], list[Record]]


class Reason(NamedTuple):
    """Why something may not leave, in one word and in a sentence."""

    code: LotCode | UnitCode
    detail: str


class Verdict(NamedTuple):
    """Everything that is in the way: of the whole lot, and by serial, only the serials that have something."""

    lot: tuple[Reason, ...]
    units: dict[str, tuple[Reason, ...]]

    @property
    def released(self) -> bool:
        """Whether the lot may leave as it is."""
        return not self.lot and not self.units


class Obstacle(NamedTuple):
    """What is in the way of a release, and where: 'lot', or 'units/' and a serial."""

    path: str
    code: str
    detail: str


def obstacles(verdict: Verdict) -> list[Obstacle]:
    """Everything that is in the way, with its place."""
    found = [Obstacle("lot", *reason) for reason in verdict.lot]
    return found + [Obstacle(f"units/{one}", *reason) for one in verdict.units for reason in verdict.units[one]]


class NotReleased(Refused):
    """A lot that may not leave, with all that is in the way; of very many, the first, and how many there are."""

    SHOWN_MAX = 500

    def __init__(self, lot: str, verdict: Verdict) -> None:
        found = obstacles(verdict)
        super().__init__("not_released", f"lot {lot} may not leave: {len(found)} things are in the way")
        self.problems = tuple(found[: self.SHOWN_MAX])


def gate(
    lot: Lot,
    sheet: Sheet,
    records: Iterable[Record],
    references: References,
    *,
    inspection: Inspection = "normal",
    seals_elsewhere: Collection[str] = (),
) -> Verdict:
    """Whether the lot may leave; `seals_elsewhere` are the numbers of seals on units that are not in it."""
    newest = _newest(records)
    reused = _reused(lot, seals_elsewhere)
    found: dict[str, set[Reason]] = defaultdict(set)
    for unit in lot.units:
        found[unit.serial] |= {
            *_of_unit(unit, lot.sample),
            *(reason for demand in sheet.demands for reason in _of_point(unit, demand, newest, references)),
            *_of_seals(unit.seals, sheet.seals, reused),
        }
    units = {serial: tuple(sorted(found[serial])) for serial in sorted(found) if found[serial]}
    return Verdict(tuple(sorted(_of_lot(lot, sheet, inspection))), units)


def check_references(record: Record, references: References) -> None:
    """Raise `Refused` unless the bench and its standard were good when it was measured: the gate would not take it."""
    for reason in _of_references(record, references):
        raise Refused(reason.code, reason.detail)


def newest_records(records: Iterable[Record]) -> dict[tuple[str, LoadPoint], Record]:
    """The record that counts for each serial and load point: of several of one instant, the one of the largest error.

    At the gate all of them count.
    """
    return {key: max(same, key=_worst_last) for key, same in _newest(records).items()}


def _worst_last(record: Record) -> tuple[bool, float, Record]:
    return math.isnan(record.error_pct), abs(record.error_pct), record


def _newest(records: Iterable[Record]) -> Records:
    newest: dict[tuple[str, LoadPoint], list[Record]] = {}
    for record in records:
        same = newest.setdefault((record.serial, record.point), [])
        if same and record.at_ms > same[0].at_ms:
            same.clear()
        if not same or record.at_ms == same[0].at_ms:
            same.append(record)
    return newest


def _of_lot(lot: Lot, sheet: Sheet, inspection: Inspection) -> Iterator[Reason]:
    if not lot.units:
        yield Reason("lot_empty", f"lot {lot.id} has no unit")
    for serial, times in Counter(unit.serial for unit in lot.units).items():
        if times > 1:
            yield Reason("serial_doubled", f"{serial} is in the lot {times} times")
    if inspection == "discontinued":
        yield Reason("sampling_discontinued", "too many lots were rejected; sampling has to be resumed first")
    elif lot.sample is None or not lot.sample.presented:
        yield Reason("sample_missing", f"no sample of lot {lot.id} is inspected")
    else:
        yield from _of_sample(lot.sample, plan(len(lot.sample.presented), sheet.level, sheet.aql, inspection))


def _of_sample(sample: Sample, demanded: Plan) -> Iterator[Reason]:
    for serial in sample.inspected - sample.presented:
        yield Reason("sample_foreign", f"{serial} is inspected and none of the units that the sample was drawn from")
    for serial in sample.nonconforming - sample.inspected:
        yield Reason("sample_foreign", f"{serial} is nonconforming and none of the units that were inspected")
    inspected = len(sample.inspected & sample.presented)
    if inspected < demanded.sample_size:
        yield Reason("sample_short", f"{inspected} units are inspected, and {demanded.sample_size} have to be")
    if judge(demanded, len(sample.nonconforming)) == "rejected":
        found = len(sample.nonconforming)
        yield Reason("lot_rejected", f"{found} nonconforming units in the sample, and {demanded.reject} reject the lot")


def _of_unit(unit: Unit, sample: Sample | None) -> Iterator[Reason]:
    if unit.status != "free":
        yield Reason(unit.status, f"{unit.serial} is {unit.status}")
    for part in unit.parts_stopped:
        yield Reason("part_stopped", f"{unit.serial} holds {part}, which is stopped or scrapped")
    for step in unit.steps_open:
        yield Reason("routing_open", f"{unit.serial} has not passed step {step}")
    if sample is not None and unit.serial in sample.nonconforming:
        yield Reason("nonconforming", f"{unit.serial} is one of the nonconforming units of the sample")
    if sample is not None and sample.presented and unit.serial not in sample.presented:
        yield Reason("not_presented", f"{unit.serial} was not in the lot when its sample was drawn")


def _of_point(unit: Unit, demand: Demand, newest: Records, references: References) -> Iterator[Reason]:
    same = newest.get((unit.serial, demand.point), [])
    if not same:
        yield Reason("point_missing", f"{unit.serial} is not measured at {demand.point.name}")
    for record in same:
        yield from _of_record(record, unit, demand)
        yield from _of_references(record, references)


def _of_record(record: Record, unit: Unit, demand: Demand) -> Iterator[Reason]:
    where = f"{record.serial} at {record.point.name}"
    if unit.opened_ms is not None and record.at_ms <= unit.opened_ms:
        yield Reason("record_stale", f"{where} was measured before the unit was opened or reworked last")
    if (record.low_pct, record.high_pct) != (demand.low_pct, demand.high_pct):
        held, asked = f"{record.low_pct} to {record.high_pct}", f"{demand.low_pct} to {demand.high_pct}"
        yield Reason("other_limits", f"{where} was held against {held} %, and the sheet says {asked} %")
    if not demand.low_pct <= record.error_pct <= demand.high_pct:  # an error that is no number is out, too
        limits = f"{demand.low_pct} to {demand.high_pct}"
        yield Reason("error_out_of_limits", f"{where} has an error of {record.error_pct} %, out of {limits} %")


def _of_references(record: Record, references: References) -> Iterator[Reason]:
    where = f"{record.serial} at {record.point.name}"
    benches = [one for one in references.benches if one.id == record.bench]
    if not benches:
        yield Reason("bench_unknown", f"{where} was measured on bench {record.bench}, which nobody knows")
    elif not (valid := [one for one in benches if one.valid_from_ms <= record.at_ms < one.valid_until_ms]):
        yield Reason("bench_not_valid", f"{where} was measured when bench {record.bench} was not valid")
    elif record.standard not in {one.standard for one in valid}:
        yield Reason("other_standard", f"{where} names standard {record.standard}, which was not on {record.bench}")
    standards = [one for one in references.standards if one.id == record.standard]
    if not standards:
        yield Reason("standard_unknown", f"{where} was measured with standard {record.standard}, which nobody knows")
    elif not any(one.valid_from_ms <= record.at_ms < one.valid_until_ms for one in standards):
        yield Reason("standard_not_valid", f"{where} was measured when standard {record.standard} was not valid")


def _of_seals(seals: tuple[Seal, ...], places: tuple[str, ...], reused: Collection[str]) -> Iterator[Reason]:
    sealed = {seal.place for seal in seals if seal.number.strip()}
    for place in places:
        if place not in sealed:
            yield Reason("seal_missing", f"there is no seal in place {place}")
    for seal in seals:
        if seal.number.strip() in reused:
            yield Reason("seal_doubled", f"seal {seal.number} in place {seal.place} is in another place, too")


def _reused(lot: Lot, elsewhere: Collection[str]) -> set[str]:
    """The numbers of seals in two places; a unit or a seal that is listed twice is not in two."""
    seals = {(unit.serial, seal.place, seal.number.strip()) for unit in lot.units for seal in unit.seals}
    times = Counter(number for _, _, number in seals if number)
    taken = {number.strip() for number in elsewhere}
    return {number for number in times if times[number] > 1 or number in taken}
