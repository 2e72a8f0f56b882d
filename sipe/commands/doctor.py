"""`sipe doctor`: what is well and what is not, one line each, with what to do."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from confluent_kafka import Consumer

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Warehouse, connect
from connectors.kafka import topics
from connectors.kafka.admin import NotAllowed, admin_client
from connectors.kafka.cluster import partition_count, watermarks
from connectors.kafka.config import LOGGER, consumer_config
from connectors.sql import place
from pipelines.runtime.progress import stored_offsets
from pipelines.runtime.system import System, find
from sipe.clock import SystemClock
from sipe.commands._doctor_checks import (
    Check,
    anchored,
    certificate,
    kept,
    monitors,
    orders,
    outbox_told,
    recovery,
    refolds,
    rejects,
    ticker,
)
from sipe.commands._output import out, print_json
from sipe.commands._system import add_data_option, settings_of
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError
from sipe.settings import Settings

PACKAGES = ("bytewax", "clickhouse-driver", "confluent-kafka", "msgspec", "numpy", "polars", "rich")
PACKAGES_EMBEDDED = ("chdb",)
FREE_BYTES_MIN = 2**30
FLOW_WAIT_S = 5.0
SKEW_MS_MAX = 2_000
STYLES = {"ok": "green", "failed": "bold red", "skipped": "dim"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="print a JSON array, one object per check")
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print every check; 1 when one failed."""
    checks = list(_checks(settings_of(args)))
    if args.json:
        print_json([check._asdict() for check in checks])
    else:
        for check in checks:
            out().print(f"{check.status:<8}", style=STYLES[check.status], end="")
            out().print(f"{check.name:<15} {check.detail}{f'; {check.hint}' if check.hint else ''}")
    return int(any(check.status == "failed" for check in checks))


def _checks(settings: Settings) -> Iterator[Check]:
    yield _python()
    yield _packages(PACKAGES if settings.clickhouse_url else PACKAGES + PACKAGES_EMBEDDED)
    yield _data_directory(settings.data_dir)
    for setting, file in (("KAFKA", settings.kafka_cert_file), ("MQTT", settings.mqtt_cert_file)):
        if file:
            yield certificate(Path(file), f"SIPE_{setting}_CERT_FILE")
    if settings.sql_url or (place.directory_of(settings.data_dir) / place.FILE).exists():
        yield _attempt("orders", lambda: orders(settings))
        yield _attempt("outbox", lambda: outbox_told(settings))
    try:
        system = find(settings)
    except SipeError as error:
        yield Check("servers", "failed", str(error))
        return
    if system is None:
        yield Check(
            "servers", "skipped", f"nothing runs over {settings.data_dir}", "`sipe up` starts the embedded stack"
        )
        return
    yield from _servers(system, settings)
    yield recovery(settings.data_dir, system.log_epoch)
    if settings.monitor_port:
        yield monitors(settings)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return Check("python", "ok", version)
    return Check("python", "failed", version, "Bytewax needs Python 3.11 or 3.12: make PYTHON=/path/to/python3.12")


def _packages(names: tuple[str, ...]) -> Check:
    installed = {package.name.lower() for package in metadata.distributions()}
    if missing := [name for name in names if name not in installed]:
        return Check("packages", "failed", f"missing: {', '.join(missing)}", "make demo installs them")
    return Check("packages", "ok", f"{len(names)} of {len(names)} installed")


def _data_directory(path: Path) -> Check:
    there = next(parent for parent in (path.resolve(), *path.resolve().parents) if parent.exists())
    free_bytes = shutil.disk_usage(there).free
    detail = f"{path}, {free_bytes / 2**30:.1f} GiB free"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check("data directory", "failed", f"{path} cannot be written", "name another one in SIPE_DATA_DIR")
    if free_bytes < FREE_BYTES_MIN:
        return Check("data directory", "failed", detail, "make room, or name another one in SIPE_DATA_DIR")
    return Check("data directory", "ok", detail)


def _servers(system: System, settings: Settings) -> Iterator[Check]:
    ends: dict[int, int] = {}
    yield _attempt("broker", lambda: _broker(system, ends))
    if ends and not system.embedded:
        yield _attempt("topics", lambda: _topics(system, settings.kafka_replication))
    store: list[Warehouse] = []
    yield _attempt("store", lambda: _store(system, store))
    if not store:
        return
    with store[0] as warehouse:
        migrations = _attempt("migrations", lambda: _migrations(system))
        yield migrations
        if migrations.status == "ok":
            yield _attempt("retention", lambda: kept(system, settings))
            if ends:
                yield _attempt("flow", lambda: _flow(system, warehouse, ends))
                yield _attempt("ticker", lambda: ticker(warehouse, system.log_epoch))
            yield _attempt("rejects", lambda: rejects(warehouse))
            yield _attempt("refolds", lambda: refolds(warehouse))
            yield _attempt("anchors", lambda: anchored(warehouse))
        yield _attempt("clock", lambda: _clock(warehouse))


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except SipeError as error:
        return Check(name, "failed", str(error))


def _broker(system: System, ends: dict[int, int]) -> Check:
    topic = STATION_EVENTS_TOPIC
    consumer = Consumer(consumer_config(system.kafka), logger=LOGGER)
    try:
        count = partition_count(consumer, system.kafka, topic.name)
        ends |= {number: watermarks(consumer, system.kafka, topic.name, number)[1] for number in range(count)}
    finally:
        consumer.close()
    detail = f"{system.kafka}, {topic.name} with {count} partitions"
    if count != topic.partitions:
        hint = f"{topic.partitions} are declared; keys change their partition with the count, so make a new topic"
        return Check("broker", "failed", detail, hint)
    return Check("broker", "ok", detail)


def _topics(system: System, replication: int) -> Check:
    """Whether the broker's topics are as declared; only an administrator's certificate may ask."""
    client = admin_client(system.kafka)
    if client is None:
        return Check("topics", "skipped", "the embedded broker makes its own")
    try:
        states = topics.plan(client, system.kafka, replication)
    except NotAllowed:
        return Check("topics", "skipped", "our certificate may not ask", "an administrator's may: `sipe topics plan`")
    if differing := [state.topic.name for state in states if state.status != "equal"]:
        return Check("topics", "failed", f"not as declared: {', '.join(differing)}", "see `sipe topics plan`")
    return Check("topics", "ok", f"all {len(states)} as declared")


def _store(system: System, found: list[Warehouse]) -> Check:
    found.append(connect(system.store))
    version = found[0].rows("SELECT version() AS version")[0]["version"]
    return Check("store", "ok", f"ClickHouse {version} at {system.store}")


def _migrations(system: System) -> Check:
    plan = migrate.plan(system.store)
    if plan.pending:
        return Check("migrations", "failed", f"{len(plan.pending)} pending", "apply them with `sipe migrate`")
    return Check("migrations", "ok", f"{len(plan.applied)} applied, none pending")


def _flow(system: System, store: Warehouse, ends: dict[int, int]) -> Check:
    """Whether what is in the log now is stored within a few seconds."""
    deadline = time.monotonic() + FLOW_WAIT_S
    while True:
        stored = stored_offsets(store, system.log_epoch)
        behind = sum(max(end - stored.get(partition, 0), 0) for partition, end in ends.items())
        if not behind:
            return Check("flow", "ok", f"all {sum(ends.values()):,} records of log epoch {system.log_epoch} are stored")
        if time.monotonic() > deadline:
            detail = f"{behind:,} of {sum(ends.values()):,} records of log epoch {system.log_epoch} are not stored"
            return Check("flow", "failed", detail, "are the flow and its ticker running (`sipe up`)? see its log")
        time.sleep(0.1)


def _clock(store: Warehouse) -> Check:
    before_ms = SystemClock().now_ms()
    store_ms = store.rows("SELECT toUnixTimestamp64Milli(now64(3)) AS now_ms")[0]["now_ms"]
    after_ms = SystemClock().now_ms()
    skew_ms = max(before_ms - store_ms, store_ms - after_ms, 0)
    detail = f"{skew_ms} ms apart from the store's"
    if skew_ms > SKEW_MS_MAX:
        return Check("clock", "failed", detail, "synchronise both clocks; events more than 5 min ahead are rejected")
    return Check("clock", "ok", detail)
