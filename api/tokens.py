"""Access tokens: what a request shows, signed with Ed25519, good for ten minutes and for nothing else.

A token says who, with which roles on which lines, and since when; no store is asked. So a role that was taken away, or
a device that was revoked, still counts until the token ends. Standard: RFC 7519, 8037, 8725 and 9068.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import Literal

import jwt
import msgspec

from api.keys import Key, KeyRing
from models.identity import Principal, Role, Unproven
from sipe.clock import Clock

LIFETIME_S = 600
SKEW_S = 5
"""So far may the clock of the server that made a token be ahead of the one that reads it."""
ISSUER = "sipe"
AUDIENCE = "sipe-api"
CHARS_MAX = 8_192
REMEMBERED = 1_024
"""Tokens whose signature is known to be right."""
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"


class Unauthenticated(Unproven):
    """The request shows no token that is good now."""

    def __init__(self, detail: str) -> None:
        super().__init__("token", detail)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["EdDSA"]
    typ: Literal["at+jwt"]
    kid: str


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sub: str
    kind: Literal["person", "device"]
    roles: list[Role]
    station: str | None
    jti: str
    iat: int
    exp: int
    auth_ms: int
    iss: str
    aud: str


class Tokens:
    """Makes and verifies access tokens with the keys of a ring; threads may share it."""

    def __init__(self, ring: KeyRing, clock: Clock, *, issuer: str = ISSUER, audience: str = AUDIENCE) -> None:
        self._ring = ring
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._signer = jwt.PyJWS(algorithms=[_ALGORITHM])
        # A signature that was right stays right: a station shows the same token with each request. What is wrong raises
        # and is not remembered; whether the key lives, and the time, are asked each time.
        self._claims = lru_cache(REMEMBERED)(self._decoded)

    def issue(self, principal: Principal) -> str:
        """A token for somebody who has just proven who they are, signed with the newest key."""
        now_s = self._clock.now_ms() // 1_000
        claims = _Claims(
            sub=principal.identity,
            kind=principal.kind,
            roles=sorted(principal.roles),
            station=principal.station,
            jti=principal.token,
            iat=now_s,
            exp=now_s + LIFETIME_S,
            auth_ms=principal.authenticated_ms,
            iss=self._issuer,
            aud=self._audience,
        )
        key = self._ring.newest
        headers = {"kid": key.id, "typ": _TYPE}
        return self._signer.encode(msgspec.json.encode(claims), key.private, algorithm=_ALGORITHM, headers=headers)

    def verify(self, token: str) -> Principal:
        """Who made a request; raises `Unauthenticated`. Nothing in it is believed before its signature is."""
        claims = self._signed(token)
        now_s = self._clock.now_ms() / 1_000
        if (claims.iss, claims.aud) != (self._issuer, self._audience):
            raise Unauthenticated("the access token is for another service")
        if now_s >= claims.exp:
            raise Unauthenticated("the access token has ended: refresh it")
        if claims.iat > now_s + SKEW_S or not 0 < claims.exp - claims.iat <= LIFETIME_S:
            raise Unauthenticated("the access token is not valid yet, or for too long")
        try:
            return Principal(
                identity=claims.sub,
                kind=claims.kind,
                roles=frozenset(claims.roles),
                station=claims.station,
                token=claims.jti,
                authenticated_ms=claims.auth_ms,
            )
        except ValueError:
            raise Unauthenticated("the access token says what cannot be") from None

    def _signed(self, token: str) -> _Claims:
        if len(token) > CHARS_MAX:
            raise Unauthenticated("the access token is too long")
        try:
            key = self._live(_header(token).kid)
            return self._claims(token, key.id)
        except (
            jwt.PyJWTError,
            msgspec.MsgspecError,
            ValueError,
        ):  # whatever is wrong with it, and nothing of what it says
            raise Unauthenticated("the access token is no token of this service") from None

    def _live(self, key_id: str) -> Key:
        key = self._ring.find(key_id)
        if key is None:
            raise Unauthenticated("the access token is of no live key: refresh it")
        return key

    def _decoded(self, token: str, key_id: str) -> _Claims:
        found = self._signer.decode_complete(token, self._live(key_id).public, algorithms=[_ALGORITHM])
        return msgspec.json.decode(found["payload"], type=_Claims)


def _header(token: str) -> _Header:
    """The header, read before any library sees it: it has one form, and all else is no token of ours."""
    text = token.partition(".")[0]
    return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Header)
