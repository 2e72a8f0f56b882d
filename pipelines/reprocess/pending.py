"""What has to be folded again: an asked-for span, and the station-days that late events and corrections have marked."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

from connectors.clickhouse.archive_sql import DEFINITIONS
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse, connect
from connectors.clickhouse.content import Position
from connectors.clickhouse.cuts import Cut, cuts
from connectors.clickhouse.writer import Writer
from models.fold.intake import apply
from models.fold.refold import blank
from models.fold.rules import DAY_MS, MINUTE_MS, FoldConfig, minute_of
from pipelines.reprocess.job import Report, Result, fold_again
from pipelines.reprocess.work import Calendars, Done, Task
from sipe.contracts.codec import Reject, decode
from sipe.contracts.events import CalendarAssigned, CountingAuthoritySet, Event, StandardTimeSet
from sipe.contracts.fields import INTERVAL_MS_MAX
from sipe.contracts.tables import REFOLDS_DONE, version_of

_PENDING = """
SELECT station, toUInt32(day) AS day, version, done_version, resume_ms FROM refolds_pending ORDER BY station, day
"""

_NEWS = """
SELECT station, epoch, offset, toUnixTimestamp64Milli(record_ts), raw FROM events
WHERE station IN %(stations)s AND (outcome = 'late' OR type IN %(definitions)s AND outcome = 'accepted')
ORDER BY epoch, offset
"""
_SETTLED = "SELECT station, max(version) FROM refolds_done GROUP BY station"


_log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """A marked station-day: the newest mark, what it was folded again for, and whether a stop waits for the floor."""

    station: str
    day_ms: int
    version: int
    done_version: int
    resume_ms: int

    def __str__(self) -> str:
        return f"{self.station} on {datetime.fromtimestamp(self.day_ms / 1000, UTC):%Y-%m-%d}"

    @property
    def is_new(self) -> bool:
        """Whether something was marked since it was folded again."""
        return self.version > self.done_version


class News(NamedTuple):
    """An event that was late, or defines something: where it lies in the log, and its record's time."""

    at: Position
    record_ms: int
    event: Event | Reject


class Plan(NamedTuple):
    """Tasks, and the marks that they settle, each at its station's cut."""

    tasks: list[Task]
    settled: dict[Cut, list[Mark]]
    too_late: list[Mark]
    """Of those, the days that are past the archive's retention: they stay as they are, for good."""


def asked_for(found: Iterable[Cut], from_ms: int, to_ms: int) -> list[Task]:
    """The part before each station's floor of the whole minutes that hold [from_ms, to_ms)."""
    from_ms, to_ms = minute_of(from_ms), -(-to_ms // MINUTE_MS) * MINUTE_MS
    return [
        Task(cut, max(from_ms, cut.begin_ms), min(to_ms, cut.floor_ms))
        for cut in found
        if max(from_ms, cut.begin_ms) < min(to_ms, cut.floor_ms)
    ]


def marks(store: Warehouse) -> list[Mark]:
    """Every station-day that waits."""
    return [Mark(station, day * DAY_MS, *rest) for station, day, *rest in store.tuples(_PENDING)]


def plan(store: Warehouse) -> Plan:
    """What can be done about marks now: all that is new of a station, and days whose stations have come far enough.

    Marks and news are read after the cuts, so that none of before a cut is overlooked. What was marked since is folded
    as far as the cut goes, and stays marked: what a station's latest run has not counted came after its cut.
    """
    found = cuts(store, FoldConfig(), {mark.station for mark in marks(store)})
    waiting = marks(store)
    ready = {
        name: taken
        for name, taken in _taken(waiting, found).items()
        if any(_is_ready(mark, found[name]) for mark in taken)
    }
    news = _news(store, ready)
    planned = Plan([], {}, [])
    settled = dict(store.tuples(_SETTLED))
    for name, taken in ready.items():
        cut = found[name]
        planned.settled[cut] = taken
        planned.too_late.extend(mark for mark in taken if mark.day_ms + DAY_MS <= cut.begin_ms)
        from_ms = max(min(mark.day_ms for mark in taken), cut.begin_ms)
        if from_ms < cut.floor_ms:
            corrected = _corrected_calendars(cut, taken, news[name], settled.get(name, 0))
            planned.tasks.append(Task(cut, from_ms, cut.floor_ms, corrected))
    return planned


def settle_marks(address: Address, *, processes: int = 2, report: Report = lambda *_: None) -> Result:
    """Fold everything that is marked again, as far as it can be; raises `SipeError`."""
    with connect(address) as store:
        planned = plan(store)
        result = fold_again(address, planned.tasks, processes=processes, report=report)
        settle(address, planned.settled, result.done)
    for mark in planned.too_late:
        _log.warning("too_late: %s is past the archive's retention and stays as it is", mark)
    return result


def settled_by(results: Collection[Done], waiting: Iterable[Mark]) -> dict[Cut, list[Mark]]:
    """The marks that asked-for work has settled by the way: all of a station that can be, or none."""
    by_station = {done.task.cut.station: done.task for done in results}
    taken = _taken(waiting, {name: task.cut for name, task in by_station.items()})
    return {
        task.cut: taken[name]
        for name, task in by_station.items()
        if task.to_ms == task.cut.floor_ms
        and all(task.from_ms <= max(mark.day_ms, task.cut.begin_ms) for mark in taken[name])
    }


def settle(address: Address, settled: Mapping[Cut, Collection[Mark]], results: Iterable[Done]) -> None:
    """Write down that marks are settled, after all that they asked for is visible."""
    resume_ms = {done.task.cut.station: done.resume_ms for done in results}
    rows = [
        (mark.station, mark.day_ms // DAY_MS, cut.version, resume_ms.get(mark.station, 0))
        for cut, marked in settled.items()
        for mark in marked
    ]
    if rows:
        with closing(Writer(address)) as writer:
            writer.write([Block.of_tuples(REFOLDS_DONE, rows)])


def _taken(waiting: Iterable[Mark], found: Mapping[str, Cut]) -> dict[str, list[Mark]]:
    """What a run has to take of each station: whatever is new, and what is ready."""
    taken: dict[str, list[Mark]] = {name: [] for name in found}
    for mark in waiting:
        if mark.station in found and (mark.is_new or _is_ready(mark, found[mark.station])):
            taken[mark.station].append(mark)
    return taken


def _is_ready(mark: Mark, cut: Cut) -> bool:
    return mark.version <= cut.version if mark.is_new else 0 < mark.resume_ms <= cut.floor_ms


def _news(store: Warehouse, stations: Collection[str]) -> dict[str, list[News]]:
    found: dict[str, list[News]] = defaultdict(list)
    scope = {"stations": tuple(stations), "definitions": DEFINITIONS}
    for station, epoch, offset, record_ms, raw in store.tuples(_NEWS, scope) if stations else ():
        found[station].append(News(Position(epoch, offset), record_ms, decode(raw.encode())))
    return found


def _corrected_calendars(cut: Cut, taken: list[Mark], news: list[News], since: int) -> Calendars | None:
    """The calendars before and after, when they alone made the marks; else None, and everything has to be looked at."""
    if any(mark.resume_ms for mark in taken):
        return None
    came: list[Position] = []
    for at, record_ms, event in news:
        if at >= cut.before or version_of(*at) <= since:
            continue
        if not isinstance(event, CalendarAssigned | StandardTimeSet | CountingAuthoritySet):
            return None
        if not _may_have_marked(cut, event.valid_from_ms, record_ms):
            continue
        if not isinstance(event, CalendarAssigned) or event.ts_ms < cut.floor_ms:  # then it is a sign of life there
            return None
        came.append(at)
    return _calendars(cut, news, came) if came else None


def _calendars(cut: Cut, news: list[News], corrected: list[Position]) -> Calendars:
    """With what stored rows may be made: the calendars before each of the corrected ones came."""
    befores, after = [blank(cut.station) for _ in corrected], blank(cut.station)
    for at, _, event in news:
        if at < cut.before and isinstance(event, CalendarAssigned):
            apply(after, event)
            for came, before in zip(corrected, befores, strict=True):
                if at < came or at not in corrected:
                    apply(before, event)
    return Calendars([before.calendars for before in befores], after.calendars)


def _may_have_marked(cut: Cut, valid_from_ms: int, record_ms: int) -> bool:
    """Whether a definition can have found older time than the flow still knew.

    No event is admitted that is more than minutes ahead of its record, so the floor lay almost 72 h before the record.
    The station's beginning is the longest interval before its first event, or earlier.
    """
    beyond_ms = record_ms - INTERVAL_MS_MAX
    return valid_from_ms < beyond_ms and cut.begin_ms < beyond_ms - INTERVAL_MS_MAX
