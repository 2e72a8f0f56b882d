"""How a lot leaves the factory over HTTP: who may do what, what is refused in which words, what the customer gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from office import open_office
from shop import ASSEMBLY, CALIBRATION, PACKING, UNTIL_MS, ready_shop
from sql_stores import START_MS, content, store_of
from web import EXTRA, PIN, Web, problem
from yard import BENCH, FULL, LIMITS, PLACE, STANDARD, good_units, open_yard

from connectors.sql.schema.release import (
    CALIBRATIONS,
    DELIVERIES,
    LOT_INSPECTIONS,
    LOT_ROUNDS,
    LOT_UNITS,
    RELEASE_LOTS,
    SEALS,
)
from connectors.sql.schema.trail import AUDIT, OUTBOX
from connectors.sql.work import Store
from models.release.lot import LoadPoint
from sipe.clock import ManualClock

LOT = "/v1/release-lots/L-1"
TWO = ["WA000001", "WA000002"]


def a_yard(store: Store) -> None:
    """A yard with two units that are ready to go."""
    open_office(store, extra=EXTRA)
    ready_shop(store)
    open_yard(store)
    good_units(store, 2)


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with store_of(a_yard, clock) as store:
        yield store


@pytest.fixture
def web(store: Store, clock: ManualClock, tmp_path: Path) -> Iterator[Web]:
    with Web(store, clock, tmp_path) as web:
        yield web


def on_lot(web: Web, who: str, what: str, body: Any = None, lot: str = LOT) -> Response:
    """Something done with a lot as it stands."""
    return web.post(who, f"{lot}/{what}", body, if_match=web.get(who, lot).headers["etag"])


def formed(web: Web, *serials: str) -> dict[str, Any]:
    assert web.post("caio", "/v1/release-lots", {"id": "L-1", "product": "MTR-100"}).status_code == 201
    joined = on_lot(web, "caio", "units", {"serials": list(serials) or TWO})
    assert joined.status_code == 200, joined.text
    return dict(joined.json())


def judged(web: Web, *bad: str) -> Response:
    drawn = on_lot(web, "caio", "draws").json()["rounds"][-1]["drawn"]
    units = [{"serial": one, "conforms": one not in bad, "findings": "scratched"} for one in drawn]
    assert on_lot(web, "caio", "inspections", {"units": units}).status_code == 200
    said = {"judgement": "rejected" if bad else "accepted", "secret": PIN}
    return on_lot(web, "davi", "judgements", said)


def kept(store: Store) -> list[Any]:
    """What is known of lots; a wrong PIN is counted elsewhere."""
    found = content(store)
    return [found[table.name] for table in (RELEASE_LOTS, LOT_UNITS, LOT_ROUNDS, LOT_INSPECTIONS, DELIVERIES)]


def packed(web: Web, points: list[dict[str, Any]], seal: str | None) -> str:
    """A unit made over HTTP, with what its bench has measured of it."""
    serial = str(web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"}).json()["serial"])
    web.post("asm", f"/v1/stations/{ASSEMBLY}/units/{serial}/pass")
    at = f"/v1/stations/{CALIBRATION}/units/{serial}"
    web.post("cal", f"{at}/enter", {})
    measured = {"bench": "B-1", "standard": "S-1", "position": 7, "measured_ms": START_MS, "points": points}
    assert web.post("cal", f"{at}/calibrations", measured).status_code == 201
    web.post("cal", f"{at}/pass")
    at = f"/v1/stations/{PACKING}/units/{serial}"
    web.post("pack", f"{at}/enter", {})
    if seal is not None:
        assert web.post("pack", f"{at}/seals", {"place": PLACE, "number": seal}).status_code == 201
    assert web.post("pack", f"{at}/pass").json()["status"] == "done"
    return serial


def point(at: LoadPoint, error_pct: float = 0.2) -> dict[str, Any]:
    low, high = LIMITS[at]
    return {**at._asdict(), "error_pct": error_pct, "low_pct": low, "high_pct": high}


def test_a_lot_leaves_and_its_customer_gets_the_files(web: Web, store: Store) -> None:
    third = packed(web, [point(at) for at in LIMITS], "A-3")
    formed(web, *TWO, third)
    assert judged(web).json()["status"] == "accepted"
    assert web.get("otto", f"{LOT}/gate").json() == {"lot": "L-1", "may_leave": True, "problems": []}
    released = on_lot(web, "caio", "release", {"secret": PIN})
    assert (released.status_code, released.json()["status"]) == (200, "released")
    manifest = web.get("pia", f"{LOT}/delivery/manifest.json").json()
    assert (manifest["lot"], manifest["units_qty"], manifest["sheet"]["number"]) == ("L-1", 3, "TS-R")
    for file in manifest["files"]:
        got = web.get("pia", f"{LOT}/delivery/{file['name']}")
        assert hashlib.sha256(got.content).hexdigest() == file["sha256"]
        assert got.headers["content-type"] == file["media"]
        assert got.headers["content-disposition"] == f'attachment; filename="L-1-{file["name"]}"'
        assert got.headers["x-content-type-options"] == "nosniff"
    lines = web.get("pia", f"{LOT}/delivery/units.csv").text.split("\r\n")
    assert [line.split(",")[1] for line in lines[1:-1]] == [*TWO, third]
    audit = "".join(row.entry for row in content(store)[AUDIT.name])
    for action in ("lot_added", "lot_joined", "lot_drawn", "lot_inspected", "lot_accepted", "lot_released"):
        assert f'"action":"{action}"' in audit
    assert any('"status":"released"' in row.body for row in content(store)[OUTBOX.name])
    assert PIN not in repr(content(store))


def test_every_refusal_names_the_unit_and_the_reason(web: Web, store: Store) -> None:
    far = packed(web, [point(at, 1.2) for at in LIMITS], None)
    formed(web, *TWO, far)
    judged(web)
    web.post("sara", f"/v1/units/{TWO[0]}/stops", {"status": "quarantined", "reason": "smoke"})
    expected = [
        (f"units/{TWO[0]}", "quarantined"),
        (f"units/{far}", "error_out_of_limits"),
        (f"units/{far}", "seal_missing"),
    ]
    before = content(store)[DELIVERIES.name]
    refused = on_lot(web, "caio", "release", {"secret": PIN})
    assert "3 things are in the way" in problem(refused, 409, "not_released")
    told = refused.json()["problems"]
    assert [(one["path"], one["code"]) for one in told] == expected
    assert f"{far} at 100%Ib PF1 240V has an error of 1.2 %" in told[1]["detail"]
    assert web.get("caio", f"{LOT}/gate").json()["problems"] == told
    assert content(store)[DELIVERIES.name] == before == []
    problem(web.get("caio", f"{LOT}/delivery/units.csv"), 404, "not_found")


def test_a_rejected_lot_is_screened_before_it_leaves(web: Web) -> None:
    formed(web)
    assert judged(web, TWO[1]).json()["status"] == "rejected"
    problem(on_lot(web, "caio", "release", {"secret": PIN}), 409, "lot_status")
    screening = on_lot(web, "caio", "screenings", {"reason": "all of them"}).json()
    assert (screening["rounds"][-1]["kind"], screening["rounds"][-1]["drawn"]) == ("screening", TWO[:1])
    assert screening["rounds"][0]["nonconforming"] == [TWO[1]]
    (stopped,) = web.get("caio", "/v1/stopped-units").json()["items"]
    assert (stopped["serial"], stopped["reason"]) == (TWO[1], "does not conform in lot L-1: scratched")
    units = [{"serial": TWO[0], "conforms": True}]
    on_lot(web, "caio", "inspections", {"units": units})
    on_lot(web, "caio", "judgements", {"judgement": "accepted", "secret": PIN})
    assert on_lot(web, "caio", "release", {"secret": PIN}).json()["status"] == "released"
    sampling = web.get("caio", "/v1/samplings/MTR-100").json()
    assert (sampling["inspection"], sampling["rejected"]) == ("normal", 1)


def test_who_may_not_and_who_does_not_sign_changes_nothing(web: Web, store: Store) -> None:
    formed(web)
    judged(web)
    for who in ("otto", "sara", "gil", "pia", "asm", "quim", "root"):
        web.token(who)
    etag = web.get("caio", LOT).headers["etag"]
    before = kept(store)
    for who in ("otto", "sara", "gil", "pia", "asm", "root"):
        problem(web.post(who, f"{LOT}/release", {"secret": PIN}, if_match=etag), 403, "forbidden")
    problem(web.post("caio", f"{LOT}/release", {"secret": "000000"}, if_match=etag), 403, "signature")
    told = problem(web.post("quim", f"{LOT}/release", {"secret": PIN}, if_match=etag), 403, "forbidden")
    assert "line-1" in told, "quality of another line"
    problem(web.post("quim", f"{LOT}/removals", {"serials": TWO, "reason": "x"}, if_match=etag), 403, "forbidden")
    problem(web.post("caio", f"{LOT}/release", {"secret": PIN}, if_match='"1"'), 412, "stale")
    problem(web.post("caio", f"{LOT}/release", {"secret": PIN}), 428, "if_match_missing")
    problem(web.post("otto", f"{LOT}/inspections", {"units": []}, if_match=etag), 403, "forbidden")
    assert kept(store) == before


def test_a_release_that_is_asked_for_twice_is_done_once(web: Web, store: Store) -> None:
    formed(web)
    judged(web)
    etag = web.get("caio", LOT).headers["etag"]
    sent = {"if_match": etag, "idempotency_key": "release-once-1"}
    first, again = (web.post("caio", f"{LOT}/release", {"secret": PIN}, **sent) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert sum('"action":"lot_released"' in row.entry for row in content(store)[AUDIT.name]) == 1


def test_a_bench_with_an_expired_certificate_measures_nothing_that_counts(web: Web, store: Store) -> None:
    certificates = web.get("gil", "/v1/certificates?kind=standard").json()["items"]
    assert [one["certificate"] for one in certificates] == [STANDARD.certificate]
    gone = {"from_ms": START_MS - 1, "reason": "out of tolerance at its last calibration"}
    path = f"/v1/certificates/{certificates[0]['id']}/withdrawals"
    problem(web.post("otto", path, gone, if_match='"1"'), 403, "forbidden")
    assert web.post("gil", path, gone, if_match='"1"').json()["valid_until_ms"] == START_MS - 1
    serial = web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"}).json()["serial"]
    web.post("asm", f"/v1/stations/{ASSEMBLY}/units/{serial}/pass")
    at = f"/v1/stations/{CALIBRATION}/units/{serial}"
    web.post("cal", f"{at}/enter", {})
    measured = {"bench": "B-1", "standard": "S-1", "position": 1, "measured_ms": START_MS, "points": [point(FULL)]}
    before = content(store)[CALIBRATIONS.name]
    told = problem(web.post("cal", f"{at}/calibrations", measured), 409, "standard_not_valid")
    assert serial in told
    assert content(store)[CALIBRATIONS.name] == before
    assert web.get("caio", f"/v1/calibrated-units?since_ms={START_MS}&standard=S-1").json()["items"] == TWO
    again = {"kind": "standard", "equipment": "S-1", "certificate": "CS-78"}
    renewed = {**again, "valid_from_ms": START_MS - 1, "valid_until_ms": UNTIL_MS}
    assert web.post("gil", "/v1/certificates", renewed).status_code == 201
    assert web.post("cal", f"{at}/calibrations", measured).json() == {"serial": serial, "good": True}
    assert BENCH.equipment == "B-1"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error_pct": 1e999}, "Expected"),
        ({"error_pct": "0.1"}, "error_pct: Expected `float`"),
        ({"power_factor": 2}, "power_factor: Expected `float` <= 1"),
        ({"base": "Iref"}, "base"),
        ({"serial": "other"}, "unknown field `serial`"),
    ],
)
def test_a_record_that_is_none_names_its_field(web: Web, body: dict[str, Any], words: str) -> None:
    points = [point(FULL) | {key: value for key, value in body.items() if value != 1e999}]
    measured: dict[str, Any] = {"bench": "B-1", "standard": "S-1", "position": 1, "measured_ms": 1, "points": points}
    if body.get("error_pct") == 1e999:
        measured["position"] = 0
    at = f"/v1/stations/{CALIBRATION}/units/WA000001/calibrations"
    assert words in problem(web.post("cal", at, measured), 422, "unreadable")


@pytest.mark.parametrize("number", ["a-1", "A\u0391", "A 1", "A-1\n", "=1+1", "-A", ""])
def test_a_seal_number_that_could_be_mistaken_is_refused(web: Web, store: Store, number: str) -> None:
    before = content(store)[SEALS.name]
    at = f"/v1/stations/{PACKING}/units/WA000001/seals"
    problem(web.post("pack", at, {"place": PLACE, "number": number}), 422, "unreadable")
    assert content(store)[SEALS.name] == before


def test_a_seal_is_replaced_by_who_may_for_a_reason_and_is_known_for_ever(web: Web) -> None:
    path, body = f"/v1/units/{TWO[0]}/seal-replacements", {"place": PLACE, "number": "B-1", "opened": False}
    problem(web.post("otto", path, body | {"reason": "torn"}), 403, "forbidden")
    problem(web.post("sara", path, body | {"reason": " "}), 409, "reason_missing")
    assert web.post("sara", path, body | {"reason": "torn"}).status_code == 200
    problem(web.post("sara", path, body | {"reason": "torn"}), 409, "seal_used")
    answer = web.get("caio", f"/v1/units/{TWO[0]}/seals")
    assert answer.status_code == 200, answer.text
    found = {one["number"]: one for one in answer.json()["items"]}
    assert (found[f"SEAL-{TWO[0]}"]["removed_by"], found[f"SEAL-{TWO[0]}"]["removed_reason"]) == ("sara", "torn")
    assert found["B-1"]["removed_ms"] is None
