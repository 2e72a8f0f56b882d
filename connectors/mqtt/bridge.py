"""From a broker's topics into Kafka: a message is acknowledged when Kafka has its batch, and not before.

The session outlives the connection, and this process: what was not acknowledged is sent again, so a batch may get into
Kafka twice, and what reads the log counts each event once. While Kafka is away nothing is acknowledged and nothing
answered; the broker sends no more than `IN_FLIGHT_MAX` messages that wait so, and keeps the others.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from connectors.ingest.busy import Busy
from connectors.ingest.coding import Limits
from connectors.mqtt.address import MqttAddress
from connectors.mqtt.exchange import Reply, Request, Take, broken, properties_of, reply_to, request_of
from sipe.contracts import mqtt
from sipe.errors import SipeError
from sipe.metrics import INTAKE_REFUSED, UNMONITORED, Monitor

CLIENT_ID = "sipe-bridge"
"""There is one session, and so one bridge: another one that comes takes its place."""
IN_FLIGHT_MAX = 16
PACKET_BYTES_MAX = Limits().bytes_max + 64 * 1024
"""A batch that is a little too big is still answered as that; the broker keeps back what is more."""
SESSION_S = 7 * 24 * 3_600
KEEPALIVE_S = 30
RECONNECT_S_MAX = 30

_FILTER = f"{mqtt.EVENTS}/+"
_NO_RETAINED = 2
_log = logging.getLogger(__name__)


class _Delivery:
    """A message over one connection; on another one the same id is another message's."""

    def __init__(self, connection: int, message: MQTTMessage) -> None:
        self.connection = connection
        self.mid = message.mid
        self.qos = message.qos
        self.request = request_of(message)
        self.reply: Reply | None = None


class _Client(Client):
    """A client that keeps what its thread has ended by."""

    failure: BaseException | None = None

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except BaseException as error:
            self.failure = error
            _log.exception("the connection's thread has failed")
            return MQTTErrorCode.MQTT_ERR_UNKNOWN


class Bridge:
    """`with Bridge(address, inlet.take) as bridge: bridge.check()`; it connects, and comes back, by itself."""

    def __init__(self, address: MqttAddress, take: Take, *, monitor: Monitor = UNMONITORED) -> None:
        """Raises `UsageError` for files of the address that cannot be used."""
        self._address = address
        self._take = take
        self._monitor = monitor
        self._lock = threading.Lock()
        self._connection = 0
        self._is_subscribed = False
        self._busy = ""
        """Why Kafka has not taken the last batch that was tried."""
        self._owed: deque[_Delivery] = deque()
        """What has come over this connection and is not acknowledged yet, in its order."""
        self._closing = threading.Event()
        self._workers = [ThreadPoolExecutor(1, thread_name_prefix="bridge") for _ in range(IN_FLIGHT_MAX)]
        """A station's batches are one worker's, so they get into Kafka in their order."""
        self._client = _Client(
            CallbackAPIVersion.VERSION2, CLIENT_ID, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        self._client.tls_set_context(address.tls())
        self._client.reconnect_delay_set(1, RECONNECT_S_MAX)
        self._client.on_socket_open = _at_once
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._not_connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came

    def check(self) -> None:
        """Raise `SipeError` when it goes on no more."""
        if self._client.failure is not None:
            raise SipeError(f"the bridge has failed: {self._client.failure!r}") from self._client.failure

    def probe(self) -> None:
        """Raise `SipeError` unless the broker sends us what comes, and Kafka takes it."""
        if not self._is_subscribed:
            raise SipeError(f"not connected to {self._address}")
        if self._busy:
            raise SipeError(self._busy)

    def __enter__(self) -> Self:
        self._client.connect_async(
            self._address.host,
            self._address.port,
            KEEPALIVE_S,
            clean_start=False,
            properties=_connect_properties(),
        )
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take nothing more, let what is on its way to Kafka be answered, and go; the broker keeps the rest."""
        with self._lock:
            self._closing.set()
        for worker in self._workers:
            worker.shutdown()
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, _: Any, flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            _log.error("%s refuses us: %s", self._address, code)
            return
        _log.info("connected to %s, %s", self._address, "as before" if flags.session_present else "for the first time")
        client.subscribe(_FILTER, options=SubscribeOptions(qos=1, retainHandling=_NO_RETAINED))

    def _subscribed(self, client: Client, _: Any, mid: int, codes: list[ReasonCode], properties: object) -> None:
        self._is_subscribed = not codes[0].is_failure
        if not self._is_subscribed:
            _log.error("%s refuses the subscription to %s: %s", self._address, _FILTER, codes[0])

    def _not_connected(self, client: Client, _: Any) -> None:
        _log.warning("%s cannot be reached: %s", self._address, sys.exception())

    def _disconnected(
        self, client: Client, _: Any, flags: DisconnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self._is_subscribed = False
        with self._lock:  # what is owed will be sent again, over another connection
            self._connection += 1
            self._owed.clear()
        if code.is_failure:
            _log.warning("the connection to %s was lost: %s", self._address, code)

    def _came(self, client: Client, _: Any, message: MQTTMessage) -> None:
        if message.qos == 0:  # nothing bounds how many of these the broker sends, and it keeps none of them
            self._monitor.count(INTAKE_REFUSED, way="mqtt", reason="qos_0")
            _log.warning("a batch of %s came with QoS 0, and is dropped", message.topic)
            return
        with self._lock:
            if self._closing.is_set():
                return
            delivery = _Delivery(self._connection, message)
            self._owed.append(delivery)
            worker = self._workers[hash(delivery.request.station) % IN_FLIGHT_MAX]
            worker.submit(self._serve, delivery)

    def _serve(self, delivery: _Delivery) -> None:
        """Take a batch, as often as it takes until Kafka has it, or the connection that it came by is gone."""
        while delivery.connection == self._connection:
            try:
                self._reply(delivery, reply_to(delivery.request, self._take))
                self._busy = ""
            except Busy as busy:
                self._busy = str(busy)
                _log.warning("%s waits: %s", delivery.request.station, busy)
                if self._closing.wait(busy.retry_after_s):
                    return
                continue
            except Exception:  # whatever it is: a batch without an answer would hold up all that come behind it
                _log.exception("a batch of %s could not be taken", delivery.request.station)
                self._reply(delivery, broken())
            return

    def _reply(self, delivery: _Delivery, reply: Reply) -> None:
        """Answer and acknowledge what can be: acknowledgements go in the order of the messages (MQTT 5, 4.6)."""
        with self._lock:
            delivery.reply = reply
            while self._owed and (ready := self._owed[0].reply) is not None:
                first = self._owed.popleft()
                self._answer(first.request, ready)
                self._client.ack(first.mid, first.qos)

    def _answer(self, request: Request, reply: Reply) -> None:
        """An answer that gets lost is asked for again, by sending the batch again; so it is sent with QoS 0."""
        if not request.is_answered:
            _log.warning("a batch of %s wants its answer nowhere that we may send it to", request.station)
            return
        topic = mqtt.answers_topic(request.station)
        self._client.publish(topic, reply.document, 0, properties=properties_of(reply, request.correlation))


def _at_once(client: Client, _: Any, connection: Any) -> None:
    """An answer and an acknowledgement are two writes: the next one would wait for TCP's delayed ACK, 40 ms."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho says no types here
    properties.SessionExpiryInterval = SESSION_S
    properties.ReceiveMaximum = IN_FLIGHT_MAX
    properties.MaximumPacketSize = PACKET_BYTES_MAX
    return properties
