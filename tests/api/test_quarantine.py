"""A unit in quarantine passes nowhere, and says so in words; then somebody who may decides what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from shop import ASSEMBLY, CALIBRATION, LINE, PACKING, ready_shop
from sql_stores import START_MS, content
from web import PIN, STATIONS, Web, problem

from api.app import all_routes
from connectors.sql.schema.production import UNITS
from connectors.sql.schema.trail import AUDIT
from connectors.sql.work import Store

SERIAL = "WA000001"
WHY = "dropped from the conveyor"
MOVES: dict[str, dict[str, Any]] = {
    "enter_unit": {},
    "pass_unit": {},
    "fail_unit": {"reason": "burnt"},
    "link_unit": {"kind": "material", "child": "M-100", "lot": "L-1"},
    "calibrate_unit": {
        "bench": "B-1",
        "standard": "S-1",
        "position": 1,
        "measured_ms": START_MS,
        "points": [{"voltage_v": 240, "current_pct": 100, "error_pct": 0.1, "low_pct": -1, "high_pct": 1}],
    },
    "seal_unit": {"place": "case, left", "number": "A-1"},
}
"""Every route by which a station moves a unit, and what it may send."""


def stop(web: Web, status: str = "quarantined", who: str = "sara") -> dict[str, Any]:
    answer = web.post(who, f"/v1/units/{SERIAL}/stops", {"status": status, "reason": WHY})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def dispose(web: Web, disposal: str, **more: Any) -> dict[str, Any]:
    body = {"disposal": disposal, "reason": "looked at it", "secret": PIN, **more}
    answer = web.post("caio", f"/v1/units/{SERIAL}/disposals", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def move(web: Web, who: str, name: str) -> Any:
    (route,) = (route for route in all_routes() if route.name == name)
    path = route.path.format(station=STATIONS[who], serial=SERIAL)
    return web.post(who, path, MOVES[name])


@pytest.fixture
def in_work(web: Web, store: Store) -> Web:
    """A shop whose first unit is in work at its first station."""
    ready_shop(store)
    assert web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"}).json()["serial"] == SERIAL
    return web


def test_every_move_is_known_here() -> None:
    moves = {route.name for route in all_routes() if {"station", "serial"} <= set(route.parameters) and route.once}
    assert moves == set(MOVES)


@pytest.mark.parametrize("status", ["quarantined", "held", "recalled"])
def test_every_move_is_refused_and_the_operator_reads_why(in_work: Web, store: Store, status: str) -> None:
    assert stop(in_work, status)["status"] == status
    units = content(store)[UNITS.name]
    for who in STATIONS:
        for name in MOVES:
            told = problem(move(in_work, who, name), 409, status)
            assert told == f"{SERIAL} is {status}: {WHY}", f"{name} at {who}"
    again = in_work.post("sara", f"/v1/units/{SERIAL}/stops", {"status": "held", "reason": "again"})
    assert WHY in problem(again, 409, "stopped")
    assert content(store)[UNITS.name] == units


def test_no_bypass_and_no_station_that_only_observes_lets_it_pass(in_work: Web) -> None:
    stop(in_work)
    bypass = {"refusal": "quarantined", "reason": "hurry", "until_ms": 4_000_000_000_000, "secret": PIN}
    answer = in_work.post("sara", f"/v1/stations/{CALIBRATION}/bypasses", bypass)
    assert "dispose of the unit" in problem(answer, 409, "no_bypass")
    observes = in_work.send("gil", "PUT", f"/v1/stations/{CALIBRATION}/mode", {"mode": "observe"})
    assert observes.status_code == 200
    problem(move(in_work, "cal", "enter_unit"), 409, "quarantined")


def test_it_goes_into_no_other_unit_either(in_work: Web) -> None:
    in_work.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"})
    stop(in_work)
    part = {"kind": "unit", "child": SERIAL}
    answer = in_work.post("asm", f"/v1/stations/{ASSEMBLY}/units/WA000002/links", part)
    assert WHY in problem(answer, 409, "quarantined")


def test_what_waits_for_somebody_is_listed(in_work: Web) -> None:
    assert in_work.get("caio", "/v1/stopped-units").json() == {"items": [], "next": None}
    version = stop(in_work)["version"]
    expected = {
        "serial": SERIAL,
        "order": "OP-1",
        "product": "MTR-100",
        "status": "quarantined",
        "reason": WHY,
        "failed_step": None,
        "rework": ["repair"],
        "version": version,
    }
    for query in ("", "?status=quarantined", f"?line={LINE}"):
        assert in_work.get("caio", f"/v1/stopped-units{query}").json()["items"] == [expected]
    for query in ("?status=held", "?line=manaus.final.line-2"):
        assert in_work.get("caio", f"/v1/stopped-units{query}").json()["items"] == []
    first = in_work.get("caio", "/v1/stopped-units?limit=1").json()
    assert in_work.get("caio", f"/v1/stopped-units?limit=1&cursor={first['next']}").json()["items"] == []
    problem(in_work.get("caio", "/v1/stopped-units?status=waiting"), 422, "unreadable")


@pytest.mark.parametrize(
    ("disposal", "status"), [("rework", "rework"), ("scrap", "scrapped"), ("use_as_is", "waiting")]
)
def test_who_may_disposes_of_it_and_signs(in_work: Web, store: Store, disposal: str, status: str) -> None:
    stop(in_work)
    more = {"rework": "repair"} if disposal == "rework" else {}
    assert dispose(in_work, disposal, **more)["status"] == status
    (entry,) = (row.entry for row in content(store)[AUDIT.name] if f"unit_{disposal}" in row.entry)
    assert '"identity":"caio"' in entry
    assert PIN not in repr(content(store))
    assert in_work.get("caio", "/v1/stopped-units").json()["items"] == []
    if status == "scrapped":
        assert "take it off the line" in problem(move(in_work, "asm", "enter_unit"), 409, "scrapped")
    else:
        assert move(in_work, "fix" if status == "rework" else "asm", "enter_unit").json()["status"] == "in_work"


def test_only_who_may_and_signs_disposes(in_work: Web, store: Store) -> None:
    stop(in_work)
    before = content(store)[UNITS.name]
    path = f"/v1/units/{SERIAL}/disposals"
    body = {"disposal": "use_as_is", "reason": "fine", "secret": PIN}
    for who in ("otto", "sara", "gil", "asm"):
        problem(in_work.post(who, path, body), 403, "forbidden")
    problem(in_work.post("caio", path, body | {"secret": "000000"}), 403, "signature")
    problem(in_work.post("caio", path, body | {"reason": " "}), 409, "reason_missing")
    problem(in_work.post("caio", path, body | {"disposal": "rework"}), 409, "no_rework")
    for who in ("otto", "asm", "gil"):
        problem(in_work.post(who, f"/v1/units/{SERIAL}/stops", {"status": "held", "reason": "x"}), 403, "forbidden")
    assert content(store)[UNITS.name] == before


def test_a_step_without_rework_that_fails_is_quarantine_by_itself(web: Web, store: Store) -> None:
    ready_shop(store)
    web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"})
    web.post("asm", f"/v1/stations/{ASSEMBLY}/units/{SERIAL}/pass")
    for who, station in (("cal", CALIBRATION), ("pack", PACKING)):
        assert web.post(who, f"/v1/stations/{station}/units/{SERIAL}/enter", {}).json()["status"] == "in_work"
        if who == "cal":
            web.post(who, f"/v1/stations/{station}/units/{SERIAL}/pass")
    failed = web.post("pack", f"/v1/stations/{PACKING}/units/{SERIAL}/fail", {"reason": "no carton"})
    assert failed.json()["status"] == "quarantined"
    (listed,) = web.get("caio", "/v1/stopped-units").json()["items"]
    assert (listed["reason"], listed["failed_step"]) == ("packing failed: no carton", "packing")
    assert dispose(web, "use_as_is")["status"] == "done"
