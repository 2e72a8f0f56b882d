"""Who is asking: signing in, going on with a refresh token, signing out, and enrolling a device.

An answer with a token is given once and kept nowhere. A client that has lost the answer of a refresh does not try the
same token again, as that looks like a copy of it: it signs in, or enrols, again.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.route import Act, Answer, Read, Routes
from api.tokens import LIFETIME_S
from api.v1.shapes import HIDDEN, DocumentName
from connectors.sql import credentials, devices, identity, people, sessions
from connectors.sql.identity import Shown
from connectors.sql.sessions import Session
from models.refusal import Refused

routes = Routes("identity")

Secret = Annotated[
    str,
    Meta(min_length=1, max_length=256, description="A password, or with a badge its PIN.", extra_json_schema=HIDDEN),
]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{6,11}$(?!\n)", description="Digits; it serves together with a badge.")]
Badge = Annotated[
    str, Meta(min_length=4, max_length=256, description="What the reader reads from a badge.", extra_json_schema=HIDDEN)
]
Token = Annotated[
    str, Meta(min_length=16, max_length=128, description="A refresh token; it is used once.", extra_json_schema=HIDDEN)
]
CodeText = Annotated[
    str,
    Meta(min_length=16, max_length=64, description="An enrolment code, however it is typed.", extra_json_schema=HIDDEN),
]


class SigningIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, a badge or both, with the secret that belongs to it."""

    person: DocumentName | None = None
    badge: Badge | None = None
    secret: Secret


class Refreshing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token."""

    refresh_token: Token


class Enrolling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enrolment code."""

    code: CodeText


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, and the secret that one has signed in with."""

    secret: Secret
    password: Secret


class OwnPin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new PIN, and the secret that one has signed in with."""

    secret: Secret
    pin: Pin


class HeldRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role, on one line or (empty) on all of them."""

    name: str
    line: str


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who the token says one is."""

    identity: str
    kind: Literal["person", "device"]
    station: str | None
    pseudonym: str | None
    """Of a person: what events call them, so that no key leads back to them once they are erased."""
    roles: list[HeldRole]


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """An access token for `Authorization: Bearer`, and the refresh token for the next one (RFC 6749, 5.1)."""

    access_token: Annotated[str, Meta(extra_json_schema=HIDDEN)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the name of a kind of token
    expires_in: int = LIFETIME_S
    refresh_token: Annotated[str, Meta(extra_json_schema=HIDDEN)]
    refresh_until_ms: int


@routes.act("POST", "/v1/sign-in", scope=None, body=SigningIn, answer=Granted, lane="proving")
def sign_in(call: Act) -> Answer:
    """Sign in with a name or a badge, and a password or a PIN."""
    _try(call)
    shown = Shown(secret=call.body.secret, person=call.body.person, badge=call.body.badge)
    return _granted(call, identity.sign_in(call.services.store, call.services.secrets, shown))


@routes.act("POST", "/v1/refresh", scope=None, body=Refreshing, answer=Granted)
def refresh(call: Act) -> Answer:
    """Trade a refresh token for an access token and the next refresh token."""
    return _granted(call, sessions.refresh(call.services.store, call.services.secrets, call.body.refresh_token))


@routes.act("POST", "/v1/sign-out", scope=None, body=Refreshing, status=HTTPStatus.NO_CONTENT)
def sign_out(call: Act) -> None:
    """End what follows from one sign-in, by any of its refresh tokens; says nothing about whether there is one."""
    call.services.store.work(call.who, sessions.sign_out, call.body.refresh_token)


@routes.act("POST", "/v1/enrolments", scope=None, body=Enrolling, answer=Granted)
def enrol_device(call: Act) -> Answer:
    """Trade an enrolment code for a device's first tokens."""
    _try(call)
    return _granted(call, devices.enrol(call.services.store, call.services.secrets, call.body.code))


@routes.read("/v1/me", scope="read", answer=Me)
def me(call: Read) -> Me:
    """Who one is, as this token says it."""
    one = call.principal
    roles = [HeldRole(name=role.name, line=role.line) for role in sorted(one.roles)]
    pseudonym = people.pseudonym_of(call.connection, one.identity) if one.kind == "person" else None
    return Me(identity=one.identity, kind=one.kind, station=one.station, pseudonym=pseudonym, roles=roles)


@routes.act("PUT", "/v1/me/password", scope="read", body=OwnPassword, status=HTTPStatus.NO_CONTENT, lane="proving")
def set_own_password(call: Act) -> None:
    """Give oneself another password; whoever is signed in as this person has to sign in again."""
    person = _oneself(call)
    credentials.set_password(call.services.store, call.services.secrets, call.who, person, call.body.password)


@routes.act("PUT", "/v1/me/pin", scope="read", body=OwnPin, status=HTTPStatus.NO_CONTENT, lane="proving")
def set_own_pin(call: Act) -> None:
    """Give oneself another PIN for one's badge; whoever is signed in as this person has to sign in again."""
    person = _oneself(call)
    credentials.set_pin(call.services.store, call.services.secrets, call.who, person, call.body.pin)


def _oneself(call: Act) -> str:
    """Who asks, once they have proven it again, with a secret that may be given."""
    if call.principal.kind != "person":
        raise Refused("no_person", "a device has no secret that it could set")
    call.services.verify_again(call.principal, call.body.secret, may_be_given=True)
    return call.principal.identity


def _try(call: Act) -> None:
    """Every try counts for the address that it comes from, right or wrong."""
    call.services.strangers.check(call.address)
    call.services.strangers.spend(call.address, 1)


def _granted(call: Act, session: Session) -> Answer:
    granted = Granted(
        access_token=call.services.tokens.issue(session.principal),
        refresh_token=session.refresh,
        refresh_until_ms=session.refresh_until_ms,
    )
    return Answer(value=granted, headers={"Cache-Control": "no-store"})
