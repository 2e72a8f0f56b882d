"""`sipe keys rotate`: a new key for access tokens, in the place of the oldest; `sipe keys ls` names the live ones."""

from __future__ import annotations

import argparse

from api.keys import KeyRing, directory_of, rotate
from sipe.clock import SystemClock
from sipe.commands._output import out, print_json
from sipe.commands._system import add_data_option, settings_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("action", choices=("init", "ls", "rotate"), help="init makes the first one where there is none")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = (
        "Tokens of the older key are good until the next rotation. Whoever may have a copy of the keys has nothing "
        "after two of them."
    )


def run(args: argparse.Namespace) -> int:
    """Print the names of the live keys, the newest last; raises `SipeError`."""
    directory, now_ms = directory_of(settings_of(args)), SystemClock().now_ms()
    if args.action == "rotate":
        names = rotate(directory, now_ms)
    else:
        names = KeyRing(directory, now_ms, may_create=args.action == "init").names
    if args.json:
        print_json({"directory": str(directory), "keys": names})
        return 0
    for name in names:
        out().print(f"{name}{'  signs' if name == names[-1] else ''}")
    return 0
