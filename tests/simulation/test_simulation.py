"""The whole way through the house in one process, under a storm of faults that one seed decides."""

from __future__ import annotations

import logging
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from buggify import FAULTS
from fault_record import record
from ledger import Balance
from simulated_broker import Broker
from simulated_flow import Flow, Saved
from simulation import Result, World

from connectors.clickhouse.writer import Writer
from pipelines.fold import FoldLogic
from sipe.errors import SipeError

COUNT = int(os.environ.get("SIMULATION_SEEDS", "20"))
FIRST = int(os.environ.get("SIMULATION_FIRST", "1"))
ENOUGH = 30
"""In so many runs every kind of fault has to have happened."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The writer warns of each attempt that failed; here that is what was asked for."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def run(seed: int) -> Result:
    """One run, on a disk in memory where there is one; whatever goes wrong says how to see it again."""
    memory = Path("/dev/shm")  # noqa: S108  a directory of our own in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        try:
            return World(seed, Path(directory)).run()
        except Exception as error:
            again = "python -m pytest tests/simulation -k every_run"
            error.add_note(f"seed={seed}; see it again: SIMULATION_FIRST={seed} SIMULATION_SEEDS=1 {again}")
            raise


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * COUNT)
def test_every_run_closes_the_ledger_and_writes_the_tables_of_a_calm_one() -> None:
    met: Counter[str] = Counter()
    results = []
    for seed in range(FIRST, FIRST + COUNT):
        results.append(run(seed))
        met.update(results[-1].met)
    balance = Balance(
        lost=[line for result in results for line in result.balance.lost],
        doubled=[line for result in results for line in result.balance.doubled],
    )
    record("simulation", balance, met=met.total(), runs=COUNT)
    if COUNT >= ENOUGH:
        assert not [fault for fault in FAULTS if not met[fault]], "these faults never happened"
        assert sum(result.balance.declared for result in results) > 0
        assert sum(result.rows_repeated for result in results) > 0
        assert max(result.steps for result in results) > 1_000


def test_the_same_seed_gives_the_same_run() -> None:
    assert run(FIRST) == run(FIRST)


def _run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run(seed)


def _offset_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    save = Flow.save

    def sabotaged(flow: Flow) -> None:
        save(flow)
        flow._saved = {number: Saved(saved.offset + 1, saved.state) for number, saved in flow._saved.items()}

    monkeypatch.setattr(Flow, "save", sabotaged)


def _let_go_before_the_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    produce = Broker.produce

    def sabotaged(broker: Broker, messages: Any) -> int:
        produce(broker, messages)
        return len(messages)

    monkeypatch.setattr(Broker, "produce", sabotaged)


def _take_a_failed_write_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    insert = Writer._insert

    def sabotaged(writer: Writer, *arguments: Any) -> None:
        monkeypatch.setattr(writer._retry.__class__, "waits_s", lambda _: iter(()))
        with suppress(SipeError):
            insert(writer, *arguments)

    monkeypatch.setattr(Writer, "_insert", sabotaged)


def _forget_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = FoldLogic.snapshot

    def sabotaged(logic: FoldLogic) -> bytes:
        fold, *rest = pickle.loads(snapshot(logic))
        for station in fold.stations.values():
            station.pieces = {}
        return pickle.dumps((fold, *rest))

    monkeypatch.setattr(FoldLogic, "snapshot", sabotaged)


@pytest.mark.parametrize(
    "sabotage",
    [_offset_too_far, _let_go_before_the_acknowledgement, _take_a_failed_write_for_done, _forget_the_state],
    ids=lambda sabotage: sabotage.__name__.strip("_"),
)
def test_a_flow_that_breaks_its_word_is_caught(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        _run_all(range(1, 20))
