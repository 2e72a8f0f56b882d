"""What the doctor says of parts that are not as they should be."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from monitor_page import free_ports

from connectors.clickhouse import anchors
from connectors.clickhouse.client import Warehouse
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import MonitorServer
from connectors.sql.opening import open_store
from connectors.sql.work import Work
from models.audit import Who
from pipelines.runtime.system import Runtime
from sipe.clock import ManualClock, SystemClock
from sipe.commands import _doctor_checks as doctor
from sipe.contracts.changes import Anchor
from sipe.settings import Settings

ROOT = Who("root", "admin", "t-root")


def certificate(path: Path, days: float) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "flow")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=99))
    signed = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("days", "status"), [(300, "ok"), (3, "failed"), (-1, "failed")])
def test_a_certificate_is_good_for_a_while(tmp_path: Path, days: int, status: str) -> None:
    check = doctor.certificate(certificate(tmp_path / "flow.crt", days), "SIPE_MQTT_CERT_FILE")
    assert check.status == status
    assert f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" in check.detail


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.crt").write_text("no certificate")
    for name in ("flow.crt", "absent.crt"):
        check = doctor.certificate(tmp_path / name, "SIPE_MQTT_CERT_FILE")
        assert check.status == "failed"
        assert name in check.detail


def test_saved_state_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    assert doctor.recovery(tmp_path, 3).status == "skipped"
    path = tmp_path / "recovery" / "epoch-3"
    path.mkdir(parents=True, mode=0o700)
    assert doctor.recovery(tmp_path, 3).status == "ok"
    path.chmod(0o755)
    assert doctor.recovery(tmp_path, 3).hint == f"chmod 700 {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755, "it only looks"


def test_a_monitor_that_is_silent_or_not_ready_is_told(tmp_path: Path) -> None:
    port = free_ports()
    settings = replace(Settings(), data_dir=tmp_path, monitor_port=port)
    up, flow = ProcessMonitor("up"), ProcessMonitor("flow")
    up.assigned("ticker")
    with MonitorServer(up, "127.0.0.1", port):
        silent = doctor.monitors(settings)
        with MonitorServer(flow, "127.0.0.1", port + 1):
            unready = doctor.monitors(settings)
            flow.assigned("partition 0")
            ready = doctor.monitors(settings)
    assert silent.status == "failed"
    assert f"flow: nothing answers on 127.0.0.1:{port + 1}" in silent.detail
    assert unready == doctor.Check("monitor", "failed", "flow: no work is assigned yet", unready.hint)
    assert ready.status == "ok"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with Runtime(Settings(data_dir=tmp_path_factory.mktemp("doctor"))) as runtime:
        yield runtime


@pytest.mark.stack
def test_a_log_without_a_ticker_is_told(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TICKER_WAIT_S", 0.5)
    store = runtime.store()
    with runtime.sender() as sender:
        sender.tick(int(time.time() * 1000))
        ends = sender.ends()
    runtime.wait_until_stored(ends)
    assert doctor.ticker(store, runtime.system.log_epoch).status == "failed"


@pytest.mark.stack
def test_another_retention_than_the_settings_is_told(runtime: Runtime) -> None:
    assert doctor.kept(runtime.system, Settings()).status == "ok"
    check = doctor.kept(runtime.system, replace(Settings(), rejects_retention_days=7))
    assert (check.status, check.detail) == ("failed", "rejects keep something else")


@pytest.mark.stack
def test_many_rejects_and_quarantined_senders_are_told(runtime: Runtime) -> None:
    store = runtime.store()
    assert doctor.rejects(store).status == "ok"
    insert = "INSERT INTO rejects (epoch, partition, offset, record_ts, reason, key) "
    store.run(insert + "VALUES (99, 0, 1, now64(3), 'schema', 'a')")
    assert doctor.rejects(store).detail == "1 message of 1 in the last hour"
    store.run(insert + "VALUES (99, 0, 2, now64(3), 'quarantined', 'a'), (99, 0, 3, now64(3), 'quarantined', 'a')")
    check = doctor.rejects(store)
    assert check.status == "failed"
    assert check.detail.endswith("1 sender quarantined")
    store.run(insert + "VALUES (98, 0, 1, now64(3) - 7200, 'schema', 'a')")
    assert doctor.rejects(store).detail == check.detail, "those are of before the last hour"


def changed(work: Work) -> None:
    work.tell("layout_added", "layout/1")


def test_changes_that_wait_too_long_for_kafka_are_told(tmp_path: Path) -> None:
    settings, clock = replace(Settings(), data_dir=tmp_path), ManualClock(SystemClock().now_ms())
    with open_store(settings, clock) as store:
        assert doctor.outbox_told(settings).detail == "everything that was agreed is in Kafka"
        store.work(ROOT, changed)
        check = doctor.outbox_told(settings)
        assert (check.status, check.detail[:27]) == ("ok", "1 change waits for Kafka, t")
        clock.advance(-120_000)
        store.work(ROOT, changed)
        check = doctor.outbox_told(settings)
    assert check.status == "failed"
    assert check.detail.startswith("2 changes wait for Kafka, the oldest for 12"), check.detail


@pytest.mark.stack
def test_an_audit_trail_that_nobody_anchors_is_told(runtime: Runtime) -> None:
    address, now_ms = runtime.system.store, SystemClock().now_ms()
    with Warehouse(address) as store:
        assert doctor.anchored(store).status == "skipped"
        anchors.keep(address, Anchor(seq=1, seal="5e", at_ms=now_ms - 400_000))
        assert doctor.anchored(store).status == "failed"
        anchors.keep(address, Anchor(seq=1, seal="5e", at_ms=now_ms - 60_000))
        assert doctor.anchored(store).status == "ok"
