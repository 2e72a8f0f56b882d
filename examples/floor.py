"""What stands around the gateway of the line's story: scanners, fixtures, an operator at each station, and its file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from story import SIPE, environ

from edge.agent.settings import read_file
from edge.sim.line.fixture import Fixture
from edge.sim.line.line import Line
from edge.sim.line.plan import STEPS, Step
from edge.sim.line.stand import Screens, Stand
from edge.sim.meters import PASSWORD
from edge.sim.ports import TcpPort

LEASE_UNITS = 20
ON_FIXTURES: tuple[Step, ...] = ("parameterization", "serial-output")
"""Where a meter is put on; elsewhere it is scanned and no more."""
Stations = Mapping[Step, tuple[str, ...]]


class Floor(NamedTuple):
    """What stands around the gateway, by station."""

    stations: Stations
    scanners: dict[str, TcpPort]
    meters: dict[str, TcpPort]
    fixtures: dict[str, Fixture]

    def line(self, order: str, screens: Screens) -> Line:
        """An operator at each station."""
        return Line(
            {
                step: [Stand(name, order, self._scan_at(name), screens, self.fixtures.get(name)) for name in names]
                for step, names in self.stations.items()
            }
        )

    def _scan_at(self, station: str) -> Callable[[str], None]:
        return lambda text: self.scanners[station].say(text.encode() + b"\r\n")


@asynccontextmanager
async def a_floor(stations: Stations) -> AsyncIterator[Floor]:
    """Scanners and fixtures behind serial servers, at ports of their own."""
    scanners = {name: TcpPort() for names in stations.values() for name in names}
    meters = {name: TcpPort() for step in ON_FIXTURES for name in stations[step]}
    fixtures = {name: Fixture(port) for name, port in meters.items()}
    async with AsyncExitStack() as stack:
        for scanner in scanners.values():
            await stack.enter_async_context(Fixture(scanner).ready())
        for fixture in fixtures.values():
            await stack.enter_async_context(fixture.ready())
        yield Floor(stations, scanners, meters, fixtures)


def write_config(directory: Path, office_port: int, floor: Floor) -> Path:
    """The gateway's file."""
    password = directory / "meter-password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    meter = f'{{ driver = "iec62056-21", password_file = "{password}", sets_rate = false }}'
    tables = [
        f'[gateway]\ndirectory = "{directory / "gateway"}"\nstatus_port = {free_port()}\n',
        f'[office]\nurl = "http://127.0.0.1:{office_port}"\ntimeout_ms = 2_000\n',
    ]
    for step, names in floor.stations.items():
        for name in names:
            short = name.rpartition(".")[2]
            tables.append(channel(f"scanner-{short}", floor.scanners[name]))
            station = [
                f'name = "{name}"', f'scanner = "scanner-{short}"', f"lease_units = {LEASE_UNITS}",
                f'program = "{step if step in ON_FIXTURES else "scan"}"',
                f"begins_units = {str(step == STEPS[0]).lower()}",
            ]  # fmt: skip
            if name in floor.meters:
                tables.append(channel(f"meter-{short}", floor.meters[name]))
                station.append(f'channel = "meter-{short}"')
            if step == "parameterization":
                station.append(f"meter = {meter}")
            tables.append("\n".join(["[[station]]", *station, ""]))
    path = directory / "gateway.toml"
    path.write_text("\n".join(tables))
    return path


def channel(name: str, port: TcpPort) -> str:
    """A channel's table."""
    return f'[[channel]]\nname = "{name}"\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port.port}\n'


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[int]:
    """A gateway that runs by a file; the port of its status page."""
    running = await asyncio.create_subprocess_exec(
        SIPE, "gateway", "--config", str(config),
        env=environ(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield read_file(config).gateway.status_port
    finally:
        running.terminate()
        await running.wait()
