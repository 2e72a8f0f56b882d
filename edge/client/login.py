"""Signing in and enrolling: a client that goes on when its access token ends, after ten minutes and again.

The refresh token is used once and gives the next one, which is kept before it is needed. An answer that was lost took
the next one with it: a person signs in again, a device shows the same token once more.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from edge.client.calls import Client
from edge.client.problems import Unauthenticated, error_of
from edge.client.shapes import Enrolling, Granted, Refreshing, SigningIn
from edge.client.transport import Lost, NotSent, Transport
from sipe.errors import SipeError
from sipe.private_files import read_secret, replace_durably

Keep = Callable[[str], None]
"""Keeps a refresh token until the next start."""


class Refreshed:
    """Access tokens that follow from one another; for one thread."""

    def __init__(self, refresh_token: str, access_token: str = "", keep: Keep | None = None) -> None:
        """With a refresh token alone, the first access token is got with the first call; a device keeps the next."""
        self._access_token = access_token
        self._refresh_token = refresh_token
        self._keep = keep

    def __repr__(self) -> str:
        """Says no token."""
        return "Refreshed()"

    def token(self) -> str:
        """The access token; what is none is refused, and a good one got then."""
        return self._access_token or "none-yet"

    def renew(self, transport: Transport) -> bool:
        """Trade the refresh token; raises `NotSent`, and for a person whose answer was lost `Unauthenticated`."""
        body = msgspec.json.encode(Refreshing(refresh_token=self._refresh_token))
        transport.close()  # a connection that the service has closed meanwhile would look like a lost answer
        try:
            received = transport.send("POST", "/v1/refresh", {"content-type": "application/json"}, body)
        except Lost as error:
            if self._keep is not None:  # what was answered is known to nobody, so the same token is good again
                raise NotSent(str(error)) from error
            raise Unauthenticated(401, "refresh_lost", f"{error}; sign in again") from error
        if received.status == HTTPStatus.UNAUTHORIZED:
            return False
        if received.status != HTTPStatus.OK:
            raise error_of(received.status, received.body)
        self.take(msgspec.json.decode(received.body, type=Granted))
        return True

    def take(self, granted: Granted) -> None:
        """Go on with these tokens."""
        if self._keep is not None:
            self._keep(granted.refresh_token)
        self._access_token, self._refresh_token = granted.access_token, granted.refresh_token


class TokenFile:
    """Where a device keeps its refresh token: a file for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, refresh_token: str) -> None:
        """Have it on the disk when this returns; raises `SipeError`."""
        try:
            replace_durably(self._path, refresh_token.encode())
        except OSError as error:
            raise SipeError(f"the token of this device cannot be kept in {self._path}: {error.strerror}") from error

    def read(self) -> str | None:
        """What was kept last; None before the device has enrolled. Raises `UsageError`."""
        return read_secret(self._path, "the token of this device") if self._path.exists() else None


def sign_in(url: str, *, secret: str, person: str | None = None, badge: str | None = None, **options: Any) -> Client:
    """A client of somebody, by their name or badge; raises `ApiError`. `options` are those of `Session`."""
    with Client(url, **options) as stranger:
        granted = stranger.sign_in(SigningIn(person=person, badge=badge, secret=secret))
    return Client(url, Refreshed(granted.refresh_token, granted.access_token), **options)


def enrol(url: str, code: str, file: TokenFile, **options: Any) -> Client:
    """A client of a device that enrols with a code, and goes on by `resume` after a restart; raises `ApiError`."""
    with Client(url, **options) as stranger:
        granted = stranger.enrol_device(Enrolling(code=code))
    login = Refreshed(granted.refresh_token, granted.access_token, file.keep)
    login.take(granted)
    return Client(url, login, **options)


def resume(url: str, file: TokenFile, **options: Any) -> Client | None:
    """A client of a device that has enrolled before; None when it has not."""
    kept = file.read()
    return Client(url, Refreshed(kept, keep=file.keep), **options) if kept else None
