"""`sipe migrate`: bring the stores' schema and retention up to date, or show what is pending.

Both stores that are named are looked after: ClickHouse (SIPE_CLICKHOUSE_URL) and the transactional one (SIPE_SQL_URL).
"""

from __future__ import annotations

import argparse
from typing import Any

from connectors.clickhouse import migrate, retention
from connectors.clickhouse.client import Address
from connectors.sql import grants
from connectors.sql import migrate as sql_migrate
from connectors.sql.engine import open_engine
from sipe.commands._output import out, plural, print_json
from sipe.commands._system import add_data_option, settings_of, working_system
from sipe.errors import UsageError
from sipe.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("action", nargs="?", choices=("apply", "plan"), default="apply", help="default: apply")
    parser.add_argument(
        "--grant-to", metavar="USER", help="give MariaDB's user of the web service its rights, NAME or NAME@HOST"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = "The embedded stack brings its stores up to date whenever it starts."


def run(args: argparse.Namespace) -> int:
    """Plan or apply; raises `SipeError` when an applied migration was changed since."""
    settings = settings_of(args)
    if args.grant_to and not settings.sql_url:
        raise UsageError("--grant-to gives rights on MariaDB: name its owner in SIPE_SQL_URL")
    orders = _orders(settings.sql_url, args.action, args.grant_to) if settings.sql_url else None
    is_alone = settings.sql_url and not settings.clickhouse_url
    facts = _facts(settings, args.action) if not is_alone else {}
    if args.json:
        print_json({**facts, "orders": orders})
        return 0
    if orders:
        _print_orders(orders)
    if facts:
        _print_facts(facts)
    return 0


def _orders(url: str, action: str, service: str | None) -> dict[str, Any]:
    """What became of the transactional store."""
    user = grants.user_of(service) if service else None
    engine = open_engine(url)
    try:
        before, after = sql_migrate.upgrade(engine) if action == "apply" else (sql_migrate.version(engine), None)
        granted = grants.apply(engine, user) if user and action == "apply" else 0
        address = engine.url.render_as_string(hide_password=True)
    finally:
        engine.dispose()
    now = {"before": before, "now": after or before, "newest": sql_migrate.newest()}
    return {"address": address, **now, "granted": granted}


def _facts(settings: Settings, action: str) -> dict[str, Any]:
    """What became of ClickHouse."""
    url = settings.clickhouse_url
    address = Address.parse(url) if url else working_system(settings).store
    plan = migrate.plan(address)
    retention.rules(settings)  # what cannot be kept is said before anything is changed
    now = migrate.apply(address) if action == "apply" else ()
    changed = retention.apply(address, settings) if action == "apply" else ()
    pending = [migration.name for migration in plan.pending if migration not in now]
    kept = () if pending else retention.plan(address, settings)
    return {
        "address": str(address),
        "applied": [migration.name for migration in (*plan.applied, *now)],
        "pending": pending,
        "retention": [
            {
                "table": one.rule.table,
                "keeps": one.rule.keeps,
                "days": one.rule.days,
                "applied": one.applied,
                "now": one.rule in changed,
            }
            for one in kept
        ],
        "now": [migration.name for migration in now],
    }


def _print_orders(orders: dict[str, Any]) -> None:
    address, newest = orders["address"], orders["newest"]
    if orders["now"] != newest:
        out().print(f"pending  {orders['now'] or 'nothing'} to {newest}; `sipe migrate` applies it to {address}")
    elif orders["before"] != newest:
        out().print(f"applied  {orders['before'] or 'nothing'} to {newest} (just now); {address} is up to date")
    else:
        out().print(f"applied  {newest}; {address} is up to date")
    if orders["granted"]:
        out().print(f"granted  what the web service may do with each of {orders['granted']} tables")


def _print_facts(facts: dict[str, Any]) -> None:
    for name in facts["applied"]:
        out().print(f"applied  {name}{' (just now)' if name in facts['now'] else ''}")
    for name in facts["pending"]:
        out().print(f"pending  {name}")
    for one in facts["retention"]:
        state = "kept" if one["applied"] else "to keep"
        news = " (just now)" if one["now"] else ""
        out().print(f"{state:<8} {one['keeps']} of {one['table']} for {plural(one['days'], 'day')}{news}")
    is_done = not facts["pending"] and all(one["applied"] for one in facts["retention"])
    address = facts["address"]
    out().print(f"{address} is up to date" if is_done else f"`sipe migrate` applies what is pending to {address}")
