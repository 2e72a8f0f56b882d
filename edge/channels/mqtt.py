"""Messages of an MQTT broker: each is acknowledged when it is taken, so the broker keeps what this gateway has not.

The session outlives the connection (MQTT 3.1.1, 3.1.2.4): what came meanwhile, and what was not acknowledged, is sent
then. With QoS 1 a message may come twice; whoever takes it tells by what is in it. How large a message may be at all is
for the broker to say, in its own settings: a client of this version has to read whatever it is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from functools import partial
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from edge.channels.failures import LinkError, as_link_error
from edge.channels.intake import MessageIntake
from edge.channels.settings import MqttSettings

_DENIED = frozenset({134, 135})
"""Bad user name or password; not authorized."""
_KEEP_ALIVE_TIMEOUT = 141
_SUBSCRIPTION_REFUSED_MIN = 128


class MqttLink(aiomqtt.Client):
    """One connection. aiomqtt drives paho in the event loop; it keeps no messages, and acknowledges none by itself."""

    def __init__(
        self, settings: MqttSettings, password: str | None, tls: ssl.SSLContext | None, intake: MessageIntake
    ) -> None:
        super().__init__(
            settings.host,
            settings.port,
            username=settings.user,
            password=password,
            identifier=settings.client_id,
            clean_session=False,
            keepalive=settings.keepalive_s,
            timeout=settings.connect_timeout_ms / 1000,
            tls_context=tls,
        )
        self._client.manual_ack_set(True)
        self._client.connect_timeout = settings.connect_timeout_ms / 1000
        self._settings = settings
        self._intake = intake
        self._owed: dict[int, object] = {}
        """Who is waited for before a message id is acknowledged; the broker gives an id again after that."""
        self._given_up = False
        self._spilled = False

    async def subscribe_all(self) -> None:
        """Ask for every topic filter."""
        wanted: list[tuple[str, int]] = [(topic, self._settings.qos) for topic in self._settings.topics]
        answers = await self.subscribe(wanted)
        for topic, answer in zip(self._settings.topics, answers, strict=True):
            if _code(answer) >= _SUBSCRIPTION_REFUSED_MIN:
                raise LinkError("denied", f"the broker refuses the subscription to {topic}")

    async def serve(self) -> None:
        """See `Link`; messages come by `_on_message`."""
        await asyncio.wait({self._disconnected})  # which leaves it as it is when this is cancelled
        error = self._disconnected.exception()
        if isinstance(error, Exception):
            raise in_words(error) from error

    async def close(self) -> None:
        """See `Link`."""
        self._given_up = True
        self._owed.clear()
        await asyncio.sleep(0)  # paho's wish to write is carried out while there is still a socket
        self._client.disconnect()
        self._client.loop_write()
        self._hang_up()
        if self._disconnected.done():
            self._disconnected.exception()
        if self._misc_task is not None:
            self._misc_task.cancel()
            await asyncio.wait({self._misc_task})

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        if not self._given_up:
            super()._on_socket_register_write(client, userdata, sock)

    def _on_disconnect(self, *told: Any) -> None:
        if not self._given_up:  # else nobody wants to know, and aiomqtt stumbles when its connecting was cancelled
            super()._on_disconnect(*told)

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:
        """Hand a message on. Without room one of QoS 1 ends the connection: the broker sends it again, and in order."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self._drop(message, "no-topic")
            return
        if message.retain and not self._settings.retained:
            self._drop(message, "retained")
        elif len(message.payload) > self._settings.payload_bytes_max:
            self._drop(message, "too-big")
        elif message.qos == 0 and self._intake.is_full:
            self._intake.lost("overflow")
        elif self._spilled or self._intake.is_full:
            self._spilled = True
            self._intake.fail("overflow", "nobody reads; the broker will send it again")
        else:
            owed = self._owed[message.mid] = object()
            self._intake.take(topic, bytes(message.payload), partial(self._acknowledge, message.mid, message.qos, owed))

    def _drop(self, message: MQTTMessage, reason: str) -> None:
        self._intake.lost(reason)
        self._client.ack(message.mid, message.qos)

    def _acknowledge(self, mid: int, qos: int, owed: object) -> None:
        """Once, and over this connection only: on another one the same id is another message's."""
        if self._owed.get(mid) is owed:
            del self._owed[mid]
            self._client.ack(mid, qos)

    def _client_connect(self) -> None:
        """In a thread. When nobody waits for it any more, the connection is closed as soon as it is there."""
        try:
            super()._client_connect()
        finally:
            with suppress(RuntimeError):  # the event loop is gone, and the process will be
                self._loop.call_soon_threadsafe(self._hang_up_if_given_up)

    def _hang_up_if_given_up(self) -> None:
        if self._given_up:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close the socket, and have nothing called back any more."""
        self._client.reinitialise()


async def connect(
    settings: MqttSettings, password: str | None, tls: ssl.SSLContext | None, intake: MessageIntake
) -> MqttLink:
    """Connect and subscribe."""
    link = MqttLink(settings, password, tls, intake)
    try:
        await link.__aenter__()  # there is no `async with`: the connection outlives this function
        await link.subscribe_all()
    except BaseException as error:
        await link.close()
        if isinstance(error, Exception):
            raise in_words(error) from error
        raise
    return link


def in_words(error: Exception) -> LinkError:
    """What aiomqtt and paho say, by reason."""
    if isinstance(error, aiomqtt.MqttCodeError):
        code = _code(error.rc)
        if code == _KEEP_ALIVE_TIMEOUT:
            return LinkError("timeout", "the broker does not answer")
        if isinstance(error, MqttConnectError):
            return LinkError("denied" if code in _DENIED else "refused", str(error.rc))
        return LinkError("closed", str(error))
    found = as_link_error(error)
    return LinkError("protocol", str(error)) if found.reason == "unexpected" else found


def _code(answer: object) -> int:
    if isinstance(answer, ReasonCode):
        return answer.value
    return answer if isinstance(answer, int) else 0
