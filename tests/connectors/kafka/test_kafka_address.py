"""Where Kafka is: three files or none, named when they cannot be read, and no key in what is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.address import KafkaAddress
from connectors.kafka.config import admin_config, consumer_config, producer_config
from connectors.tls import authority
from sipe.errors import UsageError
from sipe.settings import Settings

URL = "kafka-1:9092,kafka-2:9092"


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    now = datetime.now(UTC)
    authority.init(tmp_path, now)
    authority.issue(tmp_path, "sipe-flow", [], now)
    return tmp_path


def naming(certs: Path, *names: str) -> Settings:
    files = {"ca": "ca.pem", "cert": "sipe-flow.pem", "key": "sipe-flow.key"}
    named: dict[str, Any] = {f"kafka_{name}_file": str(certs / files[name]) for name in names}
    return Settings(kafka_url=URL, **named)


def test_every_client_gets_the_certificate(certs: Path) -> None:
    kafka = KafkaAddress.parse(naming(certs, "ca", "cert", "key"))
    assert kafka.secure
    for config in (producer_config(kafka), consumer_config(kafka), admin_config(kafka)):
        assert config["bootstrap.servers"] == URL
        assert config["security.protocol"] == "ssl"
        assert config["ssl.ca.location"] == str(certs / "ca.pem")
        assert config["ssl.certificate.location"] == str(certs / "sipe-flow.pem")
        assert config["ssl.key.location"] == str(certs / "sipe-flow.key")


def test_without_files_there_is_no_tls() -> None:
    kafka = KafkaAddress.parse(Settings(kafka_url=URL))
    assert kafka == KafkaAddress(URL)
    assert not kafka.secure
    assert "security.protocol" not in admin_config(kafka)


@pytest.mark.parametrize("names", [["ca"], ["cert", "key"], ["ca", "key"]])
def test_a_part_of_the_files_is_refused_and_the_rest_named(certs: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match="mutual TLS needs") as refused:
        KafkaAddress.parse(naming(certs, *names))
    missing = str(refused.value).partition(":")[0].split(", ")
    assert missing == [f"SIPE_KAFKA_{name.upper()}_FILE" for name in ("ca", "cert", "key") if name not in names]


def test_a_file_that_is_not_there_is_named(certs: Path) -> None:
    settings = naming(certs, "ca", "cert", "key")
    (certs / "sipe-flow.pem").unlink()
    with pytest.raises(UsageError, match=rf"^SIPE_KAFKA_.*{certs}/sipe-flow.pem .* No such file.*`sipe certs`"):
        KafkaAddress.parse(settings)


def test_no_url_is_named() -> None:
    with pytest.raises(UsageError, match="SIPE_KAFKA_URL is not set"):
        KafkaAddress.parse(Settings())


def test_what_is_shown_names_the_servers_and_not_the_key(certs: Path) -> None:
    kafka = KafkaAddress.parse(naming(certs, "ca", "cert", "key"))
    assert str(kafka) == URL
    assert str(certs / "sipe-flow.key") not in repr(kafka)
