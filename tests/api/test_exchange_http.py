"""Templates and sheets go from one service to another as files; a sheet comes in as a draft, whatever it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from office import ROOT, TEMPLATE, approved, draft
from sql_stores import content, store_of
from web import EXTRA, Web, problem

from connectors.sql import people
from connectors.sql.schema.sheets import APPROVED_SHEETS, SHEETS, TEMPLATES
from connectors.sql.work import Store
from models.identity import Role
from models.sheets.exchange import SheetFile, canonical, digest_of
from sipe.clock import ManualClock

SHEET = "/v1/sheets/TS-1/1"


def bare(store: Store) -> None:
    """A service where nothing is published yet."""
    for person, role in (("gil", "engineer"), ("caio", "quality")):
        store.work(ROOT, people.add, person, person.title(), [Role(role)], f"op-{person}")
    for person, roles in EXTRA.items():
        store.work(ROOT, people.add, person, person.title(), roles, f"op-{person}")


@pytest.fixture
def elsewhere(clock: ManualClock, tmp_path: Path) -> Iterator[tuple[Web, Store]]:
    with ExitStack() as stack:
        store = stack.enter_context(store_of(bare, clock))
        yield stack.enter_context(Web(store, clock, tmp_path / "elsewhere")), store


def published_there(web: Web, there: Web) -> None:
    for path in ("workflows/two-levels/1", f"templates/{TEMPLATE}/1"):
        file = web.get("gil", f"/v1/{path}/export").json()
        assert there.post("caio", f"/v1/{path.partition('/')[0]}/import", file).json()["is_new"]


def sealed(file: dict[str, Any]) -> dict[str, Any]:
    """A file that says whatever it says, with the digest of that."""
    return {**file, "digest": digest_of(msgspec.convert(file, SheetFile))}


def test_a_sheet_goes_there_as_a_draft_and_says_the_same(web: Web, store: Store, elsewhere: tuple[Web, Store]) -> None:
    there, their_store = elsewhere
    approved(store)
    published_there(web, there)
    exported = web.get("caio", f"{SHEET}/export")
    assert exported.headers["content-disposition"] == 'attachment; filename="sheet-TS-1-1.json"'
    file = exported.json()
    assert exported.content == canonical(file), "it is sent in its canonical form"
    assert (file["status"], [one["person"] for one in file["decisions"]]) == ("approved", ["ana", "caio"])
    came = there.post("gil", "/v1/sheets/import", file)
    assert (came.status_code, came.headers["location"]) == (201, SHEET)
    assert (came.json()["status"], came.json()["author"], came.json()["values"]) == ("draft", "gil", file["values"])
    assert content(their_store)[APPROVED_SHEETS.name] == []
    submitted = there.post("gil", f"{SHEET}/submit", if_match=came.headers["etag"]).json()
    assert submitted["digest"] == file["sheet_digest"], "the same sheet has the same digest everywhere"
    again = there.get("gil", f"{SHEET}/export").json()
    assert (again["values"], again["template"]) == (file["values"], file["template"])


def test_a_template_goes_there_and_comes_again_without_a_change(web: Web, elsewhere: tuple[Web, Store]) -> None:
    there, their_store = elsewhere
    published_there(web, there)
    before = content(their_store)[TEMPLATES.name]
    mine, theirs = (one.get("gil", f"/v1/templates/{TEMPLATE}/1/export") for one in (web, there))
    assert mine.content == theirs.content
    again = there.post("caio", "/v1/templates/import", mine.json())
    assert again.json() == {"name": TEMPLATE, "version": 1, "is_new": False}
    assert content(their_store)[TEMPLATES.name] == before
    problem(there.post("gil", "/v1/templates/import", mine.json()), 403, "forbidden")


def test_what_cannot_come_in_names_its_place_and_changes_nothing(
    web: Web, store: Store, elsewhere: tuple[Web, Store]
) -> None:
    there, their_store = elsewhere
    draft(store)
    file = web.get("gil", f"{SHEET}/export").json()
    problem(there.post("gil", "/v1/sheets/import", file), 404, "not_found")
    published_there(web, there)
    template = web.get("gil", f"/v1/templates/{TEMPLATE}/1/export").json()
    wrong_values = {**file["values"], "nominal_voltage_v": 1, "nonsense": 1}
    other_template = {**file["template"], "digest": "0" * 64}
    cases: list[tuple[str, str, Any, int, str, list[str]]] = [
        ("gil", "sheets", {**file, "values": {}}, 422, "invalid", ["/digest"]),
        ("gil", "sheets", sealed({**file, "values": wrong_values}), 422, "invalid", [
            "/values/nominal_voltage_v", "/values/nonsense"]),
        ("gil", "sheets", sealed({**file, "template": other_template}), 409, "other_template", []),
        ("gil", "sheets", {**file, "template": {"name": "x"}}, 422, "unreadable", ["/template"]),
        ("gil", "sheets", {**file, "revision": "1"}, 422, "unreadable", ["/revision"]),
        ("gil", "sheets", {**file, "kind": "sipe-template"}, 422, "unreadable", ["/kind"]),
        ("gil", "sheets", {**file, "format": 2}, 422, "unreadable", ["/format"]),
        ("caio", "templates", {**template, "digest": "0" * 64}, 422, "invalid", ["/digest"]),
        ("caio", "templates", changed(template), 422, "unreadable", ["/template/sections/1/fields/0/required"]),
    ]  # fmt: skip
    before = content(their_store)[SHEETS.name], content(their_store)[TEMPLATES.name]
    for who, where, body, status, reason, paths in cases:
        answer = there.post(who, f"/v1/{where}/import", body)
        problem(answer, status, reason)
        assert [one["path"] for one in answer.json().get("problems", [])] == paths
    assert (content(their_store)[SHEETS.name], content(their_store)[TEMPLATES.name]) == before


def changed(template: dict[str, Any]) -> dict[str, Any]:
    """A template with a field that is none."""
    found: dict[str, Any] = json.loads(json.dumps(template))
    found["template"]["sections"][1]["fields"][0]["required"] = "yes"
    return found


def test_a_form_is_read_in_both_languages_and_runs_nothing(web: Web, store: Store) -> None:
    sheet = draft(store)
    values = sheet.values | {"product": "<script>alert(1)</script>"}
    web.send("gil", "PUT", SHEET, {"values": values}, if_match=f'"{sheet.version}"')
    page = web.get("otto", f"{SHEET}/form.html?language=pt")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "Pontos de carga" in page.text
    form = web.get("otto", f"/v1/templates/{TEMPLATE}/1/form").json()
    assert (form["title"], form["sections"][0]["rows"][0]["label"]) == ("Calibration", "Product")
    assert web.get("otto", f"/v1/templates/{TEMPLATE}/1/form.html").text.startswith("<!doctype html>")
    assert web.get("otto", f"{SHEET}/form").json()["subtitle"] == "TS-1/1 · MTR-100 · calibration · draft"
    problem(web.get("otto", f"{SHEET}/form?language=de"), 422, "unreadable")


def test_a_sheet_is_taken_over_by_an_engineer_and_by_nobody_else(web: Web, store: Store) -> None:
    sheet = draft(store)
    path, etag, why = f"{SHEET}/takeover", f'"{sheet.version}"', {"reason": "gil has left"}
    problem(web.post("ana", path, why, if_match=etag), 409, "author_active")
    store.work(ROOT, people.change, "gil", expected=version_of(store, "gil"), active=False)
    problem(web.post("otto", path, why, if_match=etag), 403, "forbidden")
    assert web.post("ana", path, why, if_match=etag).json()["author"] == "ana"


def version_of(store: Store, person: str) -> int:
    return int(next(row.version for row in content(store)["people"] if row.id == person))
