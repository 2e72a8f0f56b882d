"""An account against one that is kept number by number, over everything that the two sides may know."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.client.shapes.events import ReceivedRun
from edge.uplink.reconcile import Finding, Here, reconciled
from edge.uplink.tally import HOUR_MS, Run

OWN = "gateway"
BEGAN_MS = 2 * HOUR_MS
DUE_MS = 1_000


class Known(NamedTuple):
    """What each side says of one number."""

    hour: int
    here: str | None
    is_due: bool
    there: str | None


KNOWN = st.builds(
    Known,
    hour=st.integers(1, 4),
    here=st.sampled_from([None, "taken", "refused", "declared", "waiting"]),
    is_due=st.booleans(),
    there=st.sampled_from([None, "stored", "rejected", "declared"]),
)
SOURCES = st.dictionaries(
    st.tuples(st.sampled_from([OWN, "device"]), st.integers(1, 2)),
    st.lists(KNOWN, min_size=1, max_size=12),
    min_size=1,
)


def expected(known: Known) -> Finding:
    """As the words of the findings have it."""
    if known.there in {"stored", "rejected"} and known.here is None:
        return "before" if known.hour * HOUR_MS <= BEGAN_MS else "foreign"
    if known.there == "stored":
        return "stored"
    if known.here == "waiting":
        return "waiting"
    if known.there == "rejected":
        return "rejected"
    if "declared" in {known.here, known.there}:
        return "declared"
    if known.here == "refused":
        return "refused"
    return "missing" if known.is_due else "on_the_way"


@given(SOURCES)
def test_every_number_has_the_place_that_a_naive_account_gives_it(sources: dict[tuple[str, int], list[Known]]) -> None:
    here: list[Run] = []
    waiting: list[Run] = []
    there: list[ReceivedRun] = []
    counts: dict[int, Counter[Finding]] = {}
    troubled: set[tuple[str, int, int, Finding]] = set()
    for (source, boot), numbers in sources.items():
        for number, known in enumerate(numbers, start=1):
            hour_ms = known.hour * HOUR_MS
            at_ms = DUE_MS - 1 if known.is_due else DUE_MS
            run = Run(source, boot, hour_ms, "taken", number, number, at_ms)
            if known.here == "waiting":
                waiting.append(run)
            elif known.here is not None:
                here.append(run._replace(outcome=known.here))  # type: ignore[arg-type]  # one of them
            if known.there is not None:
                there.append(
                    ReceivedRun(source=source, boot=boot, hour_ms=hour_ms, place=known.there, first=number, last=number)  # type: ignore[arg-type]  # the same
                )
        told = [n for n, known in enumerate(numbers, start=1) if known.here or known.there]
        for number in range(min(told, default=1), max(told, default=0) + 1):
            known = numbers[number - 1]
            if number in told:
                hour_ms, finding = known.hour * HOUR_MS, expected(known)
            elif source == OWN:
                next_known = numbers[next(n for n in told if n > number) - 1]
                hour_ms, finding = next_known.hour * HOUR_MS, "unkept"
            else:
                continue
            counts.setdefault(hour_ms, Counter())[finding] += 1
            if finding in {"missing", "foreign", "unkept"}:
                troubled.add((source, boot, number, finding))

    found = reconciled(Here(waiting, here, BEGAN_MS, frozenset({OWN})), there, DUE_MS)

    assert {hour.hour_ms: hour.found for hour in found.hours} == counts
    assert {
        (one.source, one.boot, number, one.finding)
        for one in found.troubles
        for number in range(one.first, one.last + 1)
    } == troubled


def test_runs_of_any_length_cost_what_runs_cost() -> None:
    noted = [Run("device", 1, HOUR_MS, "declared", 1, 2**62, 0)]
    there = [ReceivedRun(source="device", boot=1, hour_ms=HOUR_MS, place="stored", first=2**40, last=2**41 - 1)]
    [hour] = reconciled(Here([], noted, 0, frozenset()), there, DUE_MS).hours
    assert hour.found == {"declared": 2**62 - 2**40, "stored": 2**40}
    assert (hour.here, hour.there) == (2**62, 2**40)


def test_nothing_on_either_side_is_an_empty_account() -> None:
    assert reconciled(Here([], [], 0, frozenset({OWN})), [], DUE_MS) == ([], [])
