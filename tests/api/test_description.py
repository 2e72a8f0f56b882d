"""The committed description is what the routes say now, and each of its examples is what its schema asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from web import Web

from api.app import all_routes, openapi
from api.description import OPENAPI, ROOT, files
from api.http.reasons import REASONS
from api.http.route import Route
from api.python_client import CALLS, SHAPES

DESCRIPTION = openapi()
FILES = files()
ROUTES = {route.name: route for route in all_routes()}


def operations() -> Iterator[dict[str, Any]]:
    for methods in DESCRIPTION["paths"].values():
        yield from methods.values()


def shown() -> Iterator[Any]:
    """Everything in the description that has an example: its schema, and that example."""
    for operation in operations():
        name = operation["operationId"]
        for parameter in operation["parameters"]:
            if "example" in parameter:
                yield pytest.param(parameter["schema"], parameter["example"], id=f"{name}.{parameter['name']}")
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                yield pytest.param(content["schema"], content["example"], id=f"{name}.{status}")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield pytest.param(content["schema"], content["example"], id=f"{name}.body")
    for name, answer in DESCRIPTION["components"]["responses"].items():
        for content in answer["content"].values():
            yield pytest.param(content["schema"], content["example"], id=name)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_committed_file_is_what_the_routes_say(path: Path) -> None:
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == FILES[path], f"{path} is stale: run `make schemas` and commit what it writes"


@pytest.mark.parametrize("folder", [SHAPES, CALLS], ids=str)
def test_nothing_else_lies_where_the_client_is_written(folder: Path) -> None:
    there = {path.relative_to(ROOT) for path in (ROOT / folder).glob("*.py")}
    assert there == {path for path in FILES if path.parent == folder}, "a tag has gone: delete its module"


def test_it_is_what_the_service_says(web: Web) -> None:
    assert web.get(None, "/v1/openapi.json").json() == msgspec.json.decode((ROOT / OPENAPI).read_bytes())


@pytest.mark.parametrize(("schema", "example"), list(shown()))
def test_an_example_is_what_its_schema_asks_for(schema: dict[str, Any], example: Any) -> None:
    Draft202012Validator({**schema, "components": DESCRIPTION["components"]}).validate(example)


@pytest.mark.parametrize("route", ROUTES.values(), ids=list(ROUTES))
def test_the_service_reads_the_example_of_a_body(route: Route) -> None:
    operation = DESCRIPTION["paths"][route.path][route.method.lower()]
    assert ("requestBody" in operation) == (route.body is not None or route.raw is not None)
    if route.body is not None:
        msgspec.convert(operation["requestBody"]["content"]["application/json"]["example"], route.body)


def test_every_schema_is_one_and_every_reference_leads_to_one() -> None:
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name.isidentifier(), "two shapes have the same name: rename one"
    text = msgspec.json.encode(DESCRIPTION).decode()
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named == set(DESCRIPTION["components"]["schemas"])


def test_what_a_route_asks_for_is_described() -> None:
    for operation in operations():
        route = ROUTES[operation["operationId"]]
        headers = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
        assert ("Idempotency-Key" in headers) == route.once
        assert ("If-Match" in headers) == route.if_match
        assert operation.get("x-scope") == route.scope


def reasons() -> Iterator[str]:
    """Every reason that the code says in so many words, where it refuses something."""
    for room in ("api", "connectors/ingest", "connectors/sql", "models"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                    told = node.args[REFUSALS[node.func.id]]
                    words = [told.body, told.orelse] if isinstance(told, ast.IfExp) else [told]
                    yield from (str(one.value) for one in words if isinstance(one, ast.Constant))


REFUSALS = {"Refused": 0, "Forbidden": 0, "Unproven": 0, "NotNow": 0, "TooMuch": 0, "HttpRefused": 1}
"""What refuses something, and which of its arguments is the reason."""


def test_every_reason_is_listed_once() -> None:
    listed = [reason for _, of_status in REASONS.values() for reason in of_status]
    assert len(set(listed)) == len(listed)
    assert set(reasons()) <= set(listed), "list it in api/http/reasons.py, and `make schemas`"
    assert len(set(reasons())) > 90
