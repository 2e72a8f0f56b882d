"""`sipe gateway`: keep the stations of a gateway's file going; check the file, enrol a station, read dead letters.

It needs nothing beside the gateway's own packages, so that it runs where the line is.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import logging
import signal
import sys
from pathlib import Path

from edge.agent.agent import Agent
from edge.agent.page import HOST, StatusPage
from edge.agent.post import ONCE, home_of, parts_of, tls_of, token_file
from edge.agent.programs import PROGRAMS
from edge.agent.settings import GatewayFile, read_file
from edge.client.login import enrol
from edge.uplink.letters import Letters
from sipe.errors import SipeError, UsageError

DEFAULT_FILE = Path("gateway.toml")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", help="default: run")
    actions.add_parser("run", help="keep the stations going until SIGTERM; a changed file is taken in")
    check = actions.add_parser("check", help="say what the file sets up, or what is wrong in it")
    join = actions.add_parser("enrol", help="make this gateway a station's device, with a code; asks for the code")
    join.add_argument("--station", required=True, help="as the file names it")
    letters = actions.add_parser("letters", help="print what the office will never take, as JSON lines")
    for action in (check, join, letters, actions.choices["run"]):
        action.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    parser.epilog = "Programs of stations: " + "; ".join(f"{name}: {one.about}" for name, one in PROGRAMS.items())


def run(args: argparse.Namespace) -> int:
    """Run, check, enrol, or print letters."""
    return {None: _run, "run": _run, "check": _check, "enrol": _enrol, "letters": _letters}[args.action](args)


def _run(args: argparse.Namespace) -> int:
    _checked(read_file(args.config))
    asyncio.run(_serve(args.config))
    return 0


async def _serve(path: Path) -> None:
    agent = Agent(path)
    port = agent.file.gateway.status_port
    try:
        page = StatusPage(port, lambda: agent.view) if port else None
    except OSError as error:
        raise SipeError(f"gateway.status_port: {HOST}:{port} cannot be had: {error.strerror}") from error
    for ended in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ended, agent.stop)
    if page is not None:
        logging.getLogger(__name__).info("status page: http://%s:%d/", HOST, page.port)
    try:
        await agent.run()
    finally:
        if page is not None:
            page.close()


def _check(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    _checked(file)
    used = {channel for station in file.stations.values() for channel in station.channels}
    for station in file.stations.values():
        enrolled = (
            "enrolled" if token_file(home_of(Path(file.gateway.directory), station.name)).read() else "not enrolled"
        )
        print(f"{station.name}: {station.program} on {', '.join(station.channels)}; {enrolled}")
    for name in file.channels.keys() - used:
        print(f"channel {name} is used by no station")
    print(f"{args.config}: {len(file.stations)} stations, {len(file.channels)} channels")
    return 0


def _checked(file: GatewayFile) -> None:
    """Raise `UsageError` for what can be known to be wrong before anything is opened."""
    tls_of(file.office)
    for station in file.stations:
        parts_of(station, file)


def _enrol(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    if args.station not in file.stations:
        raise UsageError(f"{args.config} has no station {args.station!r}; it has {', '.join(file.stations)}")
    code = getpass.getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline()
    kept = token_file(home_of(Path(file.gateway.directory), args.station))
    timeout_s = file.office.timeout_ms / 1000
    with enrol(
        file.office.url, code.strip(), kept, timeout_s=timeout_s, patience=ONCE, tls=tls_of(file.office)
    ) as device:
        at = device.me().station
    if at != args.station:
        print(f"warning: this code is for {at}, and not for {args.station}", file=sys.stderr)
        return 1
    print(f"{args.station}: enrolled")
    return 0


def _letters(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    for letter in Letters(Path(file.gateway.directory) / "dead-letters"):
        print(json.dumps({**letter._asdict(), "value": letter.value.decode(errors="replace")}))
    return 0
