"""One station's part of a run: fold its archive again, compare with what is stored, stage the rows that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from connectors.clickhouse import stored
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.content import days_heard, read_all, read_timeline
from connectors.clickhouse.cuts import Cut
from connectors.clickhouse.sink import Publication
from connectors.clickhouse.writer import ROWS_PER_INSERT, Writer
from models.fold.minutes import MinuteRun
from models.fold.partition import Restatement
from models.fold.refold import Minutes, Refold, blank, replanned
from models.fold.rules import DAY_MS
from models.fold.stops import StopChange
from models.fold.told import History
from models.spans import Span
from pipelines.rows import fact_blocks
from sipe.contracts.calendar import Calendar
from sipe.contracts.tables import version_of

CHUNK_MS = 7 * DAY_MS
"""So much is held in memory at a time."""
TIMELINE_CHUNK_MS = 31 * DAY_MS
"""Without its pieces, a month of a station is small."""


class Calendars(NamedTuple):
    """A station's calendars: as stored rows may be made with them, one history or more, and as they are now."""

    befores: list[History[Calendar]]
    after: History[Calendar]


class Task(NamedTuple):
    """Fold [from_ms, to_ms) of a station again: whole minutes before the floor of its cut.

    With `corrected` calendars nothing but what they have changed is looked at; otherwise everything.
    """

    cut: Cut
    from_ms: int
    to_ms: int
    corrected: Calendars | None = None


class Done(NamedTuple):
    """What was done: events read, cells compared and changed, and the rows that were staged, by table."""

    task: Task
    events: int = 0
    compared: int = 0
    changed: int = 0
    stops_changed: int = 0
    resume_ms: int = 0
    staged: tuple[tuple[str, int], ...] = ()


class Stage:
    """Takes rows to be staged and writes them in inserts of some size; without a writer they go nowhere."""

    def __init__(self, writer: Writer | None) -> None:
        self._writer = writer
        self._blocks: list[Block] = []
        self._rows = 0

    def add(self, blocks: Publication) -> Counter[str]:
        """Take blocks; returns how many rows by table."""
        if self._writer is None:
            return Counter()
        taken: Counter[str] = Counter()
        for block in blocks:
            taken[block.table.name] += len(block)
        self._blocks += blocks
        self._rows += taken.total()
        if self._rows > ROWS_PER_INSERT:
            self.flush()
        return taken

    def flush(self) -> None:
        """Write what waits."""
        if self._writer and self._blocks:
            self._writer.write(self._blocks)
        self._blocks, self._rows = [], 0


def run(task: Task, store: Warehouse, stage: Stage) -> Done:
    """Do one task, up to what waits in the stage. Raises `SipeError` when the store fails."""
    station, cut = task.cut.station, task.cut
    version = max(version_of(*cut.before), 1 + stored.newest_version(store, station, task.from_ms, task.to_ms))
    refold = Refold(cut.floor_ms, stored.stops(store, station, task.from_ms, task.to_ms))
    events, compared, changed = 0, 0, 0
    staged: Counter[str] = Counter()
    parts = _replanned(task, task.corrected, store, refold) if task.corrected else _everything(task, store, refold)
    waiting: list[MinuteRun] = []
    for read, minutes in parts:
        events += read
        compared += minutes.compared
        changed += len(minutes.changed)
        waiting += minutes.changed
        if len(waiting) > ROWS_PER_INSERT:
            staged += stage.add(_rows(cut, waiting, [], version))
            waiting = []
    stops = refold.stop_changes(station)
    staged += stage.add(_rows(cut, waiting, stops, version))
    return Done(task, events, compared, changed, len(stops), refold.resume_ms, tuple(sorted(staged.items())))


def _everything(task: Task, store: Warehouse, refold: Refold) -> Iterator[tuple[int, Minutes]]:
    station = task.cut.station
    for from_ms, to_ms in _chunks(task, CHUNK_MS):
        content = read_all(store, station, task.cut.before, from_ms, to_ms)
        (cells,) = stored.cells(store, station, [(from_ms, to_ms)])
        yield content.events, refold.span(content.station, from_ms, to_ms, cells)


def _replanned(task: Task, calendars: Calendars, store: Warehouse, refold: Refold) -> Iterator[tuple[int, Minutes]]:
    station = task.cut.station
    befores, after = calendars
    heard = blank(station)
    if not befores[0] or befores[0][0][0] > task.from_ms:  # before the first calendar it was planned while heard of
        heard = days_heard(store, station, task.cut.before)
    heard.calendars = after
    for from_ms, to_ms in _chunks(task, TIMELINE_CHUNK_MS):
        spans = replanned(heard, befores, from_ms, to_ms)
        if not spans:
            continue
        content = read_timeline(store, station, task.cut.before, spans)
        yield content.events, Minutes(0, [])
        for (start, end), cells in zip(spans, stored.cells(store, station, spans), strict=True):
            yield 0, refold.span(content.station, start, end, cells, stored_quantities=True)


def _chunks(task: Task, length_ms: int) -> Iterator[Span]:
    for from_ms in range(task.from_ms, task.to_ms, length_ms):
        yield from_ms, min(from_ms + length_ms, task.to_ms)


def _rows(cut: Cut, minutes: list[MinuteRun], stops: list[StopChange], version: int) -> Publication:
    return fact_blocks(Restatement(cut.now_ms, cut.floor_ms, minutes, stops, [], [], []), version)
