"""What a gateway has noted of a station's events, held against what the office has: each number has a place. No I/O.

Numbers are born here, so nothing has to be believed: each number of a source and boot is in the office's store, or it
is said why it is not. What is left is a mistake of somebody's, and has its own words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from edge.client.shapes.events import ReceivedRun
from edge.uplink.tally import Run

Finding = Literal[
    "stored", "waiting", "on_the_way", "refused", "rejected", "declared", "before", "missing", "foreign", "unkept"
]
EXPLAINED: dict[Finding, str] = {
    "stored": "in the office's store",
    "waiting": "in the spool, to be sent",
    "on_the_way": "in Kafka, and not read from there yet",
    "refused": "never taken: `sipe gateway letters` says why",
    "rejected": "a dead letter of the office: `sipe dlq` shows it there",
    "declared": "lost, as the office was told by a gap",
    "before": "sent before this gateway kept account",
}
UNEXPLAINED: dict[Finding, str] = {
    "missing": "taken by the office long ago, and not in its store",
    "foreign": "in the office's store, and never sent from here: does another gateway use this device?",
    "unkept": "numbered here, and neither kept nor sent",
}


class Here(NamedTuple):
    """What is known on this side, read in this order: what leaves the first is in the second by then."""

    waiting: Sequence[Run]
    noted: Sequence[Run]
    began_ms: int
    """Since when account is kept."""
    numbered: frozenset[str]
    """The sources whose numbers are given here, one after the other."""


class Account(NamedTuple):
    """How many events of an hour are where."""

    hour_ms: int
    found: Counter[Finding]

    @property
    def here(self) -> int:
        """How many this side knows."""
        return self.found.total() - self.found["foreign"] - self.found["before"]

    @property
    def there(self) -> int:
        """How many the office has."""
        return self.found["stored"] + self.found["foreign"] + self.found["before"]


class Trouble(NamedTuple):
    """Numbers that nothing explains."""

    source: str
    boot: int
    first: int
    last: int
    hour_ms: int
    finding: Finding


class Reconciled(NamedTuple):
    """A station, hour by hour, and what is not explained."""

    hours: list[Account]
    troubles: list[Trouble]


class _At(NamedTuple):
    """What one side knows of a number."""

    hour_ms: int
    place: str
    at_ms: int = 0


class _Stretch(NamedTuple):
    """What one side knows of numbers of one source."""

    source: str
    boot: int
    first: int
    last: int
    at: _At


_PLACES = ("declared", "refused", "rejected", "taken", "stored", "waiting")
"""Where a number stands in two places of one side, the later one counts."""


def reconciled(here: Here, there: Iterable[ReceivedRun], due_ms: int) -> Reconciled:
    """Hold the two against each other; what left before `due_ms` had time enough to get from Kafka to the store.

    What is missing of the hour that goes on counts as on the way, as long as anything of it still leaves.
    """
    mine, theirs = _by_source(_here(here)), _by_source(_there(there))
    hours: dict[int, Counter[Finding]] = {}
    troubles: list[Trouble] = []
    for who in sorted(mine.keys() | theirs.keys()):
        numbers = _Numbers(mine.get(who, []), theirs.get(who, []))
        for first, last, my, their in numbers.parts(has_holes=who[0] in here.numbered):
            finding = _finding(my, their, here.began_ms, due_ms)
            hour_ms = numbers.hour_of(first)
            hours.setdefault(hour_ms, Counter())[finding] += last - first + 1
            if finding in UNEXPLAINED:
                troubles.append(Trouble(*who, first, last, hour_ms, finding))
    return Reconciled([Account(hour_ms, hours[hour_ms]) for hour_ms in sorted(hours)], troubles)


class _Numbers:
    """The numbers of one source and boot, in parts of which both sides know the same from the first to the last."""

    def __init__(self, mine: list[_Stretch], theirs: list[_Stretch]) -> None:
        self._cuts = sorted({cut for one in (*mine, *theirs) for cut in (one.first, one.last + 1)})
        self._mine, self._theirs = self._painted(mine), self._painted(theirs)

    def parts(self, *, has_holes: bool) -> Iterator[tuple[int, int, _At | None, _At | None]]:
        """First, last, and what is known; of what nobody knows only when there should be none."""
        for (first, end), my, their in zip(pairwise(self._cuts), self._mine, self._theirs, strict=True):
            if has_holes or my or their:
                yield first, end - 1, my, their

    def hour_of(self, number: int) -> int:
        """The hour of a number, or of the next one that is known of."""
        at = bisect_left(self._cuts, number)
        known = (my or their for my, their in zip(self._mine[at:], self._theirs[at:], strict=True))
        return next(found.hour_ms for found in known if found)

    def _painted(self, stretches: list[_Stretch]) -> list[_At | None]:
        """What is known between one cut and the next."""
        painted: list[_At | None] = [None] * (len(self._cuts) - 1)
        for one in sorted(stretches, key=lambda one: _PLACES.index(one.at.place)):
            begin, end = bisect_left(self._cuts, one.first), bisect_left(self._cuts, one.last + 1)
            painted[begin:end] = [one.at] * (end - begin)
        return painted


def _finding(my: _At | None, their: _At | None, began_ms: int, due_ms: int) -> Finding:
    match my.place if my else "", their.place if their else "":
        case "", "stored" | "rejected":
            return "before" if their and their.hour_ms <= began_ms else "foreign"
        case _, "stored":
            return "stored"
        case "waiting", _:
            return "waiting"
        case _, "rejected":
            return "rejected"
        case ("declared", _) | (_, "declared"):
            return "declared"
        case "refused", _:
            return "refused"
        case "taken", _:
            return "missing" if my and my.at_ms < due_ms else "on_the_way"
        case _:
            return "unkept"


def _here(here: Here) -> Iterator[_Stretch]:
    for run in here.noted:
        yield _Stretch(run.source, run.boot, run.first, run.last, _At(run.hour_ms, run.outcome, run.at_ms))
    for run in here.waiting:
        yield _Stretch(run.source, run.boot, run.first, run.last, _At(run.hour_ms, "waiting"))


def _there(there: Iterable[ReceivedRun]) -> Iterator[_Stretch]:
    for run in there:
        yield _Stretch(run.source, run.boot, run.first, run.last, _At(run.hour_ms, run.place))


def _by_source(stretches: Iterable[_Stretch]) -> dict[tuple[str, int], list[_Stretch]]:
    found: dict[tuple[str, int], list[_Stretch]] = {}
    for one in stretches:
        found.setdefault((one.source, one.boot), []).append(one)
    return found
