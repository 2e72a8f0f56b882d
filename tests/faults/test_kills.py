"""Kill -9 of the flow: while it works, while it recovers, and before it has saved anything."""

from __future__ import annotations

import os
import random
import time

import pytest
from fault_record import record
from fault_system import NewSystem, a_day, chunks, until

from sipe.settings import Settings

KILLS = int(os.environ.get("KILLS", "5"))

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka")]


@pytest.mark.timeout(120 + 30 * KILLS)
def test_killed_at_random_moments_the_flow_loses_and_doubles_nothing(new_system: NewSystem) -> None:
    """Every other kill strikes while the flow works; the others within the first second of its life."""
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # noqa: T201  shown when the test fails
    moments, day = random.Random(seed), a_day(seed % 1_000)
    system = new_system()
    system.start()
    recovery_s: list[float] = []
    in_recovery = 0
    for number, chunk in enumerate(chunks(day, KILLS)):
        stored = system.stored()
        system.play(chunk)
        if number % 2:
            time.sleep(moments.uniform(0.0, 1.0))  # the moment is what is random
        else:
            until(system.has_moved_on(stored), f"progress\n{system.log[-2000:]}")
            time.sleep(moments.uniform(0.0, 0.2))
        if number % 2 and not system.caught_up():
            in_recovery += 1
        system.kill()
        began = time.monotonic()
        system.start()
        if not number % 2:
            system.catch_up()
            recovery_s.append(time.monotonic() - began)
    system.catch_up()
    balance = system.close_the_books(day.now_ms)
    assert in_recovery > 0, "no kill met a flow that was recovering"
    record("flow-killed", balance, met=KILLS - KILLS // 2, runs=KILLS - KILLS // 2, recovery_s=recovery_s)
    record("flow-killed-recovering", balance, met=in_recovery, runs=KILLS // 2)


def test_killed_before_its_first_snapshot_the_flow_begins_again(new_system: NewSystem) -> None:
    day = a_day(11)
    first, second = chunks(day, 2)
    system = new_system(Settings(snapshot_interval_ms=60_000))
    system.start()
    system.play(first)
    system.catch_up()
    assert system.snapshots() == 0, "a snapshot was saved: this would prove nothing"
    rows = system.inserted_rows()
    system.kill()
    began = time.monotonic()
    system.start()
    system.play(second)
    system.catch_up()
    recovery_s = time.monotonic() - began
    balance = system.close_the_books(day.now_ms)
    assert system.inserted_rows() > rows
    record("flow-killed-new", balance, met=1, recovery_s=[recovery_s])
