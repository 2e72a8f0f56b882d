"""A simulated line at a real gateway: whatever happens to it, each meter ends where it has to, and counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_record import record
from ledger import Balance, Found, Ledger, found_in
from line_rig import LineRig
from line_shop import ORDER, STATIONS
from waiting import until

from connectors.clickhouse.client import Warehouse
from edge.sim.line.line import Outcome
from edge.sim.line.plan import STEPS, Step, plan
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

TIMEOUT_S = 60.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[LineRig]:
    with LineRig(tmp_path) as rig:
        rig.start()
        yield rig


async def wait_for(holds: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(until, holds, what, TIMEOUT_S)


def shows(rig: LineRig, step: Step, state: str) -> bool:
    return any((rig.station(name)["display"] or {}).get("state") == state for name in STATIONS[step])


@pytest.mark.long
def test_each_wrong_meter_is_stopped_where_it_has_to_be_and_no_right_one(rig: LineRig) -> None:
    outcomes = rig.run(plan(8, ["swapped-cover", "doubled-serial", "skipped-step", "kept-register"], seed=1))
    assert [one for one in outcomes if not one.is_right] == []


@pytest.mark.fault
def test_a_cut_network_a_power_cut_and_swapped_covers_cost_no_meter_and_no_result(rig: LineRig) -> None:
    async def storm(ended: list[Outcome]) -> None:
        await wait_for(lambda: len(ended) >= 2, "the first meters")
        await wait_for(lambda: all(rig.station(name)["lease_units"] for name in rig.stations), "leases")
        rig.line.refuse()
        before = len(ended)
        await wait_for(lambda: len(ended) >= before + 3, "meters without the office")
        assert sum(rig.station(name)["untold"] for name in rig.stations) >= 3, "the line was not cut"
        rig.line.heal()
        before = len(ended)
        await wait_for(
            lambda: len(ended) >= before + 2 and shows(rig, "parameterization", "working"), "a meter in work"
        )
        rig.kill()
        assert not rig.status(), "the gateway still runs"
        rig.launch()

    outcomes = rig.run(plan(20, ["swapped-cover"], seed=2), storm)
    assert [one for one in outcomes if not one.is_right] == []
    assert sum(one.planned.wrong == "swapped-cover" for one in outcomes) == 2
    until(lambda: not any(rig.station(name)["untold"] for name in rig.stations), f"all told\n{rig.log}", TIMEOUT_S)
    until(lambda: rig.status()["waiting_bytes"] == 0, "all sent", TIMEOUT_S)

    for outcome in outcomes:
        packed = outcome.taken_off is None
        assert passed(rig, outcome) == list(STEPS if packed else STEPS[: STEPS.index(outcome.taken_off)])
    assert rig.web.get("ana", f"/v1/orders/{ORDER}").json()["good_qty"] == 18
    record("line-storm", close_the_books(rig), met=rig.line.cuts + 1 + 2)


def passed(rig: LineRig, outcome: Outcome) -> list[str]:
    """The steps that the office knows the unit to have passed, each as often as it did."""
    unit = rig.web.get("ana", f"/v1/units/{outcome.label}").json()
    return [step["step"] for step in unit["steps"] if step["result"] == "passed"]


def close_the_books(rig: LineRig) -> Balance:
    """Every event that went to Kafka is stored, and counts once."""
    ledger = Ledger()
    for seen in rig.topic.look():
        event = decode(seen.value)
        assert isinstance(event, StationEvent)
        ledger.event(event, seen.value)

    def is_stored() -> bool:
        rig.tick()
        return len(stored(rig).stored) >= ledger.sent

    until(is_stored, f"{ledger.sent} events are stored", TIMEOUT_S)
    return ledger.balance(stored(rig)).close()


def stored(rig: LineRig) -> Found:
    with Warehouse(rig.runtime.system.store) as store:
        return found_in(store)
