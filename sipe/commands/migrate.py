"""`sipe migrate`: bring the store's schema up to date, or show what is pending."""

from __future__ import annotations

import argparse

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address
from sipe.commands._output import out, print_json
from sipe.commands._system import add_data_option, settings_of, working_system


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("action", nargs="?", choices=("apply", "plan"), default="apply", help="default: apply")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = "The embedded stack brings its store up to date whenever it starts."


def run(args: argparse.Namespace) -> int:
    """Plan or apply; raises `SipeError` when an applied migration was changed since."""
    settings = settings_of(args)
    url = settings.clickhouse_url
    address = Address.parse(url) if url else working_system(settings).store
    plan = migrate.plan(address)
    now = migrate.apply(address) if args.action == "apply" else ()
    applied = [migration.name for migration in (*plan.applied, *now)]
    pending = [migration.name for migration in plan.pending if migration not in now]
    if args.json:
        print_json({"address": str(address), "applied": applied, "pending": pending})
        return 0
    for name in applied:
        out().print(f"applied  {name}{' (just now)' if name in {migration.name for migration in now} else ''}")
    for name in pending:
        out().print(f"pending  {name}")
    out().print(f"{address} is up to date" if not pending else f"`sipe migrate` applies what is pending to {address}")
    return 0
