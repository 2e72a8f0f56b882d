"""`sipe gateway`: keep the stations of a gateway's file going; check the file, enrol a station, read dead letters.

It needs nothing beside the gateway's own packages, so that it runs where the line is.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import signal
import sys
from pathlib import Path

import msgspec

from edge.agent.account import HOURS_MAX
from edge.agent.agent import Agent
from edge.agent.page import HOST, StatusPage
from edge.agent.post import ONCE, home_of, parts_of, tls_of, token_file
from edge.agent.programs import PROGRAMS
from edge.agent.settings import GatewayFile, read_file
from edge.client.login import TokenFile, enrol
from edge.uplink.letters import Letters, line_of
from edge.uplink.settings import tls_of as uplink_tls
from sipe.commands._reconcile import account, lines_of
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
    books = actions.add_parser("reconcile", help="hold what was made here against what the office has, hour by hour")
    books.add_argument("--station", help="default: each station of the file")
    books.add_argument("--hours", type=hours_back, default=24, metavar="N", help="default: the last 24")
    books.add_argument("--json", action="store_true", help="print a JSON array, one object per station")
    for action in (check, join, letters, books, actions.choices["run"]):
        action.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    parser.epilog = "Programs of stations: " + "; ".join(f"{name}: {one.about}" for name, one in PROGRAMS.items())


def run(args: argparse.Namespace) -> int:
    """Run, check, enrol, print letters, or keep account: 1 when that leaves anything unexplained."""
    actions = {
        None: _run, "run": _run, "check": _check, "enrol": _enrol, "letters": _letters, "reconcile": _reconcile,
    }  # fmt: skip
    return actions[args.action](args)


def _run(args: argparse.Namespace) -> int:
    _checked(read_file(args.config))
    asyncio.run(_serve(args.config))
    return 0


async def _serve(path: Path) -> None:
    agent = Agent(path)
    port = agent.file.gateway.status_port
    try:
        page = StatusPage(port, lambda: agent.view, agent.account) if port else None
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
        print(f"{station.name}: {station.program} on {', '.join(station.channels)}; {_enrolled(file, station.name)}")
    for name in file.channels.keys() - used:
        print(f"channel {name} is used by no station")
    print(f"{args.config}: {len(file.stations)} stations, {len(file.channels)} channels")
    return 0


def _enrolled(file: GatewayFile, station: str) -> str:
    """Whether a station is enrolled, as far as whoever asks may know; nothing is made by asking."""
    try:
        known = token_file(Path(file.gateway.directory) / station).read() is not None
    except (OSError, UsageError) as error:
        return f"whether it is enrolled cannot be read: {error}"
    return "enrolled" if known else "not enrolled"


def _checked(file: GatewayFile) -> None:
    """Raise `UsageError` for what can be known to be wrong before anything is opened."""
    tls_of(file.office)
    for station in file.stations:
        if file.uplink is not None:
            uplink_tls(file.uplink, station)
        parts_of(station, file)


def _enrol(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    _known(args.station, file, args.config)
    code = getpass.getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline()
    draft = home_of(Path(file.gateway.directory), args.station) / "token.draft"
    options = {"timeout_s": file.office.timeout_ms / 1000, "patience": ONCE, "tls": tls_of(file.office)}
    try:
        with enrol(file.office.url, code.strip(), TokenFile(draft), **options) as device:
            at = device.me().station
        if at != args.station:
            raise SipeError(
                f"this code was for {at}: revoke the device that it made, and have one made for {args.station}"
            )
        draft.replace(draft.with_name("token"))
    finally:
        draft.unlink(missing_ok=True)
    print(f"{args.station}: enrolled")
    return 0


def _letters(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    for letter in Letters(Path(file.gateway.directory) / "dead-letters"):
        print(line_of(letter).decode())
    return 0


def _reconcile(args: argparse.Namespace) -> int:
    file = read_file(args.config)
    if args.station:
        _known(args.station, file, args.config)
    found = [account(file, name, args.hours) for name in ([args.station] if args.station else file.stations)]
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        print("\n".join(line for one in found for line in lines_of(one)))
    return int(any(one.unexplained for one in found))


def hours_back(text: str) -> int:
    """How many hours; raises `ValueError` for what is no such number."""
    hours = int(text)
    if not 1 <= hours <= HOURS_MAX:
        raise argparse.ArgumentTypeError(f"1 to {HOURS_MAX} hours")
    return hours


def _known(station: str, file: GatewayFile, path: Path) -> None:
    if station not in file.stations:
        raise UsageError(f"{path} has no station {station!r}; it has {', '.join(file.stations)}")
