"""The parameterization station with driver, port and simulated meter: what is said of a unit is in the meter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from desk_post import Post
from played_meter import Bench
from shop import ASSEMBLY, CALIBRATION
from station_day import OfSheet, day, events, worked

from edge.drivers.iec62056 import Settings
from edge.sim.bus import Talks
from edge.sim.faults import dropping, silence
from edge.sim.ports import PtyPort, TcpPort
from edge.sim.power import LosesPower
from edge.spool import Spool
from edge.stations.scan_station import Scanned
from sipe.contracts.events import CycleCompleted, ParametersApplied

pytestmark = pytest.mark.long

PostAt = Callable[[str], Post]
RIGHT = {"0.9.1": "127", "C.1": "A0", "0.0.0": "WA000001"}
"""What the shop's sheet wants, and the serial of the unit."""
OPTIONS = Settings(answer_ms=1_600)


def powerless(make: Callable[[], Talks]) -> Talks:
    """Power goes with the acknowledgement of the second write."""
    return LosesPower(make, at_send=5, off_ms=500, rate_bd=300)


def worked_on(post_at: PostAt, spool: Spool, bench: Bench) -> tuple[str, str, ParametersApplied, CycleCompleted]:
    """State and text of the screen at the end, and what was said of the unit."""
    assembly, post = post_at(ASSEMBLY), post_at(CALIBRATION)
    day(assembly, Scanned(begins_units=True), "OP-1", "OP-1", spool=spool)

    async def story() -> list[tuple[str, str]]:
        async with bench.driver() as driver:
            return await worked(post, OfSheet(driver), "OP-1", "WA000001", spool=spool)

    state, text = asyncio.run(story())[-1]
    said = events(spool)
    (applied,) = (event for event in said if isinstance(event, ParametersApplied))
    cycle = said[-1]
    assert isinstance(cycle, CycleCompleted)
    return state, text, applied, cycle


def held(bench: Bench) -> dict[str, Any]:
    return {register: bench.registers.contents[register] for register in RIGHT}


@pytest.mark.parametrize("port", [PtyPort, TcpPort])
def test_the_parameters_of_the_sheet_and_the_serial_are_in_the_meter(
    post_at: PostAt, spool: Spool, port: Callable[[], Any]
) -> None:
    bench = Bench(maker="SIp", port=port(), echo=True, settings=Settings(sets_rate=port is PtyPort))
    state, text, applied, cycle = worked_on(post_at, spool, bench)
    assert (state, text, applied.accepted, cycle.result) == ("passed", "good", True, "good")
    assert held(bench) == RIGHT


def test_a_number_that_the_meter_writes_in_its_own_way_is_the_same(post_at: PostAt, spool: Spool) -> None:
    bench = Bench(maker="SIp", port=PtyPort(), keeps={"0.9.1": "000127.0"})
    assert worked_on(post_at, spool, bench)[:2] == ("passed", "good")
    assert held(bench) == RIGHT | {"0.9.1": "000127.0"}


def test_a_line_that_loses_characters_costs_time_and_no_unit(post_at: PostAt, spool: Spool) -> None:
    bench = Bench(maker="SIp", port=PtyPort(), settings=OPTIONS, to_meters=dropping(Random(5), 0.01))
    assert worked_on(post_at, spool, bench)[:2] == ("passed", "good")
    assert held(bench) == RIGHT


UNTOUCHED = {"0.9.1": "000000", "C.1": "?", "0.0.0": ""}


@pytest.mark.parametrize(
    ("how", "reason", "in_the_meter"),
    [
        ({"keeps": {"C.1": "a0"}}, "C.1 was written as 'A0' and is 'a0'", RIGHT | {"C.1": "a0"}),
        ({"keeps": {"0.0.0": "WA9"}}, "0.0.0 was written as 'WA000001' and is 'WA9'", RIGHT | {"0.0.0": "WA9"}),
        ({"password": "11111111"}, "the meter refuses sign-on: ER04", UNTOUCHED),
        ({"password": "11111111", "refusal": "break"}, "the meter refuses sign-on: break", UNTOUCHED),
        ({"to_port": silence(1)}, "sign-on: the meter says nothing", UNTOUCHED),
        ({"to_port": silence(5)}, "C.1: the meter says nothing", {"0.9.1": "127", "C.1": "A0", "0.0.0": ""}),
        ({"wraps": powerless}, "C.1: the meter says nothing", {"0.9.1": "127", "C.1": "A0", "0.0.0": ""}),
        ({"to_meters": dropping(Random(1), 0.6)}, "sign-on: the meter says nothing", UNTOUCHED),
    ],
)
def test_a_meter_that_does_not_hold_them_fails_with_the_reason(
    post_at: PostAt, spool: Spool, how: dict[str, Any], reason: str, in_the_meter: dict[str, str]
) -> None:
    bench = Bench(maker="SIp", port=PtyPort(), settings=OPTIONS, **how)
    state, text, applied, cycle = worked_on(post_at, spool, bench)
    assert state == "failed"
    assert text.startswith(reason)
    assert (applied.accepted, applied.detail, cycle.result, cycle.reason) == (False, text, "rework", text)
    assert held(bench) == in_the_meter


def test_the_unit_after_one_that_failed_is_none_the_worse(post_at: PostAt, spool: Spool) -> None:
    """One meter falls silent midway; the next on the same line passes."""
    assembly, post = post_at(ASSEMBLY), post_at(CALIBRATION)
    day(assembly, Scanned(begins_units=True), "OP-1", "OP-1", "OP-1", spool=spool)
    bench = Bench(maker="SIp", port=PtyPort(), settings=OPTIONS, to_port=silence(5, OPTIONS.tries))

    async def story() -> list[tuple[str, str]]:
        async with bench.driver() as driver:
            return await worked(post, OfSheet(driver), "OP-1", "WA000001", "WA000002", spool=spool)

    shown = [(state, text) for state, text in asyncio.run(story()) if state in {"passed", "failed"}]
    assert [state for state, _ in shown] == ["failed", "passed"]
    assert held(bench) == RIGHT | {"0.0.0": "WA000002"}
