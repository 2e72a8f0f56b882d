"""Leases are checked with public keys alone, and allow their own serials, so many, so long, and nothing else."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from models.production.contract import contract
from models.production.lease import (
    SKEW_MS,
    Lease,
    LeaseError,
    Visit,
    check_may_enter,
    check_visit,
    signed,
    verified,
)
from models.production.order import Order
from models.production.routing import Step
from models.refusal import Refused

STATION = "manaus.final.line-1.assembly"
NOW_MS = 1_790_000_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"k1": KEY.public_key().public_bytes_raw()}
ORDER = Order(number="OP-1", product="MTR-100", routing_revision=1, planned_qty=9, line="l", serial_range="wa")
LEASE = Lease(
    id="ab" * 16,
    station=STATION,
    device="device-1",
    contract=contract(ORDER, Step(name="assembly", stations=(STATION,)), STATION),
    serials=["WA000001", "WA000002", "WA000003"],
    begins=True,
    qty=2,
    issued_ms=NOW_MS,
    expires_ms=NOW_MS + 60_000,
)
TEXT = signed(LEASE, "k1", KEY.sign)


def why(text: str, keys: dict[str, bytes] = KEYS, station: str = STATION, now_ms: int = NOW_MS) -> str:
    with pytest.raises(LeaseError) as refused:
        verified(text, keys, station=station, now_ms=now_ms)
    return str(refused.value)


def test_whoever_has_the_public_keys_reads_it() -> None:
    assert verified(TEXT, KEYS, station=STATION, now_ms=NOW_MS) == LEASE
    assert verified(TEXT, KEYS, station=STATION, now_ms=LEASE.expires_ms - 1) == LEASE
    assert verified(TEXT, KEYS, station=STATION, now_ms=NOW_MS - SKEW_MS) == LEASE


def test_it_is_for_one_station_and_one_time_and_of_a_known_key() -> None:
    assert why(TEXT, station=STATION + "2") == f"the lease is for {STATION}"
    assert why(TEXT, now_ms=LEASE.expires_ms) == "the lease is over"
    assert "set the clock" in why(TEXT, now_ms=NOW_MS - SKEW_MS - 1)
    assert "no key" in why(TEXT, keys={"k2": KEYS["k1"]})
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert "was changed" in why(TEXT, keys={"k1": other})


def part(at: int, **changed: Any) -> str:
    parts = TEXT.split(".")
    told = msgspec.json.decode(urlsafe_b64decode(parts[at] + "==")) | changed
    parts[at] = urlsafe_b64encode(msgspec.json.encode(told)).decode().rstrip("=")
    return ".".join(parts)


@pytest.mark.parametrize(
    "text",
    [
        part(1, qty=500), part(1, expires_ms=NOW_MS * 2), part(0, alg="none"), part(0, alg="HS256"),
        part(0, typ="at+jwt"), part(0, crit=["b64"]), TEXT.rpartition(".")[0] + ".", TEXT + ".", "..", "", "a.b.c",
        "é.é.é", "x" * 3_000_000,
        TEXT.replace(".", "", 1),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_changed_or_odd_text_is_no_lease(text: str) -> None:
    assert why(text) in {"this is no lease", "the lease was changed after it was signed"}


@given(st.data())
def test_no_change_of_a_character_is_overlooked(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(TEXT) - 1))
    char = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda char: char != TEXT[at]))
    changed = TEXT[:at] + char + TEXT[at + 1 :]
    try:
        read = verified(changed, KEYS, station=STATION, now_ms=NOW_MS)
    except LeaseError:
        return
    assert read == LEASE, "unused bits at the end of base64 say nothing"


def refusal(what: Any, *args: Any) -> str:
    with pytest.raises(Refused) as refused:
        what(*args)
    return refused.value.reason


def test_only_its_serials_enter_so_many_and_so_long() -> None:
    check_may_enter(LEASE, "WA000001", (), NOW_MS)
    check_may_enter(LEASE, "WA000001", ("WA000001", "WA000002"), NOW_MS)
    assert refusal(check_may_enter, LEASE, "WA000003", ("WA000001", "WA000002"), NOW_MS) == "over_quantity"
    assert refusal(check_may_enter, LEASE, "WA000004", (), NOW_MS) == "foreign_serial"
    assert refusal(check_may_enter, LEASE, "wa000001", (), NOW_MS) == "serial_text"
    assert refusal(check_may_enter, LEASE, "WA000001", (), LEASE.expires_ms) == "lease_over"
    assert refusal(check_may_enter, LEASE, "WA000001", (), NOW_MS - SKEW_MS - 1) == "lease_over"


def test_what_is_reported_has_times_that_can_be_and_a_reason_for_a_failure() -> None:
    visit = Visit(serial="WA000001", entered_ms=NOW_MS, left_ms=NOW_MS + 1, result="passed")
    check_visit(LEASE, visit, (), NOW_MS + 1)
    back, later = (msgspec.structs.replace(visit, left_ms=NOW_MS + by_ms) for by_ms in (-1, SKEW_MS + 2))
    assert refusal(check_visit, LEASE, back, (), NOW_MS + 1) == "times"
    assert refusal(check_visit, LEASE, later, (), NOW_MS + 1) == "times"
    failed = msgspec.structs.replace(visit, result="failed")
    assert refusal(check_visit, LEASE, failed, (), NOW_MS + 1) == "reason_missing"
