"""The story of a line: meters walk along the stations of a gateway, two covers are swapped, and the network is cut.

    python examples/line-story.py

The gateway is `sipe gateway`, the office is `sipe up`, and both are gone afterwards. The meters, the scanners and the
network between the two are simulated (`edge/sim`), at the pace of real ones: programming begins at 300 Bd.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

from floor import a_floor, gateway, write_config
from story import SIPE, YEAR_MS, chapter, environ, hired, say, service

from edge.agent.post import home_of, token_file
from edge.client.calls import Client
from edge.client.login import enrol
from edge.client.shapes import (
    ForStation,
    GivenRole,
    Level,
    NewDecision,
    NewOrder,
    NewPerson,
    NewProduct,
    NewRange,
    NewSetup,
    NewSheet,
    NewTemplate,
    NewTick,
    Operation,
    OrderAction,
    Routing,
    Workflow,
)
from edge.client.shapes import Step as RoutingStep
from edge.sim.line.line import Line, Outcome
from edge.sim.line.plan import STEPS, Step, plan
from edge.sim.line.stand import Screens
from edge.sim.network import Network
from sipe.errors import SipeError

LINE = "manaus.final.line-1"
STATIONS: dict[Step, tuple[str, ...]] = {step: (f"{LINE}.{step}",) for step in STEPS}
STATIONS["serial-output"] = tuple(f"{LINE}.serial-output-{number}" for number in (1, 2, 3))
PRODUCT, ORDER = "MTR-300", "OP-300"
METERS, SEED = 4, 5
WAITING = 2
"""The network is mended when so many results wait for it."""
SHEETS: dict[Step, tuple[str, dict[str, object]]] = {
    "parameterization": (
        "parameterization",
        {
            "product": PRODUCT,
            "firmware_version": "3.1.4",
            "iec_mode": "C",
            "meter_parameters": [{"register": "0.9.1", "value": "127", "read_back": "number"}],
            "serial_register": "0.0.0",
            "programming_lock": "command",
        },
    ),
    "serial-output": (
        "serial-output-test",
        {
            "product": PRODUCT,
            "listening_jig": "JIG-SO-06",
            "output_protocol": "pima",
            "pull_up_v": 12,
            "pima_rate_bd": 2_400,
            "packet_period_s": 5,
            "expected_quantities": [{"scope_index": "10/2", "quantity": "active energy", "max_kwh": 5}],
            "serial_proof": "packet",
            "printed_serial_reader": "scanner",
        },
    ),
}
"""The template of each sheet, and what the sheet says."""
TIMEOUT_S = 90.0
LOOK_S = 0.2


def main() -> None:
    """Tell it."""
    with service("up") as (url, root), root, tempfile.TemporaryDirectory() as directory:
        asyncio.run(tell(url, root, Path(directory)))


async def tell(url: str, root: Client, directory: Path) -> None:
    """The whole story."""
    chapter("An order of meters that are programmed, closed and heard")
    set_up_office(url, root)
    office = urlsplit(url)
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(Network(office.hostname or "", office.port or 0))
        floor = await stack.enter_async_context(a_floor(STATIONS))
        config = write_config(directory, network.port, floor)
        enrol_stations(url, root, directory)
        chapter(f"A gateway keeps {len(floor.scanners)} stations going, and {METERS} meters walk along them")
        screens = Screens(await stack.enter_async_context(gateway(config)))
        async with asyncio.timeout(TIMEOUT_S):
            await walk(floor.line(ORDER, screens), network, screens)
            chapter("What the gateway has made, and what the office has of it")
            await show_account(config)


def set_up_office(url: str, root: Client) -> None:
    """People, a product, its routing, an order, and for each station that works on meters an approved sheet."""
    with ExitStack() as stack:
        (gil, _), (caio, pin), (pia, _) = (
            hired(
                root, url, NewPerson(id=name, display=name.title(), roles=tuple(GivenRole(name=one) for one in roles))
            )
            for name, roles in (("gil", ["engineer"]), ("caio", ["quality"]), ("pia", ["planner", "operator"]))
        )
        for person in (gil, caio, pia):
            stack.enter_context(person)
        release = Level(name="release", meaning="released for production", roles=("quality",))
        caio.publish_workflow(Workflow(name="one-level", version=1, levels=(release,)))
        gil.add_product(NewProduct(id=PRODUCT, display="Meter 300"))
        operations = tuple(Operation(steps=(routing_step(step),)) for step in STEPS)
        gil.publish_routing(Routing(product=PRODUCT, revision=1, operations=operations))
        gil.add_serial_range(NewRange(id="meters", prefix="", digits=10, first=103_050_709, last=103_999_999))
        for step, (template, values) in SHEETS.items():
            bound = NewTemplate(template=caio.library_template(template), workflow="one-level", workflow_version=1)
            caio.publish_template(bound)
            new_sheet = NewSheet(number=f"TS-{step}", template=template, product=PRODUCT, step=step, values=values)
            draft = gil.begin_sheet(new_sheet)
            sheet = gil.submit_sheet(draft.number, draft.revision, version=draft.version)
            decision = NewDecision(kind="approve", level="release", secret=pin)
            sheet = caio.decide_sheet(sheet.number, sheet.revision, decision, version=sheet.version)
            say(f"{sheet.number}/{sheet.revision} is {sheet.status}.")
        new_order = NewOrder(
            number=ORDER, product=PRODUCT, routing_revision=1, planned_qty=100, line=LINE, serial_range="meters"
        )
        draft_order = pia.add_order(new_order)
        pia.act_on_order(ORDER, OrderAction(action="release"), version=draft_order.version)
        for step in SHEETS:
            for station in STATIONS[step]:
                set_up(gil, pia, step, station)
        say(f"Order {ORDER} is released, and every station is set up for it.")


def routing_step(step: Step) -> RoutingStep:
    """A step of the routing, with the template of its sheet if it has one."""
    template = SHEETS[step][0] if step in SHEETS else None
    return RoutingStep(name=step, stations=STATIONS[step], template=template)


def set_up(engineer: Client, operator: Client, step: Step, station: str) -> None:
    """The setup sheet of a station, with its checklist done."""
    setup = engineer.derive_setup(NewSetup(order=ORDER, station=station, step=step))
    for item in setup.checklist:
        valid_until_ms = int(time() * 1_000) + YEAR_MS if item.kind == "calibrated" else None
        tick = NewTick(item=item.id, seen=item.expected, valid_until_ms=valid_until_ms)
        setup = operator.tick_setup(setup.id, tick, version=setup.version)


def enrol_stations(url: str, root: Client, directory: Path) -> None:
    """As `sipe gateway enrol` does, for each station."""
    for names in STATIONS.values():
        for name in names:
            code = root.offer_code(ForStation(station=name)).code
            enrol(url, code, token_file(home_of(directory / "gateway", name))).close()


async def walk(line: Line, network: Network, screens: Screens) -> None:
    """The meters walk; as soon as there are leases the network is cut, until results wait for it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(cut_once(network, screens))
        outcomes = await line.run(plan(METERS, ["swapped-cover"], SEED), show)
    packed = sum(outcome.taken_off is None for outcome in outcomes)
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    if wrong:
        raise SipeError(f"these meters ended where they must not: {wrong}")
    say(f"{packed} of {METERS} meters are packed; the {METERS - packed} whose covers were swapped were caught.", "bold")


async def cut_once(network: Network, screens: Screens) -> None:
    """Cut the network when every station may go on without it, and mend it when results wait."""
    await until(screens, lambda stations: all(one["lease_units"] for one in stations))
    network.cut()
    say("The network is cut. Each station has a lease, and goes on.", "bold yellow")
    await until(screens, lambda stations: untold(stations) >= WAITING)
    waiting = untold(await screens.all())
    network.mend()
    say(f"The network is back; {waiting} results have waited for it.", "bold yellow")
    await until(screens, lambda stations: not untold(stations))
    say("The office has them.", "bold yellow")


async def until(screens: Screens, holds: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until something holds of the stations of the status page."""
    while not ((stations := await screens.all()) and holds(stations)):
        await asyncio.sleep(LOOK_S)


def untold(stations: list[dict[str, Any]]) -> int:
    """How many results the office has not heard."""
    return sum(one["untold"] for one in stations)


def show(outcome: Outcome) -> None:
    """What became of a meter."""
    if outcome.taken_off is None:
        say(f"{outcome.label} is packed.", "green")
    else:
        say(f"{outcome.label} is taken off at {outcome.taken_off}: {outcome.because}.", "red")


async def show_account(config: Path) -> None:
    """What `sipe gateway reconcile` finds, once all is stored."""
    while True:
        done = await asyncio.to_thread(
            subprocess.run, (SIPE, "gateway", "reconcile", "--config", str(config), "--hours", "1", "--json"),
            env=environ(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        hours = [hour for station in json.loads(done.stdout or "[]") for hour in station["hours"]]
        here, there = sum(hour["here"] for hour in hours), sum(hour["there"] for hour in hours)
        if done.returncode == 0 and here == there > 0:
            say(f"Of {here} events that were numbered here, {there} are in the store, each once.", "bold")
            return
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    main()
