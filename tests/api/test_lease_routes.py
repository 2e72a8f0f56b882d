"""Leases over HTTP: checked with the keys that the service publishes, used without it, and reconciled afterwards."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from office import open_office
from shop import ASSEMBLY, CALIBRATION, PACKING, make, ready_shop
from sql_stores import store_of
from web import EXTRA, Web, problem

from connectors.sql.work import Store
from models.production.lease import Lease, check_may_enter, verified
from sipe.clock import ManualClock

PATH = f"/v1/stations/{ASSEMBLY}/leases"


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with store_of(a_shop, clock) as store:
        yield store


def a_shop(store: Store) -> None:
    open_office(store, extra=EXTRA)
    ready_shop(store)


def taken(web: Web, clock: ManualClock, qty: int = 2) -> Lease:
    """A lease as a gateway takes it: with nothing but what the service publishes."""
    answer = web.post("asm", PATH, {"order": "OP-1", "qty": qty})
    assert answer.status_code == 201, answer.text
    published = web.get(None, "/v1/keys").json()["keys"]
    keys = {key["kid"]: urlsafe_b64decode(key["x"] + "=") for key in published}
    return verified(answer.json()["signed"], keys, station=ASSEMBLY, now_ms=clock.now_ms())


def built(lease: Lease, serial: str, after_ms: int = 0, **told: str) -> dict[str, Any]:
    begun_ms = lease.issued_ms + after_ms
    return {"serial": serial, "entered_ms": begun_ms, "left_ms": begun_ms + 10, "result": "passed", **told}


def test_a_gateway_works_on_without_a_connection_and_says_so_afterwards(web: Web, clock: ManualClock) -> None:
    lease = taken(web, clock)
    assert (lease.serials, lease.contract.step) == (["WA000001", "WA000002"], "assembly")
    check_may_enter(lease, "WA000001", (), clock.now_ms())
    clock.advance(10_000)
    visits = [built(lease, "WA000001"), built(lease, "WA000777")]
    use = f"{PATH}/{lease.id}/use"
    told = web.post("asm", use, {"visits": visits}).json()["items"]
    assert [(one["outcome"], one["refusal"]) for one in told] == [("taken", None), ("refused", "foreign_serial")]
    assert [one["outcome"] for one in web.post("asm", use, {"visits": visits}).json()["items"]] == ["known", "refused"]
    assert web.post("asm", f"{PATH}/{lease.id}/close", {}).json()["given_back"] == ["WA000002"]
    assert web.get("pia", "/v1/orders/OP-1").json()["begun_qty"] == 1
    assert web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"}).json()["serial"] == "WA000002"


def test_a_lease_is_taken_by_the_device_that_stands_there_and_no_token_is_one(web: Web, clock: ManualClock) -> None:
    body = {"order": "OP-1", "qty": 1}
    for who in ("cal", "otto", "sara", "root"):
        problem(web.post(who, PATH, body), 403, "forbidden")
    lease = taken(web, clock)
    problem(web.post("cal", f"{PATH}/{lease.id}/use", {"visits": [built(lease, "WA000001")]}), 403, "forbidden")
    elsewhere = f"/v1/stations/{CALIBRATION}/leases/{lease.id}/use"
    problem(web.post("cal", elsewhere, {"visits": [built(lease, "WA000001")]}), 404, "not_found")
    text = web.post("asm", PATH, body).json()["signed"]
    answer = web.client.get("/v1/orders", headers={"authorization": f"Bearer {text}"})
    problem(answer, 401, "unauthenticated")


def test_the_same_request_gets_the_same_lease(web: Web) -> None:
    first, again = (
        web.post("asm", PATH, {"order": "OP-1", "qty": 2}, idempotency_key="lease-again-1").json() for _ in range(2)
    )
    assert first == again
    assert web.get("pia", "/v1/orders/OP-1").json()["begun_qty"] == 2


def test_a_supervisor_closes_the_lease_of_a_lost_station(web: Web, clock: ManualClock) -> None:
    lease = taken(web, clock)
    problem(web.post("lia", f"{PATH}/{lease.id}/close", {"reason": "burnt"}), 403, "forbidden")
    told = web.post("sara", f"{PATH}/{lease.id}/close", {"reason": "burnt down"}).json()
    assert (told["given_back"], told["void"]) == ([], lease.serials)


@pytest.mark.parametrize(
    "body",
    [
        {"order": "OP-1", "qty": 501},
        {"order": "OP-1", "qty": 1, "lasts_ms": 8 * 3_600_000 + 1},
        {"order": "OP-1", "qty": 1, "lasts_ms": 0},
        {"order": "OP-1", "qty": 0},
    ],
)
def test_a_lease_is_bounded(web: Web, body: dict[str, Any]) -> None:
    problem(web.post("asm", PATH, body), 422, "unreadable")


def test_revoking_says_until_when_leases_run(web: Web, store: Store, clock: ManualClock) -> None:
    web.post("pia", "/v1/orders/OP-1/units", {"count": 1})
    make(store, "WA000001", ASSEMBLY)
    path = f"/v1/stations/{CALIBRATION}/leases"
    lease = web.post("cal", path, {"order": "OP-1", "qty": 1, "lasts_ms": 3_600_000}).json()["lease"]
    sheet = web.get("caio", "/v1/sheets/TS-1/1")
    assert sheet.status_code == 200, sheet.text
    etag = sheet.headers["etag"]
    told = web.post("caio", "/v1/sheets/TS-1/1/revoke", {"reason": "wrong point"}, if_match=etag).json()
    assert told["leases_until_ms"] == lease["expires_ms"] == clock.now_ms() + 3_600_000
    clock.advance(1_000)
    visit = {"serial": "WA000001", "entered_ms": clock.now_ms(), "left_ms": clock.now_ms(), "result": "passed"}
    (one,) = web.post("cal", f"{path}/{lease['id']}/use", {"visits": [visit]}).json()["items"]
    assert one["outcome"] == "held"
    problem(web.post("pack", f"/v1/stations/{PACKING}/units/WA000001/enter", {}), 409, "held")
