"""What the doctor looks at beyond servers: retention, time in the log, saved state, rejects, monitors, certificates."""

from __future__ import annotations

import json
import stat
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from connectors.clickhouse import retention
from connectors.clickhouse.client import Warehouse
from connectors.sql import outbox, people, trail
from connectors.sql.opening import open_store
from models.identity import ADMIN
from pipelines.runtime.system import System
from sipe.clock import SystemClock
from sipe.commands._output import listed, plural
from sipe.settings import Settings

TICKER_WAIT_S = 5.0
TOLD_WITHIN_S = 60.0
ANCHORED_WITHIN_S = 300.0
"""A few minutes may lack one, such as while another process takes over."""
REJECTED_SHARE_MAX = 0.01
CERTIFICATE_DAYS_MIN = 14
PROBE_TIMEOUT_S = 5.0

_LOG_TIME = """
SELECT max(now_ms) AS now_ms, sum(tick_offset) AS ticked FROM flow_progress FINAL WHERE epoch = %(epoch)s
"""
_LAST_HOUR = """
SELECT (SELECT count() FROM rejects FINAL WHERE record_ts > now() - 3600) AS rejected,
    (SELECT uniqExact(key) FROM rejects WHERE record_ts > now() - 3600 AND reason = 'quarantined') AS quarantined,
    (SELECT count() FROM events WHERE record_ts > now() - 3600) AS events
"""


class Check(NamedTuple):
    """One line of the report; `hint` says what to do when it is not ok."""

    name: str
    status: Literal["ok", "failed", "skipped"]
    detail: str
    hint: str = ""


def kept(system: System, settings: Settings) -> Check:
    """Whether the store keeps as long as the settings say."""
    plan = retention.plan(system.store, settings)
    if others := [one.rule.table for one in plan if not one.applied]:
        return Check("retention", "failed", f"{listed(others)} keep something else", "apply it with `sipe migrate`")
    return Check("retention", "ok", ", ".join(dict.fromkeys(f"{one.rule.keeps} {one.rule.days} d" for one in plan)))


def orders(settings: Settings) -> Check:
    """Whether the transactional store answers, is of this program's schema, and has somebody who may administer it.

    That nobody may yet is no fault: factories begin with the boards, and with orders later.
    """
    with open_store(settings, SystemClock()) as store, store.reading() as connection:
        admin = people.holder(connection, ADMIN)
        head = trail.head(connection)
    where = store.transactions.engine.url.render_as_string(hide_password=True)
    detail = f"{where}, {head.seq:,} entries on the audit trail"
    if admin is None:
        return Check("orders", "skipped", f"{detail}, no administrator yet", "`sipe admin PERSON` makes the first")
    return Check("orders", "ok", detail)


def outbox_told(settings: Settings) -> Check:
    """Whether what was agreed gets out to Kafka."""
    with open_store(settings, SystemClock()) as store, store.reading() as connection:
        waiting = outbox.waiting(connection)
    if waiting.oldest_ms is None:
        return Check("outbox", "ok", "everything that was agreed is in Kafka")
    age_s = max(0, SystemClock().now_ms() - waiting.oldest_ms) / 1000
    detail = f"{plural(waiting.rows, 'change waits', 'changes wait')} for Kafka, the oldest for {age_s:,.0f} s"
    if age_s > TOLD_WITHIN_S:
        return Check("outbox", "failed", detail, "is `sipe api` running, and does it reach Kafka? see its log")
    return Check("outbox", "ok", detail)


def anchored(store: Warehouse) -> Check:
    """Whether the head of the audit trail goes out each minute, to where nobody changes it."""
    [row] = store.rows("SELECT count() AS anchors, max(at_ms) AS newest_ms FROM audit_anchors")
    if not row["anchors"]:
        return Check("anchors", "skipped", "no anchor of the audit trail yet", "`sipe api` makes one each minute")
    age_s = max(0, SystemClock().now_ms() - row["newest_ms"]) / 1000
    detail = f"the audit trail was anchored {age_s:,.0f} s ago"
    if age_s > ANCHORED_WITHIN_S:
        return Check("anchors", "failed", detail, "is `sipe api` running? what changes now is vouched for by nobody")
    return Check("anchors", "ok", detail)


def ticker(store: Warehouse, epoch: int) -> Check:
    """Whether time in the log moves."""
    deadline = time.monotonic() + TICKER_WAIT_S
    [first] = store.rows(_LOG_TIME, {"epoch": epoch})
    while True:
        [now] = store.rows(_LOG_TIME, {"epoch": epoch})
        at = datetime.fromtimestamp(now["now_ms"] / 1000, UTC)
        if now["ticked"] > first["ticked"]:
            behind_s = SystemClock().now_ms() / 1000 - at.timestamp()
            return Check("ticker", "ok", f"the log is at {at:%Y-%m-%d %H:%M:%S} UTC, {behind_s:.0f} s behind the clock")
        if time.monotonic() > deadline:
            detail = f"no tick in {TICKER_WAIT_S:g} s; the log stands at {at:%Y-%m-%d %H:%M:%S} UTC"
            return Check("ticker", "failed", detail, "rows wait for it: is `sipe up` running?")
        time.sleep(0.2)


def recovery(data_dir: Path, epoch: int) -> Check:
    """Whether the flow's saved state is where nobody else can touch it."""
    path = data_dir / "recovery" / f"epoch-{epoch}"
    if not path.is_dir():
        return Check("recovery", "skipped", f"{path} is not on this machine")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("recovery", "failed", f"others may use {path}, which holds pickles", f"chmod 700 {path}")
    size_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Check("recovery", "ok", f"{path}, {size_bytes / 2**20:.1f} MiB")


def rejects(store: Warehouse) -> Check:
    """How much of what came in the last hour was no event."""
    [row] = store.rows(_LAST_HOUR)
    detail = f"{plural(row['rejected'], 'message')} of {row['rejected'] + row['events']:,} in the last hour"
    if row["quarantined"]:
        detail += f", {plural(row['quarantined'], 'sender')} quarantined"
    if row["quarantined"] or row["rejected"] > REJECTED_SHARE_MAX * (row["rejected"] + row["events"]):
        return Check("rejects", "failed", detail, "`sipe dlq ls` shows why, `sipe health` whose they are")
    return Check("rejects", "ok", detail)


def refolds(store: Warehouse) -> Check:
    """How many station-days are to be folded again; `sipe up` does so within minutes."""
    [row] = store.rows("SELECT count() AS days FROM refolds_pending")
    return Check("refolds", "ok", f"{plural(row['days'], 'station-day waits', 'station-days wait')} to be folded again")


def monitors(settings: Settings) -> Check:
    """What the processes of `sipe up` say of themselves."""
    ports = {"up": settings.monitor_port, "flow": settings.monitor_port + 1}
    said = {name: _readiness(settings.monitor_host, port) for name, port in ports.items()}
    if trouble := [f"{name}: {reason}" for name, reason in said.items() if reason]:
        return Check("monitor", "failed", "; ".join(trouble), "see docs/operations.md, Monitoring")
    return Check("monitor", "ok", f"ready: {', '.join(f'{name} on {port}' for name, port in ports.items())}")


def certificate(path: Path, setting: str) -> Check:
    """How long our certificate is good."""
    from cryptography import x509

    try:
        until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return Check("certificate", "failed", f"{path}: {error}", f"name a PEM certificate in {setting}")
    left = until - datetime.now(UTC)
    detail = f"{path} is good until {until:%Y-%m-%d}"
    if left < timedelta(days=CERTIFICATE_DAYS_MIN):
        return Check("certificate", "failed", detail, "have it renewed: without it the broker refuses us")
    return Check("certificate", "ok", detail)


def _readiness(host: str, port: int) -> str | None:
    """Why the process on a port is not ready; None when it is."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/ready", timeout=PROBE_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return ", ".join(json.loads(error.read()).get("reasons", [])) or error.reason
    except (OSError, ValueError) as error:
        return f"nothing answers on {host}:{port} ({getattr(error, 'reason', error)})"
