"""What MQTT channels do beside what every channel does, against Mosquitto."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from channel_peers import BrokerPeer, until
from server_process import free_port

from connectors.tls import authority
from edge.channels.channel import Channel
from edge.channels.intake import Message
from edge.channels.lifecycle import State
from edge.channels.opening import open_channel
from sipe.errors import UsageError

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[BrokerPeer]:
    with BrokerPeer(tmp_path) as peer:
        assert isinstance(peer, BrokerPeer)
        yield peer


@asynccontextmanager
async def running(peer: BrokerPeer, **more: Any) -> AsyncIterator[Channel[Message, Any, Any]]:
    channel = open_channel(peer.settings(**more))
    async with channel:
        yield channel  # type: ignore[misc]  # it is a channel of messages


async def until_connected(channel: Channel[Message, Any, Any]) -> None:
    await until(lambda: channel.tally.connects > 0, channel.status)


async def publish(peer: BrokerPeer, *lines: str, topic: str = "line/1", qos: int = 1) -> None:
    await asyncio.to_thread(peer.mosquitto.publish_lines, topic, lines, qos=qos)


def test_what_was_not_taken_is_sent_again_and_what_was_is_not(peer: BrokerPeer) -> None:
    async def story() -> None:
        async with running(peer) as channel:
            await until_connected(channel)
            await publish(peer, "one", "two", "three")
            messages = [await anext(channel) for _ in range(3)]
            assert [message.payload for message in messages] == [b"one", b"two", b"three"]
            assert {message.topic for message in messages} == {"line/1"}
            messages[0].taken()
            messages[2].taken()
        messages[1].taken()  # the connection is gone: nobody hears it
        async with running(peer) as channel:
            again = await anext(channel)
            assert (again.payload, again.connection) == (b"two", 1)
            again.taken()
            again.taken()
            await publish(peer, "four")
            assert (await anext(channel)).payload == b"four"
            assert channel.status().items_in == 2

    asyncio.run(story())


def test_what_came_while_it_was_away_is_kept_for_it_and_survives_the_broker(peer: BrokerPeer) -> None:
    async def story() -> None:
        async with running(peer) as channel:
            await until_connected(channel)
        await publish(peer, "while away")
        await asyncio.to_thread(peer.stop)
        await asyncio.to_thread(peer.start)
        async with running(peer) as channel:
            assert (await anext(channel)).payload == b"while away"

    asyncio.run(story())


def test_what_the_broker_kept_from_before_is_no_news_unless_it_is_wanted(peer: BrokerPeer) -> None:
    async def story() -> None:
        await asyncio.to_thread(peer.mosquitto.publish, "line/1", "state")
        async with running(peer) as channel:
            await until(lambda: channel.tally.lost["retained"] == 1, channel.status)
            await publish(peer, "news")
            assert (await anext(channel)).payload == b"news"
        async with running(peer, retained=True, client_id="gateway-2") as channel:
            assert (await anext(channel)).payload == b"state"

    asyncio.run(story())


def test_a_message_that_is_too_big_is_counted_and_holds_nobody_up(peer: BrokerPeer) -> None:
    async def story() -> None:
        async with running(peer, payload_bytes_max=10) as channel:
            await until_connected(channel)
            await publish(peer, "x" * 10, "y" * 11, "z")
            assert [(await anext(channel)).payload for _ in range(2)] == [b"x" * 10, b"z"]
            assert channel.tally.lost == {"too-big": 1}
        async with running(peer, payload_bytes_max=100) as channel:  # it was acknowledged all the same
            assert (await anext(channel)).payload == b"x" * 10

    asyncio.run(story())


def test_without_room_messages_of_qos_0_are_lost_and_counted(peer: BrokerPeer) -> None:
    async def story() -> None:
        async with running(peer, qos=0, buffer_bytes=1024) as channel:
            await until_connected(channel)
            await publish(peer, *(f"item{n:04}" for n in range(20)), qos=0)
            await until(lambda: channel.status().items_in + channel.tally.lost["overflow"] == 20, channel.status)
            assert channel.tally.connects == 1
            kept = channel.status().items_in
            assert [(await anext(channel)).payload for _ in range(kept)] == [b"item%04d" % n for n in range(kept)]

    asyncio.run(story())


def test_topics_are_told_apart_and_empty_and_binary_payloads_pass(peer: BrokerPeer) -> None:
    async def story() -> None:
        async with running(peer, topics=["line/1", "press/#"]) as channel:
            await until_connected(channel)
            await publish(peer, "", topic="press/7/öl")
            await publish(peer, "nobody wants it", topic="line/2")
            await publish(peer, "é\x7f", topic="line/1")
            messages = [await anext(channel) for _ in range(2)]
            assert [(message.topic, message.payload) for message in messages] == [
                ("press/7/öl", b""),
                ("line/1", "é\x7f".encode()),
            ]

    asyncio.run(story())


def test_a_wrong_password_is_told_as_what_it_is(peer: BrokerPeer, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("guessed\n")

    async def story() -> None:
        async with running(peer, password_file=str(wrong)) as channel:
            await until(lambda: channel.tally.errors["denied"] > 1, channel.status)
            assert channel.state is State.DEGRADED
            assert channel.status().cause == "denied: Not authorized"
            assert channel.tally.errors.keys() == {"denied"}
            assert "guessed" not in repr(channel.status()) + repr(channel.settings)

    asyncio.run(story())


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a broker and a gateway, and of an authority that signed neither."""
    directory, now = tmp_path_factory.mktemp("certs"), datetime.now(UTC)
    for each in (directory, directory / "other"):
        authority.init(each, now)
    authority.issue(directory, "broker", ["127.0.0.1"], now)
    authority.issue(directory, "gateway", [], now)
    return directory


# paho leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ca_file": "ca.pem", "cert_file": "gateway.pem", "key_file": "gateway.key"}, None),
        ({"ca_file": "other/ca.pem", "cert_file": "gateway.pem", "key_file": "gateway.key"}, "tls"),
        ({"ca_file": "ca.pem"}, "timeout"),  # TLS 1.3: the broker refuses after the handshake
    ],
    ids=["both known", "broker unknown", "gateway unknown"],
)
def test_over_tls_each_end_has_to_be_known_to_the_other(
    tmp_path: Path, certs: Path, more: dict[str, str], reason: str | None
) -> None:
    port = free_port()
    listener = (
        f"listener {port} 127.0.0.1\nrequire_certificate true\ncafile {certs}/ca.pem\n"
        f"certfile {certs}/broker.pem\nkeyfile {certs}/broker.key\n"
    )

    async def story(peer: BrokerPeer) -> None:
        files = {field: str(certs / name) for field, name in more.items()}
        timeout_ms = 300 if reason == "timeout" else 5_000
        async with running(peer, port=port, connect_timeout_ms=timeout_ms, **files) as channel:
            if reason is not None:
                await until(lambda: channel.tally.errors[reason] > 0, channel.status)
                assert channel.tally.connects == 0
                return
            await until_connected(channel)
            await publish(peer, "over the other listener")
            assert (await anext(channel)).payload == b"over the other listener"

    with BrokerPeer(tmp_path, listener) as peer:
        assert isinstance(peer, BrokerPeer)
        asyncio.run(story(peer))
    gc.collect()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"ca_file": "none.pem"}, "press-1, ca_file: .*none.pem cannot be used"),
        ({"ca_file": "ca.key"}, "press-1, ca_file: .*ca.key cannot be used"),
        (
            {"ca_file": "ca.pem", "cert_file": "gateway.pem", "key_file": "broker.key"},
            "press-1, cert_file and key_file: ",
        ),
    ],
)
def test_certificates_that_cannot_be_used_are_told_at_once(
    tmp_path: Path, certs: Path, more: dict[str, str], error: str
) -> None:
    settings = BrokerPeer(tmp_path).settings(**{field: str(certs / name) for field, name in more.items()})
    with pytest.raises(UsageError, match=f"channel {error}"):
        open_channel(settings)
