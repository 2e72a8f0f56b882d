"""A run: tasks shared out among processes, their rows staged, then swapped in. One run at a time."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from connectors.clickhouse.client import Address, Warehouse, connect
from connectors.clickhouse.staging import SUFFIX, Staging
from connectors.clickhouse.writer import Writer
from connectors.embedded.lock import DirectoryLock
from models.fold.rules import DAY_MS
from pipelines.reprocess.work import Done, Stage, Task, run
from sipe.errors import SipeError

LOCK = "reprocess/lock"
"""In the data directory; the kernel gives it back when a run ends, however it ends."""

TASKS_PER_LOT = 4
"""At most so many stations are staged together by a worker."""

Report = Callable[[int, int], None]
"""Called with how many station-days are done, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run did, in all and per task."""

    done: list[Done] = field(default_factory=list)
    seconds: float = 0.0

    def total(self, name: str) -> int:
        """The sum of a number over all tasks."""
        return sum(getattr(done, name) for done in self.done)


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Hold the lock of runs; raises `SipeError` when another run has it."""
    lock = DirectoryLock(data_dir / LOCK)
    try:
        lock.acquire()
    except SipeError as error:
        raise SipeError(f"another run of `sipe reprocess` is at work: {error}") from error
    try:
        yield
    finally:
        lock.release()


def fold_again(
    address: Address,
    tasks: Sequence[Task],
    *,
    processes: int = 2,
    dry_run: bool = False,
    report: Report = lambda *_: None,
) -> Result:
    """Do the tasks and make what differs visible; a dry run changes nothing.

    A run that is killed leaves nothing that anyone reads, and can be made again. Raises `SipeError`.
    """
    if not tasks:
        return Result()
    began_s = time.monotonic()
    found: list[Done] = []
    all_days = -(-sum(task.to_ms - task.from_ms for task in tasks) // DAY_MS)
    finished_ms = 0
    with connect(address) as store:
        staging = Staging(store)
        if not dry_run:
            staging.prepare()
        try:
            report(0, all_days)
            for done in _results(address, tasks, processes, dry_run=dry_run):
                found.append(done)
                finished_ms += done.task.to_ms - done.task.from_ms
                report(finished_ms // DAY_MS, all_days)
            if not dry_run:
                staged: Counter[str] = Counter()
                for done in found:
                    staged.update(dict(done.staged))
                staging.swap(staged)
        finally:
            if not dry_run:
                staging.drop()
    return Result(done=found, seconds=time.monotonic() - began_s)


def _results(address: Address, tasks: Sequence[Task], processes: int, *, dry_run: bool) -> Iterator[Done]:
    size = max(1, min(TASKS_PER_LOT, len(tasks) // (2 * processes)))  # few tasks are spread over all processes
    lots = [tasks[at : at + size] for at in range(0, len(tasks), size)]
    if min(processes, len(lots)) <= 1:
        with Warehouse(address) as store, closing(_writer(address)) as writer:
            for lot in lots:
                yield from _run(lot, store, None if dry_run else writer)
        return
    context = multiprocessing.get_context("spawn")  # nothing of this process, its connections least of all
    with context.Pool(min(processes, len(lots)), _start_worker, (address, dry_run)) as pool:
        for done in pool.imap_unordered(_run_in_worker, lots):
            yield from done


def _run(lot: Sequence[Task], store: Warehouse, writer: Writer | None) -> list[Done]:
    stage = Stage(writer)
    done = [run(task, store, stage) for task in lot]
    stage.flush()
    return done


def _writer(address: Address) -> Writer:
    return Writer(address, suffix=SUFFIX)


class _Worker:
    """What a worker process works with."""

    store: Warehouse
    writer: Writer | None


def _start_worker(address: Address, dry_run: bool) -> None:
    _Worker.store = Warehouse(address)
    _Worker.writer = None if dry_run else _writer(address)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _run_in_worker(lot: Sequence[Task]) -> list[Done]:
    return _run(lot, _Worker.store, _Worker.writer)


def _leave_with_parent() -> None:
    """A parent that was killed cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
