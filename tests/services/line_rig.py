"""A simulated line at a real gateway, whose office stores what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from line_shop import ORDER, STATIONS, open_line_shop
from server_process import free_port
from storing_rig import StoringRig

from edge.sim.faults import by_seed
from edge.sim.line.fixture import Fixture
from edge.sim.line.line import Line, Outcome
from edge.sim.line.plan import STEPS, Planned, Step
from edge.sim.line.stand import Screens, Stand
from edge.sim.meters import PASSWORD
from edge.sim.ports import TcpPort

RUN_S = 240.0
LEASE_UNITS = 50
NOISE = [("flip", 0.0005)]
"""On every cable of a fixture: a packet in a hundred comes broken, and an answer in fifty is asked for again."""
ON_FIXTURES: tuple[Step, ...] = ("parameterization", "serial-output")


class LineRig(StoringRig):
    """See `GatewayRig`; the stations are those of the line."""

    def __init__(self, directory: Path) -> None:
        self._ports = {station: free_port() for step in ON_FIXTURES for station in STATIONS[step]}
        channels = [
            {"name": _channel(station), "kind": "tcp", "host": "127.0.0.1", "port": port}
            for station, port in self._ports.items()
        ]
        stations = {station: _table(step, station, directory) for step in STEPS for station in STATIONS[step]}
        super().__init__(directory, stations, shop=open_line_shop, channels=channels)

    def run(
        self,
        planned: Sequence[Planned],
        beside: Callable[[list[Outcome]], Coroutine[Any, Any, None]] | None = None,
    ) -> list[Outcome]:
        """Have the meters walk; `beside` is given the outcomes so far, which grow, and goes on at the same time."""
        seen: list[Outcome] = []

        async def run() -> list[Outcome]:
            async with asyncio.timeout(RUN_S), self._line() as line, asyncio.TaskGroup() as group:
                if beside is not None:
                    group.create_task(beside(seen))
                return await line.run(planned, seen.append)

        return asyncio.run(run())

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        screens = Screens(self.status_port)
        stands: dict[Step, list[Stand]] = {step: [] for step in STEPS}
        async with AsyncExitStack() as stack:
            for step in STEPS:
                for station in STATIONS[step]:
                    fixture = None
                    if step in ON_FIXTURES:
                        noise = by_seed(NOISE, 1, station)
                        fixture = Fixture(TcpPort(port=self._ports[station]), to_port=noise)
                        await stack.enter_async_context(fixture.ready())
                    stands[step].append(Stand(station, ORDER, self.scanners[station].scan, screens, fixture))
            yield Line(stands)


def _table(step: Step, station: str, directory: Path) -> dict[str, Any]:
    table: dict[str, Any] = {"program": "scan", "lease_units": LEASE_UNITS}
    if step == "assembly":
        table["begins_units"] = True
    if step in ON_FIXTURES:
        table |= {"program": step, "channel": _channel(station)}
    if step == "parameterization":
        password = directory / "meter-password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        table["meter"] = {"driver": "iec62056-21", "password_file": str(password), "sets_rate": False}
    return table


def _channel(station: str) -> str:
    return station.rpartition(".")[2]
