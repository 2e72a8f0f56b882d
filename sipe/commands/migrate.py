"""`sipe migrate`: bring the store's schema and retention up to date, or show what is pending."""

from __future__ import annotations

import argparse

from connectors.clickhouse import migrate, retention
from connectors.clickhouse.client import Address
from sipe.commands._output import out, plural, print_json
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
    retention.rules(settings)  # what cannot be kept is said before anything is changed
    now = migrate.apply(address) if args.action == "apply" else ()
    changed = retention.apply(address, settings) if args.action == "apply" else ()
    applied = [migration.name for migration in (*plan.applied, *now)]
    pending = [migration.name for migration in plan.pending if migration not in now]
    kept = () if pending else retention.plan(address, settings)
    if args.json:
        rows = [{"table": k.rule.table, "keeps": k.rule.keeps, "days": k.rule.days, "applied": k.applied} for k in kept]
        print_json({"address": str(address), "applied": applied, "pending": pending, "retention": rows})
        return 0
    for name in applied:
        out().print(f"applied  {name}{' (just now)' if name in {migration.name for migration in now} else ''}")
    for name in pending:
        out().print(f"pending  {name}")
    for one in kept:
        news = " (just now)" if one.rule in changed else ""
        state = "kept" if one.applied else "to keep"
        out().print(f"{state:<8} {one.rule.keeps} of {one.rule.table} for {plural(one.rule.days, 'day')}{news}")
    is_done = not pending and all(one.applied for one in kept)
    out().print(f"{address} is up to date" if is_done else f"`sipe migrate` applies what is pending to {address}")
    return 0
