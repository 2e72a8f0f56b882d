"""Whether a unit is good: by what a bench has measured, and by the limits of the sheet, which no bench overrules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from edge.client.shapes import Contract
from edge.client.shapes.common import Limit
from edge.stations.bench_format import Record, Value


class Measured(NamedTuple):
    """A value with the limits that it was held against, if there are any."""

    value: Value
    low: float | None
    high: float | None
    passed: bool


class Verdict(NamedTuple):
    """Good when there are no `failures`, each in a few words."""

    measured: tuple[Measured, ...]
    failures: tuple[str, ...]


def limits_of(contract: Contract) -> dict[str, Limit]:
    """What may be measured, by the name of the test; with `.` and the name of the limit where a test has several."""
    return {
        test.id if len(test.limits) == 1 else f"{test.id}.{limit.id}": limit
        for test in contract.tests
        for limit in test.limits
    }


def verdict_on(records: Sequence[Record], limits: dict[str, Limit]) -> Verdict:
    """Every value has to be within its limits, every limit has to have been measured, and no record may say no."""
    values = [value for record in records for value in record.values]
    says_no = [record for record in records if record.passed is False]
    troubles = [(value, _trouble(value, limits.get(value.test))) for value in values]
    failures = [*(trouble for _, trouble in troubles if trouble), *_missing(values, limits)]
    failures += [f"the bench says {record.verdict}" for record in says_no[:1]]
    if not limits and all(record.passed is None for record in records):
        failures.append("neither the bench nor the sheet says whether this is good")
    return Verdict(
        tuple(_measured(value, limits.get(value.test), trouble) for value, trouble in troubles), tuple(failures)
    )


def _measured(value: Value, limit: Limit | None, trouble: str) -> Measured:
    low, high = (limit.low, limit.high) if limit else (None, None)
    return Measured(value, low, high, not trouble)


def _trouble(value: Value, limit: Limit | None) -> str:
    if limit is None:
        return ""
    if value.unit and limit.unit and value.unit != limit.unit:
        return f"{value.test} is told in {value.unit}, and the sheet has {limit.unit}"
    if limit.equal is not None and f"{value.value:g}" != limit.equal:
        return f"{value.test} is {value.value:g}, and has to be {limit.equal}"
    if limit.low is not None and value.value < limit.low:
        return f"{value.test} is {value.value:g}, below {limit.low:g} {limit.unit or ''}".rstrip()
    if limit.high is not None and value.value > limit.high:
        return f"{value.test} is {value.value:g}, above {limit.high:g} {limit.unit or ''}".rstrip()
    return ""


def _missing(values: Iterable[Value], limits: dict[str, Limit]) -> Iterator[str]:
    measured = {value.test for value in values}
    for test in limits:
        if test not in measured:
            yield f"{test} was not measured"
