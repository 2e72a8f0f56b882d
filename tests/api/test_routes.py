"""What every route keeps: rights, problems, ETags and idempotency keys; and an order's way over HTTP."""

from __future__ import annotations

import re

import pytest
from office import STAFF, approved, right_values, submitted
from shop import ASSEMBLY, CALIBRATION, LINE, PACKING, ROUTING, open_shop, ready_shop, released
from sql_stores import content
from sqlalchemy import select
from web import ON_THE_LINE, PIN, STATIONS, Web, problem

from api.app import all_routes
from api.http.route import Route
from connectors.sql.schema.production import REFUSALS
from connectors.sql.work import Store
from models.identity import HOLDERS

ROUTES = all_routes()


def path_of(route: Route) -> str:
    given = {"station": CALIBRATION, "serial": "WA000001", "revision": "1", "version": "1", "setup_id": "1"}
    given["lease_id"] = "0" * 32
    return re.sub(r"\{(\w+)\}", lambda found: given.get(found[1], "nothing-1"), route.path)


class TestEveryRoute:
    def test_nobody_gets_in_without_a_token(self, web: Web) -> None:
        for route in (route for route in ROUTES if route.scope is not None):
            for who in (None, "stranger"):
                answer = web.send(who, route.method, path_of(route), {})
                assert problem(answer, 401, "unauthenticated")
                assert answer.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("who", ["asm", "otto", "sara", "pia", "caio", "gil", "root"])
    def test_who_holds_no_scope_is_refused_and_nothing_changes(self, web: Web, store: Store, who: str) -> None:
        roles = {"station"} if who in STATIONS else {ON_THE_LINE[who]} if who in ON_THE_LINE else set(STAFF[who])
        web.token(who)
        refused = 0
        for route in ROUTES:
            if route.scope is None:
                continue
            before = content(store)
            answer = web.send(who, route.method, path_of(route), {})
            if roles & HOLDERS[route.scope]:
                assert answer.status_code not in {401, 500}, route.name
            else:
                problem(answer, 403, "forbidden")
                assert content(store) == before, route.name
                refused += 1
        assert refused

    def test_a_station_gets_at_no_other_station(self, web: Web, store: Store) -> None:
        ready_shop(store)
        for who in ("asm", "pack", "fix", "lia"):
            web.token(who)
        before = content(store)
        for route in (route for route in ROUTES if "{station}" in route.path and route.scope != "read"):
            for station in ("asm", "pack", "fix", "lia"):
                query = "?order=OP-1" if route.needs else ""
                problem(web.send(station, route.method, path_of(route) + query, {}), 403, "forbidden")
        assert content(store) == before

    def test_names_are_given_once_and_every_scope_is_used(self) -> None:
        names = [route.name for route in ROUTES]
        assert len(set(names)) == len(names)
        assert {route.scope for route in ROUTES} - {None} <= set(HOLDERS)

    def test_only_who_proves_who_they_are_needs_no_token(self) -> None:
        assert {route.name for route in ROUTES if route.scope is None} == {
            "sign_in",
            "refresh",
            "sign_out",
            "enrol_device",
            "public_keys",
        }

    def test_every_post_takes_a_key_and_every_route_says_what_it_is(self) -> None:
        assert all(route.once == (route.method == "POST" and not route.acts) for route in ROUTES)
        assert all(route.summary.endswith(".") or ";" in route.summary for route in ROUTES)


class TestConventions:
    def test_the_same_key_gets_the_same_answer_and_is_done_once(self, web: Web, store: Store) -> None:
        ready_shop(store)
        first = web.post("pia", "/v1/orders/OP-1/units", {"count": 2}, idempotency_key="again-1234")
        again = web.post("pia", "/v1/orders/OP-1/units", {"count": 2}, idempotency_key="again-1234")
        assert (first.status_code, first.content, first.headers["content-type"]) == (
            again.status_code,
            again.content,
            again.headers["content-type"],
        )
        assert first.json() == {"serials": ["WA000001", "WA000002"]}
        other = web.post("pia", "/v1/orders/OP-1/units", {"count": 3}, idempotency_key="again-1234")
        assert problem(other, 422, "key_reused")
        new = web.post("pia", "/v1/orders/OP-1/units", {"count": 1}, idempotency_key="again-5678")
        assert new.json() == {"serials": ["WA000003"]}

    def test_a_post_without_a_key_and_a_change_without_a_version_are_refused(self, web: Web, store: Store) -> None:
        ready_shop(store)
        token = {"authorization": f"Bearer {web.token('pia')}"}
        assert problem(web.client.post("/v1/orders/OP-1/units", json={}, headers=token), 400, "key_missing")
        answer = web.post("pia", "/v1/orders/OP-1/actions", {"action": "hold", "reason": "x"})
        assert problem(answer, 428, "if_match_missing")
        answer = web.post("pia", "/v1/orders/OP-1/actions", {"action": "hold", "reason": "x"}, if_match='"99"')
        assert "is at version" in problem(answer, 412, "stale")
        answer = web.post("pia", "/v1/orders/OP-1/units", {}, idempotency_key="a b")
        assert problem(answer, 400, "key_text")

    def test_what_cannot_be_read_names_the_field(self, web: Web, store: Store) -> None:
        open_shop(store)
        order = {"number": "OP-1", "product": "MTR-100", "routing_revision": 1, "line": LINE, "serial_range": "wa"}
        for body, words in (
            (order | {"planned_qty": 0}, "planned_qty: Expected `int` >= 1"),
            (order, "Object missing required field `planned_qty`"),
            (order | {"planned_qty": 1, "nonsense": 1}, "unknown field `nonsense`"),
            (order | {"planned_qty": 1, "number": "../etc"}, "number: Expected `str` matching regex"),
            (order | {"planned_qty": 1, "line": "a.b"}, "line: Expected `str` matching regex"),
        ):
            assert words in problem(web.post("pia", "/v1/orders", body), 422, "unreadable")

    @pytest.mark.parametrize(
        "raw", [b"{", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"a":1}{"b":2}', b'{"number": "a\nb"}', b"1e999999"]
    )
    def test_bytes_that_are_no_json_are_refused(self, web: Web, raw: bytes) -> None:
        headers = {"authorization": f"Bearer {web.token('pia')}", "idempotency-key": "raw-bytes-1"}
        assert problem(web.client.post("/v1/orders", content=raw, headers=headers), 422, "unreadable")

    def test_a_body_is_not_read_beyond_its_limit(self, web: Web) -> None:
        headers = {"authorization": f"Bearer {web.token('pia')}", "idempotency-key": "raw-bytes-1"}
        answer = web.client.post("/v1/orders", content=b" " * 1_000_001, headers=headers)
        assert problem(answer, 413, "too_big")

    def test_paths_and_parameters_that_are_not_there_are_problems_too(self, web: Web) -> None:
        assert problem(web.get("pia", "/v1/nothing"), 404, "no_such_path")
        assert problem(web.send("pia", "DELETE", "/v1/orders"), 405, "no_such_method")
        assert problem(web.get("pia", "/v1/orders?colour=red"), 400, "no_such_parameter")
        assert problem(web.get("pia", "/v1/orders?cursor=%00"), 422, "unreadable")
        assert problem(web.get("cal", f"/v1/stations/{CALIBRATION}/contract"), 422, "unreadable")

    def test_a_signature_takes_the_secret_and_it_is_kept_nowhere(self, web: Web, store: Store) -> None:
        sheet = submitted(store)
        path, etag = "/v1/sheets/TS-1/1/decisions", f'"{sheet.version}"'
        voice = {"kind": "approve", "level": "check"}
        assert problem(web.post("ana", path, voice | {"secret": "000000"}, if_match=etag), 403, "signature")
        assert web.post("ana", path, voice | {"secret": PIN}, if_match=etag).json()["level"] == "release"
        assert PIN not in repr(content(store))

    def test_pages_follow_their_cursors(self, web: Web, store: Store) -> None:
        open_shop(store)
        for number in range(5):
            released(store, f"OP-{number}")
        found, cursor = [], ""
        while cursor is not None:
            page = web.get("pia", f"/v1/orders?limit=2{cursor and f'&cursor={cursor}'}").json()
            found += [order["number"] for order in page["items"]]
            cursor = page["next"]
        assert found == [f"OP-{number}" for number in range(5)]


def test_an_order_goes_from_a_sheet_to_a_packed_meter(web: Web, store: Store) -> None:
    body = {"number": "TS-1", "template": "calibration", "product": "MTR-100", "step": "calibration"}
    sheet = web.post("gil", "/v1/sheets", body | {"values": right_values()})
    assert (sheet.status_code, sheet.headers["location"], sheet.headers["etag"]) == (201, "/v1/sheets/TS-1/1", '"1"')
    sheet = web.post("gil", "/v1/sheets/TS-1/1/submit", if_match='"1"')
    assert sheet.json()["may_decide"] == ["ana", "bia", "davi"]
    assert [one["number"] for one in web.get("ana", "/v1/inbox").json()["items"]] == ["TS-1"]
    for person, level in (("ana", "check"), ("caio", "release")):
        etag = web.get(person, "/v1/sheets/TS-1/1").headers["etag"]
        voice = {"kind": "approve", "level": level, "secret": PIN}
        sheet = web.post(person, "/v1/sheets/TS-1/1/decisions", voice, if_match=etag)
    assert sheet.json()["status"] == "approved"
    assert web.post("gil", "/v1/products", {"id": "MTR-100", "display": "Meter"}).status_code == 201
    assert web.post("gil", "/v1/routings", ROUTING).json() == {"product": "MTR-100", "revision": 1}
    serials = {"id": "wa", "prefix": "WA", "digits": 6, "first": 1, "last": 999_999}
    assert web.post("gil", "/v1/serial-ranges", serials).status_code == 201
    order = {"number": "OP-1", "product": "MTR-100", "routing_revision": 1, "planned_qty": 1, "line": LINE}
    order_ = web.post("pia", "/v1/orders", order | {"serial_range": "wa"})
    web.post("pia", "/v1/orders/OP-1/actions", {"action": "release"}, if_match=order_.headers["etag"])
    contract = f"/v1/stations/{CALIBRATION}/contract?order=OP-1"
    assert "is not set up" in problem(web.get("cal", contract), 409, "no_setup")
    where = {"order": "OP-1", "station": CALIBRATION, "step": "calibration"}
    setup = web.post("gil", "/v1/setups", where).json()
    for item in setup["checklist"]:
        tick = {"item": item["id"], "seen": item["expected"], "valid_until_ms": 1_900_000_000_000}
        setup = web.post("otto", f"/v1/setups/{setup['id']}/ticks", tick, if_match=f'"{setup["version"]}"').json()
    assert setup["status"] == "ready"
    told = web.get("cal", contract).json()
    assert told["contract"]["setup_digest"] == setup["digest"]
    assert told["allowance"] == {"allowed_qty": 1, "next_serial": "WA000001"}
    unit = web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"}).json()
    assert (unit["serial"], unit["status"]) == ("WA000001", "in_work")
    early = web.post("cal", f"/v1/stations/{CALIBRATION}/units/WA000001/enter", {})
    assert "in work at" in problem(early, 409, "in_work")
    web.post("asm", f"/v1/stations/{ASSEMBLY}/units/WA000001/pass")
    for who, station in (("cal", CALIBRATION), ("pack", PACKING)):
        path = f"/v1/stations/{station}/units/WA000001"
        assert web.post(who, f"{path}/enter", {"order": "OP-1"}).json()["outcome"] == "entered"
        unit = web.post(who, f"{path}/pass").json()
    assert unit["status"] == "done"
    over = web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": "OP-1"})
    assert "all of them are begun" in problem(over, 409, "over_quantity")
    passport = web.get("caio", "/v1/units/WA000001").json()
    assert [(step["step"], step["sheet"]) for step in passport["steps"]] == [
        ("assembly", None),
        ("calibration", "TS-1/1"),
        ("packing", None),
    ]
    assert (passport["coverage"], passport["missing"]) == (1.0, [])


def test_a_refused_entry_is_kept_although_it_is_refused(web: Web, store: Store) -> None:
    ready_shop(store)
    web.post("pia", "/v1/orders/OP-1/units", {"count": 1})
    refused = web.post("cal", f"/v1/stations/{CALIBRATION}/units/WA000001/enter", {})
    assert "has to pass assembly first" in problem(refused, 409, "skipped")
    with store.reading() as connection:
        assert [row.reason for row in connection.execute(select(REFUSALS))] == ["skipped"]


def test_a_newer_revision_says_what_it_changes(web: Web, store: Store) -> None:
    approved(store)
    sheet = web.post("bia", "/v1/sheets/TS-1/revisions").json()
    values = sheet["values"] | {"room_temperature_c": 24.5}
    web.send("bia", "PUT", "/v1/sheets/TS-1/2", {"values": values}, if_match='"1"')
    found = web.get("ana", "/v1/sheets/TS-1/2/changes").json()["items"]
    assert found == [{"path": "room_temperature_c", "before": sheet["values"]["room_temperature_c"], "after": 24.5}]


def test_the_description_describes_every_route(web: Web) -> None:
    told = web.get(None, "/v1/openapi.json").json()
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
