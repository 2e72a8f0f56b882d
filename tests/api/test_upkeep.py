"""The loop that sees to what time makes of things: it does it, once, goes on after a failure, and stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from office import ROOT, TEMPLATE, open_office, submitted
from sql_stores import START_MS, store_of
from sqlalchemy import func, select
from waiting import until
from web import Web

from api.background import upkeep
from api.http.once import KEPT_MS
from connectors.files import sheet_library
from connectors.sql import sheets, templates
from connectors.sql.schema.requests import ANSWERS
from connectors.sql.schema.trail import OUTBOX
from connectors.sql.work import Store
from models.approval.workflow import Level, Workflow
from models.sheets.revision import Ref
from sipe.clock import ManualClock
from sipe.errors import SipeError

LIMIT_MS = 3_600_000


def status(store: Store, ref: Ref) -> str:
    with store.reading() as connection:
        return sheets.read(connection, ref).status


def hurried(store: Store) -> None:
    """An office where a level has an hour."""
    open_office(store)
    level = Level(
        name="check",
        meaning="seen",
        roles=frozenset({"engineer"}),
        time_limit_ms=LIMIT_MS,
        on_time_limit="return",
    )
    store.work(ROOT, templates.add_workflow, Workflow(name="two-levels", version=2, levels=(level,)))
    newer = msgspec.structs.replace(sheet_library.template(TEMPLATE), version=2)
    store.work(ROOT, templates.add_template, newer, "two-levels", 2)


@pytest.fixture
def late(clock: ManualClock) -> Iterator[Store]:
    with store_of(hurried, clock) as store:
        yield store


@contextmanager
def running(store: Store, clock: ManualClock, loops: int = 1) -> Iterator[None]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=upkeep.run, args=(store, clock, stop), kwargs={"period_s": 0.01}) for _ in range(loops)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_level_that_is_over_comes_back_and_two_loops_say_so_once(late: Store, clock: ManualClock) -> None:
    ref = submitted(late).ref
    with running(late, clock, loops=2):
        clock.set(START_MS + LIMIT_MS)
        until(lambda: status(late, ref) == "returned", "the level ran out", 30)
    with late.reading() as connection:
        kinds = [msgspec.json.decode(body)["kind"] for body in connection.execute(select(OUTBOX.c.body)).scalars()]
    assert kinds.count("approval_expired") == 1


def test_answers_are_forgotten_when_nobody_asks_for_them_again(web: Web, store: Store, clock: ManualClock) -> None:
    web.post("gil", "/v1/products", {"id": "MTR-100", "display": "Meter"})

    def kept() -> int:
        with store.reading() as connection:
            return connection.execute(select(func.count()).select_from(ANSWERS)).scalar_one()

    upkeep.turn(store, clock, threading.Event())
    assert kept() == 1
    clock.advance(KEPT_MS + 1)
    upkeep.turn(store, clock, threading.Event())
    assert kept() == 0


def test_it_goes_on_after_a_failure(late: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = submitted(late).ref
    clock.set(START_MS + LIMIT_MS)
    failures = iter([SipeError("the store is away"), SipeError("the store is away")])
    whole_turn = upkeep.turn

    def turn(store: Store, clock: ManualClock, stop: threading.Event) -> None:
        if (error := next(failures, None)) is not None:
            raise error
        whole_turn(store, clock, stop)

    monkeypatch.setattr(upkeep, "turn", turn)
    with running(late, clock):
        until(lambda: status(late, ref) == "returned", "the third turn did it", 30)
    assert next(failures, None) is None


def test_who_is_told_to_stop_begins_nothing(late: Store, clock: ManualClock, tmp_path: Path) -> None:
    ref = submitted(late).ref
    clock.set(START_MS + LIMIT_MS)
    stop = threading.Event()
    stop.set()
    upkeep.run(late, clock, stop)
    assert status(late, ref) == "submitted"
