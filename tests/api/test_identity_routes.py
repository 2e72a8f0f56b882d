"""Signing in, enrolling, and administering people and devices over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Response
from office import submitted
from shop import CALIBRATION, PACKING
from sql_stores import content
from web import PIN, Web, problem

from api.serving import TRIES
from connectors.sql import people
from connectors.sql.work import Store
from sipe.clock import ManualClock

PASSWORD = "a long enough one"  # noqa: S105  of a test


def signed_in(web: Web, **shown: str) -> dict[str, Any]:
    answer = web.client.post("/v1/sign-in", json=shown)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    granted: dict[str, Any] = answer.json()
    return granted


def me(web: Web, granted: dict[str, Any]) -> Response:
    return web.client.get("/v1/me", headers={"authorization": f"Bearer {granted['access_token']}"})


def pseudonym(store: Store, person: str) -> str:
    with store.reading() as connection:
        return people.pseudonym_of(connection, person)


@pytest.fixture
def ana(web: Web) -> str:
    """Somebody with a password."""
    answer = web.send("root", "PUT", "/v1/people/ana/password", {"value": PASSWORD})
    assert answer.status_code == 204
    return "ana"


class TestSigningIn:
    def test_a_name_and_a_password_get_tokens_that_say_who_it_is(self, web: Web, ana: str) -> None:
        granted = signed_in(web, person=ana, secret=PASSWORD)
        assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 600)
        told = me(web, granted).json()
        assert told == {
            "identity": "ana",
            "kind": "person",
            "station": None,
            "pseudonym": "op-ana",
            "roles": [{"name": "engineer", "line": ""}],
        }

    def test_a_badge_and_its_pin_do_too(self, web: Web) -> None:
        web.token("bia")
        assert me(web, signed_in(web, badge="badge of bia", secret=PIN)).json()["identity"] == "bia"

    def test_whatever_is_wrong_sounds_the_same(self, web: Web, ana: str) -> None:
        web.token("bia")
        said = {
            problem(web.client.post("/v1/sign-in", json=shown), 401, "sign_in")
            for shown in (
                {"person": ana, "secret": "another long one"},
                {"person": "nobody", "secret": PASSWORD},
                {"badge": "badge of bia", "secret": "135790"},
                {"person": "bia", "secret": PIN},
                {"person": ana, "badge": "badge of bia", "secret": PIN},
            )
        }
        assert len(said) == 1

    def test_a_refresh_token_is_used_once_and_a_copy_ends_the_family(self, web: Web, ana: str) -> None:
        first = signed_in(web, person=ana, secret=PASSWORD)
        second = web.client.post("/v1/refresh", json={"refresh_token": first["refresh_token"]}).json()
        assert me(web, second).status_code == 200
        again = web.client.post("/v1/refresh", json={"refresh_token": first["refresh_token"]})
        problem(again, 401, "refresh")
        ended = web.client.post("/v1/refresh", json={"refresh_token": second["refresh_token"]})
        problem(ended, 401, "refresh")

    def test_who_signs_out_has_no_refresh_token_any_more(self, web: Web, ana: str) -> None:
        token = {"refresh_token": signed_in(web, person=ana, secret=PASSWORD)["refresh_token"]}
        assert web.client.post("/v1/sign-out", json=token).status_code == 204
        problem(web.client.post("/v1/refresh", json=token), 401, "refresh")
        unknown = web.client.post("/v1/sign-out", json={"refresh_token": "x" * 32})
        assert (unknown.status_code, unknown.content) == (204, b"")

    def test_an_address_that_tries_too_often_has_to_wait(self, web: Web, ana: str) -> None:
        for _ in range(TRIES + 1):
            web.client.post("/v1/enrolments", json={"code": "AAAA-BBBB-CCCC-DDDD"})
        answer = web.client.post("/v1/sign-in", json={"person": ana, "secret": PASSWORD})
        problem(answer, 429, "too_fast")
        assert int(answer.headers["retry-after"]) >= 1

    def test_one_changes_ones_password_with_the_one_before(self, web: Web, ana: str) -> None:
        token = signed_in(web, person=ana, secret=PASSWORD)["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        body = {"secret": "not that one, no", "password": "quite another one"}
        problem(web.client.put("/v1/me/password", json=body, headers=bearer), 403, "signature")
        body["secret"] = PASSWORD
        weak = web.client.put("/v1/me/password", json=body | {"password": "short"}, headers=bearer)
        problem(weak, 409, "weak_secret")
        assert web.client.put("/v1/me/password", json=body, headers=bearer).status_code == 204
        problem(web.client.post("/v1/sign-in", json={"person": ana, "secret": PASSWORD}), 401, "sign_in")
        signed_in(web, person=ana, secret=body["password"])

    def test_what_an_administrator_gave_signs_nothing_until_it_is_ones_own(self, web: Web, store: Store) -> None:
        sheet = submitted(store)
        web.send("root", "PUT", "/v1/people/ana/badge", {"badge": "badge of ana"})
        given, own = "975310", "864209"
        web.send("root", "PUT", "/v1/people/ana/pin", {"value": given})

        def bearer(pin: str) -> dict[str, str]:
            return {"authorization": f"Bearer {signed_in(web, badge='badge of ana', secret=pin)['access_token']}"}

        def sign(pin: str) -> Response:
            voice = {"kind": "approve", "level": "check", "secret": pin}
            headers = {**bearer(pin), "if-match": f'"{sheet.version}"', "idempotency-key": f"sign-with-{pin}"}
            return web.client.post("/v1/sheets/TS-1/1/decisions", json=voice, headers=headers)

        assert "set one of your own" in problem(sign(given), 403, "given_secret")
        changed = web.client.put("/v1/me/pin", json={"secret": given, "pin": own}, headers=bearer(given))
        assert changed.status_code == 204
        assert sign(own).status_code == 200

    def test_no_secret_and_no_token_is_kept(self, web: Web, store: Store, ana: str) -> None:
        granted = signed_in(web, person=ana, secret=PASSWORD)
        kept = repr(content(store))
        for secret in (PASSWORD, granted["access_token"], granted["refresh_token"]):
            assert secret not in kept


class TestDevices:
    def enrolled(self, web: Web, station: str) -> dict[str, Any]:
        code = web.post("root", "/v1/devices/codes", {"station": station}).json()["code"]
        answer = web.client.post("/v1/enrolments", json={"code": code.lower().replace("-", " ")})
        assert answer.status_code == 200, answer.text
        problem(web.client.post("/v1/enrolments", json={"code": code}), 401, "enrolment")
        granted: dict[str, Any] = answer.json()
        return granted

    def test_a_code_enrols_one_device_at_its_station(self, web: Web) -> None:
        told = me(web, self.enrolled(web, PACKING)).json()
        assert (told["kind"], told["station"]) == ("device", PACKING)
        found = web.get("root", f"/v1/devices?station={PACKING}").json()["items"]
        assert [(one["id"], one["revoked_ms"]) for one in found] == [(told["identity"], None)]

    def test_a_code_ends_after_a_quarter_of_an_hour(self, web: Web, clock: ManualClock) -> None:
        code = web.post("root", "/v1/devices/codes", {"station": PACKING}).json()["code"]
        clock.advance(15 * 60_000)
        problem(web.client.post("/v1/enrolments", json={"code": code}), 401, "enrolment")

    def test_a_revoked_device_gets_no_further_token(self, web: Web) -> None:
        granted = self.enrolled(web, CALIBRATION)
        device = me(web, granted).json()["identity"]
        problem(web.post("root", f"/v1/devices/{device}/revocation", {"reason": " "}), 409, "reason_missing")
        assert web.post("root", f"/v1/devices/{device}/revocation", {"reason": "stolen"}).status_code == 204
        problem(web.client.post("/v1/refresh", json={"refresh_token": granted["refresh_token"]}), 401, "refresh")
        problem(web.post("root", "/v1/devices/device-no/revocation", {"reason": "stolen"}), 404, "not_found")


class TestPeople:
    def test_somebody_comes_changes_and_goes(self, web: Web) -> None:
        roles = [{"name": "operator", "line": "manaus.final.line-1"}]
        answer = web.post("root", "/v1/people", {"id": "m-204", "display": "Maria", "roles": roles})
        assert (answer.status_code, answer.headers["location"]) == (201, "/v1/people/m-204")
        assert answer.json()["roles"] == roles
        problem(web.post("root", "/v1/people", {"id": "m-204", "display": "Maria"}), 409, "exists")
        etag = answer.headers["etag"]
        body = {"roles": [{"name": "supervisor"}], "reason": "promoted"}
        changed = web.send("root", "PUT", "/v1/people/m-204", body, if_match=etag)
        assert changed.json()["roles"] == [{"name": "supervisor", "line": ""}]
        problem(web.send("root", "PUT", "/v1/people/m-204", body, if_match=etag), 412, "stale")
        gone = web.send("root", "PUT", "/v1/people/m-204", {"active": False}, if_match=changed.headers["etag"])
        assert gone.json()["active"] is False

    def test_somebody_who_is_forgotten_has_no_name_any_more(self, web: Web, store: Store) -> None:
        added = web.post("root", "/v1/people", {"id": "m-204", "display": "Maria Quitéria"})
        path, etag = "/v1/people/m-204/erasure", added.headers["etag"]
        body = {"reason": "asked for", "secret": PIN}
        problem(web.post("root", path, body | {"secret": "000000"}, if_match=etag), 403, "signature")
        before = pseudonym(store, "m-204")
        assert web.post("root", path, body, if_match=etag).json()["display"] == ""
        assert before.startswith("op-")
        assert before not in repr(content(store))  # so events under it lead to nobody
        assert "Quitéria" not in repr(content(store)["people"])

    def test_a_lost_badge_is_taken(self, web: Web) -> None:
        web.token("bia")
        assert web.post("root", "/v1/people/bia/badge/losses").status_code == 204
        problem(web.client.post("/v1/sign-in", json={"badge": "badge of bia", "secret": PIN}), 401, "sign_in")
        assert web.send("root", "PUT", "/v1/people/bia/badge", {"badge": "another badge"}).status_code == 204
        pin = "975310"
        assert web.send("root", "PUT", "/v1/people/bia/pin", {"value": pin}).status_code == 204
        signed_in(web, badge="another badge", secret=pin)

    def test_pages_follow_their_cursors(self, web: Web) -> None:
        found, cursor = [], ""
        while cursor is not None:
            page = web.get("root", f"/v1/people?limit=3{cursor and f'&cursor={cursor}'}").json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
        assert found == sorted(found)
        assert {"ana", "root", "otto"} <= set(found)

    def test_one_lets_somebody_else_decide(self, web: Web) -> None:
        body = {"to": "davi", "from_ms": 1, "until_ms": 2_000_000_000_000, "reason": "on leave"}
        assert web.post("caio", "/v1/me/delegations", body).status_code == 201
        problem(web.post("caio", "/v1/me/delegations", body | {"to": "nobody"}), 404, "not_found")
        problem(web.post("caio", "/v1/me/delegations", body | {"to": "caio"}), 409, "no_delegation")
