"""Where Kafka is: three files or none, named when they cannot be read, and no key in what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.kafka.address import KafkaAddress
from connectors.kafka.config import admin_config, consumer_config, producer_config
from sipe.errors import UsageError
from sipe.settings import Settings

URL = "kafka-1:9092,kafka-2:9092"


def named_files(directory: Path, *names: str) -> Settings:
    for name in names:
        (directory / name).touch()
    files = {f"kafka_{name}_file": str(directory / name) for name in names}
    return Settings(kafka_url=URL, **files)  # type: ignore[arg-type]


def test_every_client_gets_the_certificate(tmp_path: Path) -> None:
    kafka = KafkaAddress.parse(named_files(tmp_path, "ca", "cert", "key"))
    assert kafka.secure
    for config in (producer_config(kafka), consumer_config(kafka), admin_config(kafka)):
        assert config["bootstrap.servers"] == URL
        assert config["security.protocol"] == "ssl"
        assert config["ssl.ca.location"] == str(tmp_path / "ca")
        assert config["ssl.certificate.location"] == str(tmp_path / "cert")
        assert config["ssl.key.location"] == str(tmp_path / "key")


def test_without_files_there_is_no_tls() -> None:
    kafka = KafkaAddress.parse(Settings(kafka_url=URL))
    assert kafka == KafkaAddress(URL)
    assert not kafka.secure
    assert "security.protocol" not in admin_config(kafka)


@pytest.mark.parametrize("names", [["ca"], ["cert", "key"], ["ca", "key"]])
def test_a_part_of_the_files_is_refused_and_the_rest_named(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match="mutual TLS needs") as refused:
        KafkaAddress.parse(named_files(tmp_path, *names))
    missing = str(refused.value).partition(":")[0].split(", ")
    assert missing == [f"SIPE_KAFKA_{name.upper()}_FILE" for name in ("ca", "cert", "key") if name not in names]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = named_files(tmp_path, "ca", "cert", "key")
    (tmp_path / "cert").unlink()
    with pytest.raises(UsageError, match=rf"^SIPE_KAFKA_CERT_FILE: {tmp_path}/cert cannot be read"):
        KafkaAddress.parse(settings)


def test_no_url_is_named() -> None:
    with pytest.raises(UsageError, match="SIPE_KAFKA_URL is not set"):
        KafkaAddress.parse(Settings())


def test_what_is_shown_names_the_servers_and_not_the_key(tmp_path: Path) -> None:
    kafka = KafkaAddress.parse(named_files(tmp_path, "ca", "cert", "key"))
    assert str(kafka) == URL
    assert str(tmp_path / "key") not in repr(kafka)
