"""`sipe topics` on a Kafka with TLS and an authorizer, and what each certificate may then do there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from command_line import environment
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)
from real_services import require
from secured_kafka import SecuredKafka

from connectors.kafka import access, cluster
from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.config import LOGGER, Config, admin_config
from connectors.kafka.sender import EventSender
from connectors.kafka.source import StationEventSource
from sipe.cli import main
from sipe.contracts.access import ACCESS
from sipe.contracts.codec import decode
from sipe.contracts.events import ClockAdvanced
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC, TOPICS
from sipe.errors import SipeError

EVENTS, LETTERS = STATION_EVENTS_TOPIC.name, STATION_EVENTS_DLQ_TOPIC.name
TIMEOUT_S = 60.0
Answer = Callable[..., Any]

pytestmark = [pytest.mark.needs("kafka"), pytest.mark.long]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A Kafka that asks everybody who they are, with nothing on it yet."""
    require("kafka")
    secured = SecuredKafka(tmp_path_factory.mktemp("secured"))
    with secured.cluster:
        yield secured


@pytest.fixture
def name_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[KafkaAddress], None]:
    """Names the broker, and who we are, in the settings."""

    def name(address: KafkaAddress) -> None:
        monkeypatch.setenv("SIPE_KAFKA_URL", address.bootstrap)
        for kind in ("ca", "cert", "key"):
            monkeypatch.setenv(f"SIPE_KAFKA_{kind.upper()}_FILE", getattr(address, f"{kind}_file") or "")

    return name


@pytest.fixture
def applied(secured: SecuredKafka, answer: Answer, name_as: Callable[[KafkaAddress], None]) -> SecuredKafka:
    """The secured Kafka with topics and access as declared; this test is its administrator."""
    name_as(secured.address("sipe-admin"))
    answer("topics", "apply")
    return secured


def admin_of(secured: SecuredKafka) -> AdminClient:
    return AdminClient(admin_config(secured.address("sipe-admin")), logger=LOGGER)


def exactly(entry: AclBinding) -> AclBindingFilter:
    """What finds this entry and no other, to remove it."""
    return AclBindingFilter(
        entry.restype,
        entry.name,
        entry.resource_pattern_type,
        entry.principal,
        entry.host,
        entry.operation,
        entry.permission_type,
    )


def refusal(address: KafkaAddress, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 2.0)
    with pytest.raises(SipeError) as refused:
        admin_client(address)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def write(address: KafkaAddress, topic: str) -> dict[int, int]:
    with EventSender(address, topic=topic, stall_timeout_s=TIMEOUT_S) as sender:
        sender.send_raw(b"key", b"value")
        return sender.ends()


def read(address: KafkaAddress, topic: str, partition: int) -> bytes:
    reader = StationEventSource(address, topic, epoch=1).build_part("in", str(partition), None)
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            for _, batch in reader.next_batch():
                return batch.records[-1].value
    finally:
        reader.close()
    raise AssertionError(f"nothing to read in {topic}[{partition}]")


def test_plan_apply_and_apply_again(
    secured: SecuredKafka, answer: Answer, name_as: Callable[[KafkaAddress], None]
) -> None:
    name_as(secured.address("sipe-admin"))
    client = admin_of(secured)
    there = [topic.name for topic in TOPICS if topic.name in client.list_topics(timeout=TIMEOUT_S).topics]
    if there:  # another test was first
        for name in there:
            client.delete_topics([name])[name].result(TIMEOUT_S)
        while client.list_topics(timeout=TIMEOUT_S).topics.keys() & set(there):
            time.sleep(0.05)
    planned = answer("topics", "plan", code=3)
    assert [topic["status"] for topic in planned["topics"]] == ["missing"] * len(TOPICS)
    done = answer("topics", "apply")
    assert [(topic["status"], topic["created"]) for topic in done["topics"]] == [("equal", True)] * len(TOPICS)
    again = answer("topics", "apply")
    assert [(topic["status"], topic["created"]) for topic in again["topics"]] == [("equal", False)] * len(TOPICS)
    assert again["access"] == {"enforced": True, "missing": [], "created": [], "surplus": []}
    assert answer("topics", "plan") == again


def test_a_drift_is_shown_left_alone_and_fixed_by_name(
    applied: SecuredKafka, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ConfigEntry("retention.ms", "1000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, LETTERS, incremental_configs=[change])
    client = admin_of(applied)  # kept: what it was asked ends with it
    client.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
    drift = [{"setting": "retention.ms", "declared": str(STATION_EVENTS_DLQ_TOPIC.retention_ms), "found": "1000000"}]
    for action in ("plan", "apply", "plan"):
        letters = next(topic for topic in answer("topics", action, code=1)["topics"] if topic["name"] == LETTERS)
        assert (letters["status"], letters["drift"], letters["fixed"]) == ("drift", drift, [])
    assert main(["topics", "plan"]) == 1
    assert f"retention.ms is 1000000, declared {drift[0]['declared']}" in capsys.readouterr().out
    letters = next(t for t in answer("topics", "apply", "--fix-settings")["topics"] if t["name"] == LETTERS)
    assert (letters["status"], letters["drift"], letters["fixed"]) == ("equal", [], drift)
    answer("topics", "plan")


def test_access_beyond_what_is_declared_is_shown_and_stays(applied: SecuredKafka, answer: Answer) -> None:
    client = admin_of(applied)
    bindings = [
        AclBinding(ResourceType.TOPIC, name, pattern, f"User:{who}", "*", AclOperation.READ, AclPermissionType.ALLOW)
        for name, pattern, who in (
            (EVENTS, ResourcePatternType.LITERAL, "sipe-gateway"),
            ("sipe.", ResourcePatternType.PREFIXED, "bob"),
            ("*", ResourcePatternType.LITERAL, "eve"),
        )
    ]
    for future in client.create_acls(bindings).values():
        future.result(TIMEOUT_S)
    surplus = [
        "User:bob allow read on topic sipe.*",
        "User:eve allow read on topic *",
        f"User:sipe-gateway allow read on topic {EVENTS}",
    ]
    try:
        assert answer("topics", "apply", code=1)["access"]["surplus"] == surplus
        assert answer("topics", "plan", code=1)["access"]["surplus"] == surplus
    finally:
        for future in client.delete_acls([exactly(binding) for binding in bindings]).values():
            future.result(TIMEOUT_S)
    answer("topics", "plan")


def test_a_missing_entry_is_added_also_by_two_at_once(applied: SecuredKafka, answer: Answer) -> None:
    lost = access.binding(next(entry for entry in ACCESS if entry.principal == "sipe-ticker"))
    client = admin_of(applied)
    client.delete_acls([exactly(lost)])[exactly(lost)].result(TIMEOUT_S)
    missing = answer("topics", "plan", code=3)["access"]["missing"]
    assert [entry["principal"] for entry in missing] == ["sipe-ticker"]
    with ThreadPoolExecutor(2) as pool:
        address = applied.address("sipe-admin")
        entries = [entry for entry in ACCESS if entry.principal == "sipe-ticker"]
        for future in [pool.submit(access.create, admin_of(applied), address, entries) for _ in range(2)]:
            future.result()
    assert answer("topics", "plan")["access"]["missing"] == []


def test_only_an_administrator_may_apply(
    applied: SecuredKafka, name_as: Callable[[KafkaAddress], None], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("sipe-flow", "sipe-gateway.line-1", "nobody"):
        name_as(applied.address(name))
        assert main(["topics", "apply"]) == 1
        said = capsys.readouterr().err
        assert "does not let us" in said
        assert "SIPE_KAFKA_CERT_FILE" in said
        assert said.count("\n") == 1


def test_the_gateway_writes_events_and_nothing_else(applied: SecuredKafka) -> None:
    gateway = applied.address("sipe-gateway.line-1")
    [partition] = write(gateway, EVENTS)
    with pytest.raises(SipeError, match=f"has no topic {LETTERS}: `sipe topics apply`"):
        write(gateway, LETTERS)
    with pytest.raises(SipeError, match=r"uthorization failed.*SIPE_KAFKA_CERT_FILE"):
        read(gateway, EVENTS, partition)
    # Who does not ask first is refused by the broker, not by our own manners.
    failures: list[KafkaError | None] = []
    producer = Producer(admin_config(gateway), logger=LOGGER)
    producer.produce(LETTERS, b"value", on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(TIMEOUT_S) == 0
    assert [error and error.code() for error in failures] == [KafkaError.TOPIC_AUTHORIZATION_FAILED]


def test_the_flow_reads_events_writes_dead_letters_and_nothing_else(applied: SecuredKafka) -> None:
    flow = applied.address("sipe-flow")
    [partition] = write(applied.address("sipe-ticker"), EVENTS)
    assert read(flow, EVENTS, partition) == b"value"
    [partition] = write(flow, LETTERS)
    with pytest.raises(SipeError, match=r"not delivered to .*uthorization failed; `sipe topics apply`"):
        write(flow, EVENTS)
    with pytest.raises(SipeError, match="uthorization failed; `sipe topics apply`"):
        read(flow, LETTERS, partition)


def test_flow_and_ticker_run_apart_each_with_its_own_rights(applied: SecuredKafka) -> None:
    address = applied.address("sipe-ticker")
    named = {"SIPE_KAFKA_URL": address.bootstrap} | {
        f"SIPE_KAFKA_{kind.upper()}_FILE": getattr(address, f"{kind}_file") for kind in ("ca", "cert", "key")
    }
    words = [sys.executable, "-m", "sipe.cli", "ticker"]
    with subprocess.Popen(words, env=environment() | named, stderr=subprocess.PIPE, text=True) as ticker:
        try:
            event = decode(read(applied.address("sipe-flow"), EVENTS, 3))
            assert isinstance(event, ClockAdvanced)
        finally:
            ticker.terminate()
        assert ticker.stderr is not None
        assert f"ticking at {address.bootstrap}; Ctrl-C stops it\n" in ticker.stderr.read()
    assert ticker.returncode == 0


def test_the_doctor_looks_at_topics_where_it_may(
    applied: SecuredKafka,
    answer: Answer,
    name_as: Callable[[KafkaAddress], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIPE_CLICKHOUSE_URL", "clickhouse://sipe:secret@127.0.0.1:1/sipe")
    for name, status in (("sipe-admin", "ok"), ("sipe-flow", "skipped")):
        name_as(applied.address(name))
        checks = {check["name"]: check["status"] for check in answer("doctor", code=1)}
        assert (checks["broker"], checks["topics"], checks["store"]) == ("ok", status, "failed")


def test_a_certificate_without_rights_sees_nothing(applied: SecuredKafka) -> None:
    with pytest.raises(SipeError, match=f"has no topic {EVENTS}"):
        write(applied.address("nobody"), EVENTS)


def test_a_certificate_of_another_authority_is_refused(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it refuses our certificate" in refusal(secured.address_of_stranger("sipe-admin"), monkeypatch)


def test_a_certificate_that_has_ended_is_refused(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it refuses our certificate" in refusal(secured.address("ended"), monkeypatch)


def test_a_broker_of_another_authority_is_not_trusted(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "its certificate is not to be trusted" in refusal(secured.address_of_doubter("sipe-admin"), monkeypatch)


def test_a_listener_without_tls_is_named(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = secured.address("sipe-admin")
    plain = KafkaAddress(
        secured.cluster.bootstrap, ca_file=admin.ca_file, cert_file=admin.cert_file, key_file=admin.key_file
    )
    assert "it does not speak TLS there" in refusal(plain, monkeypatch)


def test_without_a_certificate_nobody_gets_in(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "A broker that speaks TLS wants SIPE_KAFKA_CA_FILE" in refusal(KafkaAddress(secured.bootstrap), monkeypatch)
    ca_file = str(secured.certs / "ca.pem")
    config: Config = {"bootstrap.servers": secured.bootstrap, "security.protocol": "ssl", "ssl.ca.location": ca_file}
    reasons: list[str] = []
    client = AdminClient(config, logger=LOGGER, error_cb=lambda error: reasons.append(error.str()))
    with pytest.raises(KafkaException):
        client.list_topics(timeout=3.0)
    client.poll(0)
    assert any("alert" in reason and "certificate" in reason for reason in reasons), reasons


def test_a_plain_client_may_do_nothing(applied: SecuredKafka) -> None:
    with pytest.raises(SipeError, match=f"has no topic {EVENTS}"):
        write(KafkaAddress(applied.cluster.bootstrap), EVENTS)
