"""An access token is believed when a live key signed it, for us, not long ago; everything else is refused alike."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings

from api.keys import FILE, KeyRing, rotate
from api.tokens import LIFETIME_S, Tokens, Unauthenticated
from models.identity import Principal, Role, Unproven
from models.refusal import Refused
from sipe.clock import ManualClock
from sipe.errors import SipeError, UsageError

NOW_MS = 1_790_000_000_000
NOW_S = NOW_MS // 1_000
LINE = "manaus.final.line-1"
FIRST, THIRD = "family.1", "family.3"
ANA = Principal(
    identity="ana",
    kind="person",
    roles=frozenset({Role("engineer"), Role("operator", LINE)}),
    token=THIRD,
    authenticated_ms=NOW_MS - 60_000,
)
DEVICE = Principal(
    identity="device-1",
    kind="device",
    roles=frozenset({Role("station", LINE)}),
    station=f"{LINE}.cal-1",
    token=FIRST,
    authenticated_ms=NOW_MS,
)
CLAIMS: dict[str, Any] = {
    "sub": "ana",
    "kind": "person",
    "roles": [["engineer", ""]],
    "station": None,
    "jti": "family.3",
    "iat": NOW_S,
    "exp": NOW_S + LIFETIME_S,
    "auth_ms": NOW_MS,
    "iss": "sipe",
    "aud": "sipe-api",
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys", NOW_MS, may_create=True)


@pytest.fixture
def tokens(ring: KeyRing, clock: ManualClock) -> Tokens:
    return Tokens(ring, clock)


def signed(
    ring: KeyRing, claims: dict[str, Any] | bytes, *, private: Ed25519PrivateKey | None = None, **headers: Any
) -> str:
    payload = claims if isinstance(claims, bytes) else msgspec.json.encode(claims)
    says = {"kid": ring.newest.id, "typ": "at+jwt", **headers}
    return jwt.PyJWS().encode(payload, private or ring.newest.private, algorithm="EdDSA", headers=says)


def part(value: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


def header(ring: KeyRing, algorithm: str) -> str:
    return part({"alg": algorithm, "typ": "at+jwt", "kid": ring.newest.id})


@pytest.mark.parametrize("principal", [ANA, DEVICE])
def test_what_was_issued_says_who_it_is(tokens: Tokens, principal: Principal) -> None:
    assert tokens.verify(tokens.issue(principal)) == principal


def test_a_token_made_by_hand_is_believed_so_the_refusals_below_are_for_what_they_say(
    ring: KeyRing, tokens: Tokens
) -> None:
    assert tokens.verify(signed(ring, CLAIMS)).identity == "ana"


def test_it_is_good_for_ten_minutes(tokens: Tokens, clock: ManualClock) -> None:
    token = tokens.issue(ANA)
    clock.set(NOW_MS + 600_000 - 1)
    assert tokens.verify(token) == ANA
    clock.set(NOW_MS + 600_000)
    with pytest.raises(Unauthenticated, match="has ended"):
        tokens.verify(token)


def test_a_clock_that_is_a_little_behind_is_forgiven(tokens: Tokens, clock: ManualClock) -> None:
    token = tokens.issue(ANA)
    clock.set(NOW_MS - 5_000)
    assert tokens.verify(token) == ANA
    clock.set(NOW_MS - 6_000)
    with pytest.raises(Unauthenticated, match="not valid yet"):
        tokens.verify(token)


def none_algorithm(ring: KeyRing) -> str:
    return f"{header(ring, 'none')}.{part(CLAIMS)}."


def public_key_as_a_password(ring: KeyRing, pem: bool) -> str:
    import hashlib
    import hmac

    public = ring.newest.public
    raw = public.public_bytes_raw()
    if pem:
        raw = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"{header(ring, 'HS256')}.{part(CLAIMS)}"
    signature = hmac.new(raw, text.encode(), hashlib.sha256).digest()
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def edited(ring: KeyRing) -> str:
    first, _, last = signed(ring, CLAIMS).split(".")
    return f"{first}.{part({**CLAIMS, 'roles': [['admin', '']]})}.{last}"


FORGED: dict[str, Callable[[KeyRing], str]] = {
    "no algorithm": none_algorithm,
    "no algorithm, signed all the same": lambda ring: (
        f"{header(ring, 'none')}.{part(CLAIMS)}.{signed(ring, CLAIMS).split('.')[2]}"
    ),
    "HS256 with the public key": lambda ring: public_key_as_a_password(ring, pem=False),
    "HS256 with the public key as PEM": lambda ring: public_key_as_a_password(ring, pem=True),
    "a key of theirs under our name": lambda ring: signed(ring, CLAIMS, private=Ed25519PrivateKey.generate()),
    "a key that there is not": lambda ring: signed(ring, CLAIMS, kid="0" * 32),
    "a key that leads elsewhere": lambda ring: signed(ring, CLAIMS, kid="../../dev/null"),
    "a key that is no text": lambda ring: (
        f"{part({'alg': 'EdDSA', 'typ': 'at+jwt', 'kid': 7})}.{part(CLAIMS)}.{signed(ring, CLAIMS).split('.')[2]}"
    ),
    "a key that it brings along": lambda ring: signed(ring, CLAIMS, jwk={"kty": "OKP"}),
    "another type": lambda ring: signed(ring, CLAIMS, typ="JWT"),
    "edited": edited,
    "without a signature": lambda ring: signed(ring, CLAIMS).rpartition(".")[0] + ".",
    "two parts": lambda ring: signed(ring, CLAIMS).rpartition(".")[0],
    "four parts": lambda ring: signed(ring, CLAIMS) + ".x",
    "nothing": lambda _: "",
    "prose": lambda _: "Bearer ü \ud800",
    "a deep header": lambda _: urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.x",
    "a deep payload": lambda ring: signed(ring, b"[" * 5_000),
    "too long": lambda ring: signed(ring, {**CLAIMS, "sub": "a" * 9_000}),
    "no JSON": lambda ring: signed(ring, b"ana"),
    "another issuer": lambda ring: signed(ring, {**CLAIMS, "iss": "sip"}),
    "another audience": lambda ring: signed(ring, {**CLAIMS, "aud": "sipe-console"}),
    "several audiences": lambda ring: signed(ring, {**CLAIMS, "aud": ["sipe-api"]}),
    "ended": lambda ring: signed(ring, {**CLAIMS, "iat": NOW_S - LIFETIME_S, "exp": NOW_S}),
    "from tomorrow": lambda ring: signed(ring, {**CLAIMS, "iat": NOW_S + 86_400, "exp": NOW_S + 86_401}),
    "for ever": lambda ring: signed(ring, {**CLAIMS, "exp": 2**40}),
    "time as text": lambda ring: signed(ring, {**CLAIMS, "exp": str(NOW_S + 60)}),
    "a kind that there is not": lambda ring: signed(ring, {**CLAIMS, "kind": "god"}),
    "a device nowhere": lambda ring: signed(ring, {**CLAIMS, "kind": "device"}),
    "a claim too many": lambda ring: signed(ring, {**CLAIMS, "scope": "people:write"}),
    **{
        f"without {name}": lambda ring, name=name: signed(  # type: ignore[misc]  # a default binds the name
            ring, {claim: value for claim, value in CLAIMS.items() if claim != name}
        )
        for name in CLAIMS
    },
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_is_no_token_of_ours_is_refused(tokens: Tokens, ring: KeyRing, forge: Callable[[KeyRing], str]) -> None:
    token = forge(ring)
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(token)
    assert isinstance(caught.value, Unproven)
    assert isinstance(caught.value, Refused)
    assert caught.value.reason == "token"
    assert not token or token not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(at=st.integers(0, 2**31), bit=st.integers(0, 7))
def test_no_bit_of_it_may_change(tokens: Tokens, at: int, bit: int) -> None:
    parts = [urlsafe_b64decode(text + "==") for text in tokens.issue(ANA).split(".")]
    whole = bytearray(b"".join(parts))
    whole[at % len(whole)] ^= 1 << bit
    ends = [0, len(parts[0]), len(parts[0]) + len(parts[1]), len(whole)]
    pieces = (bytes(whole[first:last]) for first, last in pairwise(ends))
    with pytest.raises(Unauthenticated):
        tokens.verify(".".join(urlsafe_b64encode(piece).rstrip(b"=").decode() for piece in pieces))


@given(text=st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_text_is_answered_by_a_refusal(tokens: Tokens, text: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.verify(text)


def test_the_newest_key_signs_and_two_verify(tmp_path: Path, clock: ManualClock) -> None:
    ring = KeyRing(tmp_path, NOW_MS, may_create=True)
    tokens = Tokens(ring, clock)
    first = tokens.issue(ANA)
    names = rotate(tmp_path, NOW_MS + 1)
    second = tokens.issue(ANA)
    assert [jwt.get_unverified_header(token)["kid"] for token in (first, second)] == list(names)
    assert tokens.verify(first) == tokens.verify(second) == ANA
    assert rotate(tmp_path, NOW_MS + 2)[0] == names[1]
    assert tokens.verify(second) == ANA
    with pytest.raises(Unauthenticated, match="no live key"):
        tokens.verify(first)


def test_a_server_that_came_up_before_a_rotation_knows_the_new_key(tmp_path: Path, clock: ManualClock) -> None:
    early = Tokens(KeyRing(tmp_path, NOW_MS, may_create=True), clock)
    rotate(tmp_path, NOW_MS + 1)
    late = Tokens(KeyRing(tmp_path, NOW_MS, may_create=False), clock)
    assert early.verify(late.issue(ANA)) == ANA


def test_keys_outlive_the_process(tmp_path: Path) -> None:
    rings = [KeyRing(tmp_path, NOW_MS, may_create=True) for _ in range(2)]
    assert rings[0].newest.id == rings[1].newest.id
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_of_many_that_make_the_first_key_one_does(tmp_path: Path) -> None:
    barrier, names = threading.Barrier(8), set[str]()

    def come_up() -> None:
        barrier.wait()
        names.add(KeyRing(tmp_path / "keys", NOW_MS, may_create=True).newest.id)

    threads = [threading.Thread(target=come_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [FILE]


def test_a_server_without_its_keys_says_what_to_do_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"signing-keys\.json is missing: restore it, or"):
        KeyRing(tmp_path, NOW_MS, may_create=False)
    assert list(tmp_path.iterdir()) == []
    (made,) = rotate(tmp_path, NOW_MS)
    assert KeyRing(tmp_path, NOW_MS, may_create=False).newest.id == made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_keys_that_others_can_read_are_not_used(tmp_path: Path, mode: int) -> None:
    KeyRing(tmp_path, NOW_MS, may_create=True)
    (tmp_path / FILE).chmod(mode)
    for read in (lambda: KeyRing(tmp_path, NOW_MS, may_create=True), lambda: rotate(tmp_path, NOW_MS)):
        with pytest.raises(SipeError, match="rotate twice"):
            read()


def test_a_link_to_keys_is_not_followed(tmp_path: Path) -> None:
    KeyRing(tmp_path / "theirs", NOW_MS, may_create=True)
    (tmp_path / FILE).symlink_to(tmp_path / "theirs" / FILE)
    with pytest.raises(SipeError, match="cannot be read"):
        KeyRing(tmp_path, NOW_MS, may_create=True)


def test_keys_are_not_made_where_everybody_writes(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(SipeError, match="can write to"):
        KeyRing(tmp_path, NOW_MS, may_create=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"canary", b'[{"made_ms":1,"private":"canary"}]', b'[{"made_ms":1}]', b'[{"private":"canary"}]\xff'],
)
def test_a_damaged_file_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(SipeError, match="is damaged: restore it") as caught:
        KeyRing(tmp_path, NOW_MS, may_create=True)
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"


def test_a_rotation_that_was_cut_off_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    before = KeyRing(tmp_path, NOW_MS, may_create=True).newest.id
    (tmp_path / FILE).with_suffix(".new").touch()
    with pytest.raises(SipeError, match="another rotation is under way, or was cut off"):
        rotate(tmp_path, NOW_MS)
    assert KeyRing(tmp_path, NOW_MS, may_create=False).newest.id == before


def test_nothing_shows_a_private_key(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, NOW_MS, may_create=True)
    private = ring.newest.private.private_bytes_raw()
    shown = f"{ring!r} {ring.newest!r} {ring.newest}"
    assert not [text for text in (private.hex(), urlsafe_b64encode(private).decode(), repr(private)) if text in shown]
