"""Calls that are made once: sent again while the service is away, with the same key, and with a token that is good.

Sent again is what found no connection, and what the service says it cannot do now (429, 503): then nothing has changed.
What was lost on its way, perhaps behind its work, is sent again where that is safe: a GET changes nothing, a PUT says
which version it is based on, or the same as before, a POST carries a key by which the service knows it again, and
events carry their identities. What else is posted (signing in, a refresh token, which is used once) is not.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

import msgspec

from edge.client.packing import packed
from edge.client.problems import ApiError, Unreached, error_of
from edge.client.transport import Lost, NotSent, Received, Transport
from edge.pauses import Draw, Pauses

T = TypeVar("T")

JSON = "application/json"
NOT_NOW = frozenset({429, 503})
"""Nothing has changed: the service could not, or does not want to, now."""
PERHAPS = frozenset({502, 504})
"""Something before the service has lost its answer."""


class Login(Protocol):
    """Where access tokens come from."""

    def token(self) -> str | None:
        """The access token to send; None is nobody."""

    def ahead(self, transport: Transport) -> None:
        """Get another one when it will end soon."""

    def renew(self, transport: Transport, refused: str | None = None) -> bool:
        """Get another one than that which the service has refused; False when there is none to be had.

        Raises `NotSent`, and `ApiError` when it cannot be said whether there is one.
        """


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often, and with which pauses, a call is sent again."""

    attempts_max: int = 6
    pause_s: float = 0.1
    """Of the first pause, at most; the next may be twice as long, and so on."""
    pause_max_s: float = 10
    jitter: Draw = random.uniform
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, retry_after_s: float = 0) -> None:
        """Pause behind an attempt, counted from 1: at random, so that many clients do not come back at once."""
        pauses = Pauses(first_s=self.pause_s, longest_s=self.pause_max_s)
        self.sleep(retry_after_s + pauses.after(attempt, self.jitter))


class Token:
    """One access token, as it is: for programs that end before it does."""

    def __init__(self, text: str | None = None) -> None:
        self._text = text

    def token(self) -> str | None:
        """The token."""
        return self._text

    def ahead(self, _: Transport) -> None:
        """There is no other."""

    def renew(self, _: Transport, refused: str | None = None) -> bool:
        """There is no other."""
        del refused
        return False


class Session:
    """A connection to the API of somebody; for one thread."""

    def __init__(
        self,
        url: str,
        login: Login | None = None,
        *,
        timeout_s: float = 10,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
        hear: Callable[[str, float], None] = lambda date, took_s: None,
    ) -> None:
        """`hear` is told the `Date` of each answer, and how long it took, in s."""
        self._transport = Transport(url, timeout_s, tls)
        self._login = login or Token()
        self._patience = patience or Patience()
        self._hear = hear

    def call(self, method: str, path: str, answer: type[T], **told: Any) -> T:
        """One call, sent as often as it takes, and its answer; raises `ApiError`. `told` is what `do` takes."""
        received = self.do(method, path, **told)
        try:
            return msgspec.json.decode(received.body, type=answer)
        except msgspec.MsgspecError as error:
            raise ApiError(received.status, "unreadable", f"{method} {path} answers something else: {error}") from error

    def do(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        media: str = JSON,
        version: int | None = None,
        key: str | None = None,
    ) -> Received:
        """One call, sent as often as it takes; raises `ApiError`. A body that is no JSON is bytes, sent compressed."""
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        headers, raw = _headers(version, key), None
        if body is not None and media == JSON:
            headers, raw = headers | {"content-type": JSON}, msgspec.json.encode(body)
        elif isinstance(body, bytes):
            coding, raw = packed(body)
            headers |= {"content-type": media, "content-encoding": coding}
        may_repeat = method != "POST" or key is not None or media != JSON
        received = self._answered(method, target, headers, raw, may_repeat)
        if received.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise error_of(received.status, received.body, _retry_after_s(received))
        return received

    def key(self, given: str | None) -> str:
        """The idempotency key of a call: the caller's, or one of its own."""
        return given or uuid4().hex

    def _answered(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, may_repeat: bool
    ) -> Received:
        again = NOT_NOW | PERHAPS if may_repeat else NOT_NOW
        renewed = False
        attempt = 1
        while True:
            last = attempt >= self._patience.attempts_max
            self._login.ahead(self._transport)
            token = self._login.token()
            sent = {**headers, "authorization": f"Bearer {token}"} if token else headers
            retry_after_s = 0.0
            try:
                began_s = time.monotonic()
                received = self._transport.send(method, target, sent, body)
                self._hear(received.headers.get("date", ""), time.monotonic() - began_s)
                if received.status == HTTPStatus.UNAUTHORIZED and token and not renewed:
                    renewed = self._login.renew(self._transport, token)
                    if renewed:
                        continue
            except (NotSent, Lost) as error:
                if last or (isinstance(error, Lost) and not may_repeat):
                    raise Unreached(503, "unreached", f"{error}; asked {attempt} times") from error
            else:
                if received.status not in again or last:
                    return received
                retry_after_s = _retry_after_s(received)
            self._patience.wait(attempt, retry_after_s)
            attempt += 1

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _headers(version: int | None, key: str | None) -> dict[str, str]:
    headers = {"accept": f"{JSON}, application/problem+json"}
    if version is not None:
        headers["if-match"] = f'"{version}"'
    if key is not None:
        headers["idempotency-key"] = key
    return headers


def part(value: object) -> str:
    """A value as one part of a path, whatever is in it."""
    return quote(str(value), safe="")


def _retry_after_s(received: Received) -> float:
    """For how long the service asks to be left alone, in seconds (RFC 9110, 10.2.3); at most a minute is granted."""
    text = received.headers.get("retry-after", "")
    return min(60.0, float(text)) if text.isdigit() else 0.0
