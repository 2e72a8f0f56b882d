"""`sipe admin PERSON`: the first administrator, made at the server by whoever may read its secrets."""

from __future__ import annotations

import argparse
import getpass
import sys

from connectors.sql import credentials, people
from connectors.sql.opening import open_store
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Store
from models.audit import Who
from models.identity import ADMIN
from models.refusal import Refused
from sipe.clock import SystemClock
from sipe.commands._output import out
from sipe.commands._system import add_data_option, settings_of
from sipe.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("person", metavar="PERSON", help="their id: a number of the staff register, for it stays")
    parser.add_argument("--display", metavar="NAME", default="", help="their name (default: the id)")
    parser.add_argument(
        "--reset", action="store_true", help="give an administrator that there is another password, and let them in"
    )
    add_data_option(parser)
    parser.epilog = "The password is asked for, or read from stdin. Administrators add everybody else over /v1/people."


def run(args: argparse.Namespace) -> int:
    """Make or let back in an administrator; raises `SipeError`."""
    password = _password()
    secrets = Secrets()
    who = Who(f"console-{getpass.getuser()}", "console", "none")
    try:
        credentials.check_password(args.person, password)
        with open_store(settings_of(args), SystemClock()) as store:
            if not args.reset:
                store.work(who, people.add_first, args.person, args.display or args.person, ADMIN, secrets.name("op-"))
            else:
                _check_is_admin(store, args.person)
            credentials.set_password(store, secrets, who, args.person, password)
    except Refused as refused:
        raise UsageError(f"{args.person}: {refused}") from refused
    out().print(f"{args.person} may sign in and administer people and devices")
    return 0


def _check_is_admin(store: Store, person: str) -> None:
    with store.reading() as connection:
        known = people.one(connection, person)
    if ADMIN not in known.roles or not known.active:
        raise Refused("no_admin", "is no active administrator; without --reset the first one is made")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Once more: "):
        raise UsageError("the two passwords are not the same: try again")
    return password
