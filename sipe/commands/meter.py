"""`sipe meter KIND`: a meter that is not there, at a pseudo terminal or a TCP port, to try a gateway with.

It needs nothing beside the gateway's own packages.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from edge.protocols.iec62056.meter import SAYS_BREAK, SAYS_ERROR, SAYS_NAK
from edge.sim.bus import Bus
from edge.sim.faults import FAULTS, by_seed
from edge.sim.kinds import KINDS, Wanted
from edge.sim.playing import loop_ms, played
from edge.sim.ports import Port, PtyPort, TcpPort
from sipe.errors import UsageError

_BY_NAME = {kind.name: kind for kind in KINDS}
_PLAIN = Wanted()
METERS_MAX = 8


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("kind", choices=tuple(_BY_NAME), help="; ".join(f"{kind.name}: {kind.about}" for kind in KINDS))
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, metavar="PATH", help="a name for the pseudo terminal that stays the same")
    where.add_argument("--tcp", metavar="HOST:PORT", help="a TCP port instead; port 0 is any")
    parser.add_argument("--serial", default=_PLAIN.serial, help=f"(default: {_PLAIN.serial})")
    parser.add_argument("--meters", type=int, default=1, metavar="N", help="so many on one line, with serials in a row")
    parser.add_argument(
        "--fault", dest="faults", metavar="NAME=NUMBER", action="append", default=[],
        help=f"{', '.join(FAULTS)}: a share of characters; or the rate's factor, the milliseconds of a gap or a delay, "
        "the number of the message from which on nothing comes",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="the same seed is the same faults (default: 0)")
    parser.add_argument("--echo", action="store_true", help="give back what is sent, as optical heads do")
    only = parser.add_argument_group("iec62056-21 only")
    only.add_argument("--wants-password", default=_PLAIN.password, help=f"(default: {_PLAIN.password})")
    only.add_argument(
        "--refusal", choices=(SAYS_ERROR, SAYS_BREAK, SAYS_NAK), default=SAYS_ERROR, help="of a wrong password"
    )
    only.add_argument("--address", default="", help="the address of the meter (default: none)")
    only.add_argument("--maker", default=_PLAIN.maker, help="three letters; a small third one is a quick meter")
    only.add_argument("--rate-id", default=_PLAIN.rate_id, metavar="Z", help="the rate that it offers (default: 5)")
    for option, about in (
        ("--register", "a register that it has, and what it holds"),
        ("--keeps", "a register that keeps this, whatever is written"),
    ):
        only.add_argument(option, metavar="ADDRESS=VALUE", action="append", default=[], help=about)
    only.add_argument("--power-cut", type=int, metavar="N", help="power goes in the middle of its message N")
    only.add_argument("--off-ms", type=int, metavar="MS", help="and comes back so much later (default: never)")
    parser.epilog = "It prints where it is, and what is written to it, until it is ended with Ctrl-C."


def run(args: argparse.Namespace) -> int:
    """Play it until Ctrl-C; raises `UsageError` for what is no meter or no place."""
    asyncio.run(_play(args))
    return 0


async def _play(args: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, ended.set)
    bus, port = _bus(args), _port(args)
    async with played(bus, port) as playing:
        _print(f"{args.kind} at {port.where}")
        await asyncio.wait({playing, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)


def _bus(args: argparse.Namespace) -> Bus:
    if not 1 <= args.meters <= METERS_MAX:
        raise UsageError(f"--meters {args.meters} does not lie between 1 and {METERS_MAX}")
    named = [_fault(text) for text in args.faults]
    kind, wanted = _BY_NAME[args.kind], _wanted(args)
    try:
        talkers = [kind.talker(wanted.another(number)) for number in range(args.meters)]
    except ValueError as error:
        raise UsageError(f"{args.kind}: {error}") from None
    return Bus(
        talkers,
        loop_ms(),
        to_meters=by_seed(named, args.seed, "to meters"),
        to_port=by_seed(named, args.seed, "to port"),
        echo=args.echo,
    )


def _wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(
        serial=args.serial,
        seed=args.seed,
        password=args.wants_password,
        refusal=args.refusal,
        address=args.address,
        maker=args.maker,
        rate_id=args.rate_id,
        contents=dict(_pair("--register", text) for text in args.register),
        keeps=dict(_pair("--keeps", text) for text in args.keeps),
        on_write=lambda address, content: _print(f"{address} = {content}"),
        power_cut_at=args.power_cut,
        off_ms=args.off_ms,
    )


def _port(args: argparse.Namespace) -> Port:
    if args.tcp is None:
        return PtyPort(args.link)
    host, _, port = args.tcp.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--tcp {args.tcp}: write HOST:PORT, such as 127.0.0.1:4001")
    return TcpPort(host, int(port))


def _fault(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    if name not in FAULTS:
        raise UsageError(f"--fault {text}: there is no {name!r}; there are {', '.join(FAULTS)}")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 < value < 1_000_000:
        raise UsageError(f"--fault {text}: {number!r} is no number above 0")
    return name, value


def _pair(option: str, text: str) -> tuple[str, str]:
    address, equals, value = text.partition("=")
    if not address or not equals:
        raise UsageError(f"{option} {text}: write ADDRESS=VALUE")
    return address, value


def _print(line: str) -> None:
    print(line)
    sys.stdout.flush()  # whoever started it waits for the line
