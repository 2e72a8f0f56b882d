"""`sipe certs`: a small certificate authority for brokers, services and gateways."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from connectors.tls import authority
from connectors.tls.authority import Issued
from sipe.clock import SystemClock
from sipe.commands._output import listed, out, plural, print_json
from sipe.errors import UsageError

DIRECTORY = Path("certs")
DAYS_MAX = 3650
ENDS_SOON_DAYS = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = "Kafka knows a client by its certificate's name: sipe-flow, sipe-ticker, sipe-gateway.LINE, ..."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    init = actions.add_parser("init", help="make the authority", description="make the authority")
    issue = actions.add_parser("issue", help="sign a certificate", description="sign a certificate")
    issue.add_argument("name", metavar="NAME", help="its common name, and the name of its files")
    issue.add_argument(
        "--host", action="append", default=[], metavar="HOST", help="a name or address of a server; may be repeated"
    )
    ls = actions.add_parser("ls", help="list what there is and when it ends", description="list certificates")
    ls.epilog = f"Exit code 1 when one has ended or ends within {ENDS_SOON_DAYS} days."
    for action, days in ((init, authority.AUTHORITY_DAYS), (issue, authority.DAYS)):
        action.add_argument("--days", type=int, default=days, metavar="N", help=f"valid for so long; default: {days}")
    for action in (init, issue, ls):
        action.add_argument(
            "--dir", type=Path, default=DIRECTORY, metavar="DIR", help=f"where the files are; default: {DIRECTORY}"
        )
        action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Make, sign or list; raises `UsageError` rather than overwrite a file."""
    now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    if args.action == "ls":
        return _list(authority.listed(args.dir), now, as_json=args.json)
    if not 1 <= args.days <= DAYS_MAX:
        raise UsageError(f"--days {args.days} does not lie between 1 and {DAYS_MAX}")
    if args.action == "init":
        issued = authority.init(args.dir, now, args.days)
    else:
        issued = authority.issue(args.dir, args.name, args.host, now, args.days)
    if args.json:
        print_json(_as_json(issued, now))
    else:
        out().print(f"wrote {listed([str(file) for file in issued.files])}; it ends on {issued.ends:%Y-%m-%d}")
    return 0


def _list(certificates: list[Issued], now: datetime, *, as_json: bool) -> int:
    if as_json:
        print_json([_as_json(issued, now) for issued in certificates])
    else:
        table = Table("name", "hosts", "ends", "left", box=None)
        for issued in certificates:
            left = issued.days_left(now)
            style = "bold red" if left < 0 else "yellow" if left < ENDS_SOON_DAYS else None
            words = "has ended" if left < 0 else plural(left, "day")
            table.add_row(issued.name, ", ".join(issued.hosts), f"{issued.ends:%Y-%m-%d}", words, style=style)
        out().print(table)
    return int(any(issued.days_left(now) < ENDS_SOON_DAYS for issued in certificates))


def _as_json(issued: Issued, now: datetime) -> dict[str, Any]:
    return {
        "name": issued.name,
        "hosts": list(issued.hosts),
        "ends": issued.ends,
        "days_left": issued.days_left(now),
        "files": [str(file) for file in issued.files],
    }
