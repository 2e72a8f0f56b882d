"""The MQTT way in, with the broker as it is deployed: certificates for everybody, and the access list of deploy/.

with MqttFloor(directory, stations=(CALIBRATION,)) as floor, BridgeProcess(floor, kafka) as bridge:
    office = MqttOffice(floor.uplink(), CALIBRATION)
    bridge.kill()
"""

from __future__ import annotations

import getpass
import json
import queue
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from command_line import environment
from monitor_page import verdict
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from real_services import program as installed
from server_process import RealServer, ServerProcess, accepts, free_port

from connectors.kafka.address import KafkaAddress
from connectors.mqtt.address import MqttAddress
from connectors.tls import authority
from edge.uplink.settings import UplinkSettings
from sipe.contracts import mqtt

T = TypeVar("T")

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto"
PROGRAM = ("-m", "sipe.cli", "bridge")
TIMEOUT_S = 60.0


def dying_at(batch: int) -> tuple[str, ...]:
    """A bridge that dies of kill -9 when Kafka has its nth batch, and MQTT does not know."""
    return str(Path(__file__).with_name("dying_bridge.py")), str(batch)


class MqttFloor(RealServer):
    """Mosquitto with the configuration of deploy/, on a port of its own; only places, ports and the user differ."""

    def __init__(self, directory: Path, stations: Iterable[str]) -> None:
        self.port = free_port()
        self.certs = directory / "certs"
        now = datetime.now(UTC)
        authority.init(self.certs, now)
        authority.issue(self.certs, "sipe-mosquitto", ["localhost"], now)
        for name in ("sipe-bridge", *stations):
            authority.issue(self.certs, name, [], now)
        data = directory / "data"
        data.mkdir(parents=True)
        config = directory / "mosquitto.conf"
        config.write_text(deployed(self.certs, data, self.port))
        command: list[str | Path] = [installed("mosquitto"), "-c", config]
        super().__init__(ServerProcess("Mosquitto", command, log_path=directory / "mosquitto.log"))

    def ready(self) -> bool:
        """Whether it listens."""
        return accepts(self.port)

    def address(self, name: str = "sipe-bridge", port: int | None = None) -> MqttAddress:
        """Where it is for somebody of our own."""
        files = (self.certs / "ca.pem", self.certs / f"{name}.pem", self.certs / f"{name}.key")
        return MqttAddress("localhost", port or self.port, *map(str, files))

    def uplink(self, port: int | None = None, *, timeout_ms: int = 15_000) -> UplinkSettings:
        """Where it is for a gateway."""
        return UplinkSettings(
            host="localhost",
            port=port or self.port,
            ca_file=str(self.certs / "ca.pem"),
            cert_dir=str(self.certs),
            timeout_ms=timeout_ms,
        )


def deployed(certs: Path, data: Path, port: int) -> str:
    """The configuration of deploy/ for these places."""
    text = (DEPLOYED / "mosquitto.conf").read_text()
    changes = {
        "/run/secrets": str(certs),
        "listener 8883": f"listener {port}",
        "/mosquitto/data": str(data),
        "/mosquitto/config/acl": str(DEPLOYED / "acl"),
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return f"user {getpass.getuser()}\n{text}"  # else it gives up root for one who cannot read this


class Asker:
    """Publishes as a station what a gateway would not, and hears what is answered."""

    def __init__(self, address: MqttAddress, station: str, client_id: str = "") -> None:
        self._station = station
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(address.tls())
        self._client.on_publish = lambda _c, _u, mid, code, _p: self._told.put(code)
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._told.put(codes[0])
        self._client.on_message = lambda _c, _u, message: self._told.put(message)
        self._client.connect(address.host, address.port)
        self._client.loop_start()

    def listen(self, topic: str | None = None) -> int:
        """Subscribe, to its own answers unless a topic is named; what the broker says to it."""
        self._client.subscribe(topic or mqtt.answers_topic(self._station), 1)
        return int(self._next(ReasonCode).value)

    def publish(self, body: bytes, coding: str = "", *, qos: int = 1, **other: str) -> int:
        """Publish a batch, to another topic or with another response topic; what the broker says to it."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho says no types here
        properties.UserProperty = (mqtt.CODING, coding)
        properties.ResponseTopic = other.get("answer_to", mqtt.answers_topic(self._station))
        topic = other.get("topic", mqtt.events_topic(self._station))
        self._client.publish(topic, body, qos, properties=properties)
        return int(self._next(ReasonCode).value)

    def ask(self, body: bytes, coding: str = "") -> dict[str, Any]:
        """Publish a batch; the document that is answered."""
        self.publish(body, coding)
        return self.heard()

    def heard(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next answer; raises `queue.Empty`."""
        found: dict[str, Any] = json.loads(self._next(MQTTMessage, timeout_s).payload)
        return found

    def answer_everything(self, document: bytes) -> None:
        """Answer whatever comes from now on with this, as a bridge would that is none of ours."""

        def answer(client: Client, _: Any, message: MQTTMessage) -> None:
            asked = message.properties
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho says no types here
            properties.CorrelationData = asked.CorrelationData  # type: ignore[union-attr]  # a request has properties
            client.publish(asked.ResponseTopic, document, 1, properties=properties)  # type: ignore[union-attr]  # a request has properties

        self._client.on_message = answer

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()

    def _next(self, kind: type[T], timeout_s: float = TIMEOUT_S) -> T:
        while not isinstance(told := self._told.get(timeout=timeout_s), kind):
            pass
        return told


class BridgeProcess(RealServer):
    """`sipe bridge` as a process; its log is in `log_path`."""

    def __init__(
        self, directory: Path, address: MqttAddress, kafka: KafkaAddress, program: Sequence[str] = PROGRAM
    ) -> None:
        """`program` is what runs in place of `sipe bridge`, with the same settings."""
        self.monitor_port = free_port()
        self.log_path = directory / "bridge.log"
        environ = {
            "SIPE_KAFKA_URL": kafka.bootstrap,
            "SIPE_MQTT_URL": f"mqtts://{address}",
            "SIPE_MQTT_CA_FILE": address.ca_file,
            "SIPE_MQTT_CERT_FILE": address.cert_file,
            "SIPE_MQTT_KEY_FILE": address.key_file,
            "SIPE_MONITOR_PORT": str(self.monitor_port),
        }
        command: list[str | Path] = [sys.executable, *program]
        super().__init__(ServerProcess("bridge", command, log_path=self.log_path, environ=environment() | environ))

    def ready(self) -> bool:
        """Whether it is subscribed, and has not met a Kafka that takes nothing."""
        return verdict(self.monitor_port, "/ready")[0] == HTTPStatus.OK

    @property
    def log(self) -> str:
        """What it has said."""
        return self.log_path.read_text(errors="replace")
