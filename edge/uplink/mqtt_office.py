"""The office by MQTT: a batch is published, and its answer comes to the station's own topic.

One attempt a call, as over HTTP: whatever goes wrong ends the connection, and the next call makes another. A batch that
was not answered is sent again by whoever keeps it; the office knows each event again. So the session ends with its
connection, and the broker keeps a batch no longer than its answer is waited for.
"""

from __future__ import annotations

import math
import queue
import time
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.client.packing import Packed, packed
from edge.client.problems import ApiError, Forbidden, Invalid, Unauthenticated, Unreached, error_of
from edge.client.shapes import Problem
from edge.client.shapes.events import Batch
from edge.uplink.settings import UplinkSettings, tls_of
from sipe.contracts import mqtt

ANSWER_BYTES_MAX = 4_000_000
KEEPALIVE_S = 15
HEADER_BYTES_MAX = 2_000
"""What a message has beside its payload: topics, properties."""
_NOBODY_LISTENS = 16
_NOT_AUTHORIZED = frozenset({134, 135})


class _Told(NamedTuple):
    """What the connection's thread has seen; `of` is a message id or what a message correlates with."""

    what: str
    code: ReasonCode | None = None
    of: object = None
    properties: Properties | None = None
    payload: bytes = b""


class MqttOffice:
    """An `Office`; for one thread."""

    def __init__(self, settings: UplinkSettings, station: str) -> None:
        """Raises `UsageError` for certificates that cannot be used."""
        tls_of(settings, station)
        self._settings = settings
        self._station = station
        self._line: _Line | None = None

    def send_events(self, body: bytes) -> Batch:
        """Send a batch; raises `ApiError`."""
        try:
            if self._line is not None and not self._line.is_open:  # it was lost while there was nothing to send
                self.close()
            if self._line is None:
                self._line = _Line(self._settings, self._station)
                self._line.open()
            return self._line.ask(body)
        except Invalid:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; the next batch makes a connection of its own."""
        line, self._line = self._line, None
        if line is not None:
            line.close()


class _Line:
    """One connection. A thread of paho's moves bytes, and tells of all that happens by a queue."""

    def __init__(self, settings: UplinkSettings, station: str) -> None:
        self._settings = settings
        self._station = station
        self._timeout_s = settings.timeout_ms / 1000
        self._told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self._packet_bytes_max = math.inf
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            station,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = self._timeout_s
        self._client.tls_set_context(tls_of(settings, station))
        self._client.on_connect = lambda _c, _u, _f, code, told: self._told.put(_Told("connected", code, None, told))
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._told.put(_Told("subscribed", codes[0], mid))
        self._client.on_publish = lambda _c, _u, mid, code, _p: self._told.put(_Told("published", code, mid))
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self._told.put(_Told("lost", code))
        self._client.on_message = self._came

    @property
    def is_open(self) -> bool:
        """Whether it was not lost yet, as far as anybody knows."""
        return self._client.is_connected()

    def open(self) -> None:
        """Connect, and ask for the answers; raises `ApiError`."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho says no types here
        properties.MaximumPacketSize = ANSWER_BYTES_MAX
        try:
            self._client.connect(self._settings.host, self._settings.port, KEEPALIVE_S, properties=properties)
        except (OSError, UnicodeError) as error:  # the latter for a host that can be none
            raise self._unreached(str(error)) from error
        self._client.loop_start()
        until_s = time.monotonic() + self._timeout_s
        connected = self._next(until_s, "connected", None)
        self._check_welcome(connected.code)
        self._packet_bytes_max = getattr(connected.properties, "MaximumPacketSize", math.inf)
        _, mid = self._client.subscribe(mqtt.answers_topic(self._station), 1)
        self._check_allowed(self._next(until_s, "subscribed", mid))

    def ask(self, body: bytes) -> Batch:
        """Send a batch, and wait for its answer; raises `ApiError`."""
        batch = packed(body)
        if len(batch.body) + HEADER_BYTES_MAX > self._packet_bytes_max:
            raise Invalid(413, "too_big", f"{self._settings.host} takes {self._packet_bytes_max} bytes at once")
        correlation = uuid4().bytes
        properties = self._properties(batch, correlation)
        sent = self._client.publish(mqtt.events_topic(self._station), batch.body, 1, properties=properties)
        until_s = time.monotonic() + self._timeout_s
        while (told := self._next(until_s)).of != correlation:
            if told.what == "published" and told.of == sent.mid:
                self._check_allowed(told)
        return _batch_in(told)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()

    def _properties(self, batch: Packed, correlation: bytes) -> Properties:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho says no types here
        properties.ContentType = mqtt.BATCH_MEDIA
        properties.UserProperty = (mqtt.CODING, batch.coding)
        properties.ResponseTopic = mqtt.answers_topic(self._station)
        properties.CorrelationData = correlation
        properties.MessageExpiryInterval = math.ceil(self._timeout_s)
        return properties

    def _came(self, client: Client, _: Any, message: MQTTMessage) -> None:
        told = message.properties
        self._told.put(_Told("answered", None, getattr(told, "CorrelationData", b""), told, bytes(message.payload)))

    def _next(self, until_s: float, what: str = "", of: object = None) -> _Told:
        """What happens next, or next of a kind; raises `Unreached`."""
        while True:
            try:
                told = self._told.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                raise self._unreached(f"no answer within {self._timeout_s:g} s") from None
            if told.what == "lost":
                raise self._unreached(f"the connection was lost: {told.code}")
            if not what or (told.what, told.of) == (what, of):
                return told

    def _check_welcome(self, code: ReasonCode | None) -> None:
        if code is None or not code.is_failure:
            return
        if code.value in _NOT_AUTHORIZED:
            said = f"{self._settings.host} refuses {self._station}: {code}"
            raise Unauthenticated(HTTPStatus.UNAUTHORIZED, "unauthenticated", said)
        raise self._unreached(f"it does not take us now: {code}")

    def _check_allowed(self, told: _Told) -> None:
        if told.code is None:
            return
        if told.code.is_failure:
            said = f"{self._settings.host} does not let {self._station} do that: {told.code}"
            raise Forbidden(HTTPStatus.FORBIDDEN, "forbidden", said)
        if told.code.value == _NOBODY_LISTENS:
            raise self._unreached("no bridge takes events there")

    def _unreached(self, why: str) -> Unreached:
        return Unreached(HTTPStatus.SERVICE_UNAVAILABLE, "unreached", f"{self._settings.host} by MQTT: {why}")


def _batch_in(told: _Told) -> Batch:
    """What the office says of a batch; raises `ApiError`."""
    try:
        return msgspec.json.decode(told.payload, type=Batch)
    except msgspec.MsgspecError:
        pass
    try:
        status = msgspec.json.decode(told.payload, type=Problem).status
    except msgspec.MsgspecError as error:
        raise ApiError(HTTPStatus.BAD_GATEWAY, "unreadable", f"the answer is none: {error}") from error
    properties = dict(getattr(told.properties, "UserProperty", []))
    text = properties.get(mqtt.RETRY_AFTER, "")
    raise error_of(status, told.payload, float(text) if text.isdigit() else 0.0)
