"""The listener for equipment that POSTs."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_process import free_port

from connectors.tls import authority
from edge.channels.channel import Channel
from edge.channels.http_push import HEAD_BYTES_MAX
from edge.channels.http_request import BadRequest, parse_head
from edge.channels.intake import Message
from edge.channels.lifecycle import State
from edge.channels.opening import open_channel
from edge.channels.settings import parse_channels

WAIT_S = 20.0


class Listener:
    """A channel, and what has come over it."""

    def __init__(self, channel: Channel[Any, Any, Any], port: int) -> None:
        self.channel = channel
        self.port = port
        self.came: list[Message] = []

    async def take(self) -> None:
        async for message in self.channel:
            self.came.append(message)
            message.taken()

    async def post(self, path: str = "/results", body: bytes = b"<ok/>", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"http://127.0.0.1:{self.port}{path}", content=body, headers=headers)

    async def say(self, raw: bytes, *, hang_up: bool = False) -> bytes:
        """Send bytes as they are; what is answered until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            if hang_up:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), WAIT_S)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def listening(*, taking: bool = True, **table: Any) -> AsyncIterator[Listener]:
    port = free_port()
    (settings,) = parse_channels(
        {
            "channel": [
                {"name": "aoi", "kind": "http", "port": port, "paths": ["/results"], "backoff_cap_ms": 20, **table}
            ]
        }
    )
    channel = open_channel(settings)
    listener = Listener(channel, port)
    async with channel:
        async with asyncio.timeout(WAIT_S):
            while channel.state is State.STARTING:
                await asyncio.sleep(0.001)
        task = asyncio.create_task(listener.take()) if taking else None
        yield listener
    if task is not None:
        await task


def test_a_post_is_answered_when_its_message_is_taken() -> None:
    async def story() -> None:
        async with listening(taking=False) as listener:
            posting = asyncio.create_task(listener.post("/results?unit=7", bytes(range(256))))
            message = await anext(listener.channel)
            assert (message.topic, message.payload) == ("/results", bytes(range(256)))
            assert not posting.done()
            message.taken()
            message.taken()
            answer = await posting
            assert (answer.status_code, answer.content) == (204, b"")
            assert not listener.channel.tally.errors

    asyncio.run(story())


def test_what_is_not_taken_has_to_be_sent_again() -> None:
    async def story() -> None:
        async with listening(taking=False, request_timeout_ms=200) as listener:
            answer = await listener.post()
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            (await anext(listener.channel)).taken()  # too late, and no harm
            assert listener.channel.tally.errors == {"http-503": 1}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /results HTTP/1.1\r\nContent-Length: 0", 405),
        (b"POST /other HTTP/1.1\r\nContent-Length: 0", 404),
        (b"POST /results HTTP/1.1", 411),
        (b"POST /results HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        (b"POST /results HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", 411),
        (b"POST /results HTTP/1.1\r\nContent-Length: 1001", 413),
        (b"POST /results HTTP/1.1\r\nContent-Length: -1", 400),
        (b"POST /results HTTP/1.1\r\nContent-Length: 0x10", 400),
        (b"POST /results HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", 400),
        (b"POST /results HTTP/1.1\r\nContent-Length : 1", 400),
        (b"POST /results HTTP/1.1\r\n Content-Length: 1", 400),
        (b"POST /results HTTP/2", 400),
        (b"POST http://elsewhere/results HTTP/1.1\r\nContent-Length: 0", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"POST /results HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES_MAX + b"\r\nContent-Length: 0", 431),
    ],
)
def test_what_cannot_be_taken_is_refused_and_counted(head: bytes, status: int) -> None:
    async def story() -> None:
        async with listening(body_bytes_max=1000) as listener:
            answer = await listener.say(head + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert answer.endswith(b"\r\n\r\n")
            assert listener.channel.tally.errors == {f"http-{status}": 1}
            assert (await listener.post()).status_code == 204
            assert [message.payload for message in listener.came] == [b"<ok/>"]

    asyncio.run(story())


def test_a_client_that_asks_first_is_told_to_go_on_only_with_what_would_be_taken() -> None:
    async def story() -> None:
        async with listening(body_bytes_max=1000) as listener:
            head = b"POST /results HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            assert (await listener.say(head % 2000)).startswith(b"HTTP/1.1 413 ")
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(head % 5)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
            writer.close()

    asyncio.run(story())


def test_who_sends_far_too_much_still_hears_why_it_is_refused() -> None:
    async def story() -> None:
        async with listening() as listener:
            assert (await listener.post(body=bytes(5_000_000))).status_code == 413
            await asyncio.sleep(0)
            assert listener.channel.tally.errors == {"http-413": 1}

    asyncio.run(story())


HALF = b"POST /results HTTP/1.1\r\nContent-Le"


def test_who_comes_when_as_many_as_may_have_come_is_turned_away() -> None:
    async def story() -> None:
        async with listening(request_timeout_ms=60_000, connections_max=3) as listener:
            slow = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
            for _, writer in slow:
                writer.write(HALF)
            for _ in range(20):  # at once, if need be in the middle of a word
                assert (await listener.say(HALF))[:13] in {b"HTTP/1.1 503 ", b""}
            for reader, writer in slow:
                writer.write(b"ngth: 0\r\n\r\n")
                assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
                writer.close()
            assert listener.channel.tally.errors == {"http-503": 20}
            assert len(listener.came) == 3

    asyncio.run(story())


def test_half_a_request_is_waited_for_until_it_hangs_up_or_its_time_is_over() -> None:
    async def story() -> None:
        async with listening(request_timeout_ms=60_000) as listener:
            assert await listener.say(HALF, hang_up=True) == b""
            assert listener.channel.tally.errors == {"reset": 1}
        async with listening(request_timeout_ms=50) as listener:
            assert (await listener.say(HALF)).startswith(b"HTTP/1.1 408 ")
            assert listener.channel.tally.errors == {"http-408": 1}

    asyncio.run(story())


def test_a_full_inbox_refuses_before_the_body_is_read() -> None:
    async def story() -> None:
        async with listening(taking=False, buffer_bytes=1024, request_timeout_ms=200) as listener:
            assert (await listener.post(body=bytes(1000))).status_code == 503  # it waits in the inbox
            answer = await listener.say(b"POST /results HTTP/1.1\r\nContent-Length: 200000\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert listener.channel.status().items_in == 1
            await anext(listener.channel)
            assert listener.channel.status().waiting_bytes == 0

    asyncio.run(story())


def test_only_who_bears_the_token_is_heard(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("secret-of-line-1\n")

    async def story() -> None:
        async with listening(token_file=str(token)) as listener:
            assert (await listener.post()).status_code == 401
            refused = await listener.post(Authorization="Bearer secret-of-line-2")
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert (await listener.post(Authorization="Bearer secret-of-line-1")).status_code == 204
            assert "secret" not in repr(listener.channel.status())

    asyncio.run(story())


def test_over_tls_it_is_https(tmp_path: Path) -> None:
    authority.init(tmp_path, datetime.now(UTC))
    authority.issue(tmp_path, "gateway", ["127.0.0.1"], datetime.now(UTC))
    files: dict[str, Any] = {"cert_file": str(tmp_path / "gateway.pem"), "key_file": str(tmp_path / "gateway.key")}

    async def story() -> None:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with listening(**files) as listener:
            async with httpx.AsyncClient(trust_env=False, verify=trusted) as client:
                answer = await client.post(f"https://127.0.0.1:{listener.port}/results", content=bytes(100_000))
                assert answer.status_code == 204
            with pytest.raises(httpx.HTTPError):
                await listener.post()
            assert [len(message.payload) for message in listener.came] == [100_000]
            assert not listener.channel.tally.errors

    asyncio.run(story())


@pytest.mark.parametrize(("peers", "status"), [(["127.0.0.0/8"], 204), (["192.168.7.0/24", "::1"], 403)])
def test_only_the_peers_may_connect(peers: list[str], status: int) -> None:
    async def story() -> None:
        async with listening(peers=peers) as listener:
            assert (await listener.post()).status_code == status

    asyncio.run(story())


def test_an_address_that_is_taken_is_waited_for() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            async with listening(port=taken.getsockname()[1]) as listener:
                assert listener.channel.state is State.DEGRADED
                assert listener.channel.status().cause.startswith("busy: ")
                taken.close()
                async with asyncio.timeout(WAIT_S):
                    while listener.channel.state is State.DEGRADED:
                        await asyncio.sleep(0.005)

    asyncio.run(story())


def test_a_client_of_the_standard_library_understands_the_answers() -> None:
    async def story() -> None:
        async with listening() as listener:

            def post() -> int:
                connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=WAIT_S)
                try:
                    connection.request("POST", "/results", b"x" * 100_000)
                    answer = connection.getresponse()
                    assert answer.will_close
                    assert answer.read() == b""
                    return answer.status
                finally:
                    connection.close()

            assert await asyncio.to_thread(post) == 204

    asyncio.run(story())


def test_stopping_answers_nobody_and_waits_for_nobody() -> None:
    async def story() -> float:
        async with listening(taking=False, request_timeout_ms=60_000) as listener:
            posting = asyncio.create_task(listener.say(b"POST /results HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"))
            await anext(listener.channel)
            began_s = time.monotonic()
        assert await posting == b""
        return time.monotonic() - began_s

    assert asyncio.run(story()) < 5


words = st.sampled_from(
    [
        b"POST",
        b"GET",
        b" ",
        b"/results",
        b"HTTP/1.1",
        b"\r\n",
        b":",
        b"Content-Length",
        b"5",
        b"Expect",
        b"\x00",
        b"\xff",
    ]
)


@given(st.one_of(st.binary(max_size=200), st.lists(words, max_size=20).map(b"".join)))
def test_no_bytes_are_more_than_a_bad_request(head: bytes) -> None:
    with suppress(BadRequest):
        found = parse_head(head)
        assert head.startswith(b"POST /")
        assert found.body_bytes >= 0


@given(
    st.text("abcXYZ019/._-", max_size=30).map("/".__add__),
    st.integers(0, 10**9),
    st.dictionaries(
        st.text("abcABC", min_size=1, max_size=8).map("X-".__add__), st.text("!~a9:", max_size=9), max_size=5
    ),
)
def test_a_good_head_is_understood(path: str, body_bytes: int, others: dict[str, str]) -> None:
    names = {name.lower(): name for name in others}  # names differ in more than their capitals
    lines = [f"{name}: {others[name]}" for name in names.values()]
    head = "\r\n".join([f"POST {path}?q=1 HTTP/1.1", *lines, f"CONTENT-LENGTH:{body_bytes}", "", ""])
    assert parse_head(head.encode()) == (path, body_bytes, b"", False)


def test_a_bad_request_says_what_it_answers() -> None:
    assert str(BadRequest(HTTPStatus.NOT_FOUND)) == "Not Found"
