"""What the settings may say of an MQTT broker, and what is told when they are wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.mqtt.address import MqttAddress
from connectors.tls import authority
from sipe.errors import UsageError
from sipe.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    now = datetime.now(UTC)
    authority.init(tmp_path, now)
    authority.issue(tmp_path, "sipe-bridge", [], now)
    ca, cert, key = (str(tmp_path / name) for name in ("ca.pem", "sipe-bridge.pem", "sipe-bridge.key"))
    return Settings(mqtt_url="mqtts://mqtt.plant", mqtt_ca_file=ca, mqtt_cert_file=cert, mqtt_key_file=key)


def test_a_broker_has_a_host_and_a_port_and_its_files(settings: Settings) -> None:
    assert str(MqttAddress.parse(settings)) == "mqtt.plant:8883"
    address = MqttAddress.parse(replace(settings, mqtt_url="mqtts://10.0.0.7:1884"))
    assert (address.host, address.port) == ("10.0.0.7", 1884)
    assert ".key" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "mqtt.plant:8883",
        "mqtt://mqtt.plant",
        "mqtts://",
        "mqtts://a:b@mqtt.plant",
        "mqtts://h:x",
        "mqtts://h/t",
    ],
)
def test_what_is_no_broker_is_told_with_how_to_write_one(settings: Settings, url: str | None) -> None:
    with pytest.raises(UsageError, match=r"SIPE_MQTT_URL=.* is no broker: write mqtts://host:8883"):
        MqttAddress.parse(replace(settings, mqtt_url=url))


def test_a_file_that_is_missing_or_none_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"SIPE_MQTT_CERT_FILE, SIPE_MQTT_KEY_FILE: not set"):
        MqttAddress.parse(replace(settings, mqtt_cert_file=None, mqtt_key_file=None))
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(UsageError, match=r"SIPE_MQTT_\*_FILE: .*empty.pem"):
        MqttAddress.parse(replace(settings, mqtt_ca_file=str(empty)))
