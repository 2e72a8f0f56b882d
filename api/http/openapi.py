"""The OpenAPI 3.1 description of declared routes: shapes from the types that requests are read by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from api.http.conventions import KEY_PATTERN
from api.http.problems import MEDIA, Problem
from api.http.route import Route

_REF = "#/components/schemas/{name}"
_PROBLEMS = {
    "400": "How it was asked is wrong.",
    "401": "Nobody is signed in.",
    "403": "Not this person or device.",
    "404": "There is no such thing.",
    "409": "Not as things stand; the reason says why.",
    "412": "It has changed since it was read.",
    "422": "A field is wrong; the detail names it.",
    "503": "Something that is needed does not answer; nothing has changed.",
}


def describe(routes: Iterable[Route], *, title: str, version: str) -> dict[str, Any]:
    """The description, with every shape that the routes take and answer."""
    routes = list(routes)
    types = [type_ for route in routes for type_ in _types(route)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    shapes = iter(schemas)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, [next(shapes) for _ in _types(route)]
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _types(route: Route) -> list[Any]:
    """The types of a route, always in this order: path, query, answer, problem, body."""
    body = [route.body] if route.body is not None else []
    return [*route.parameters.values(), *route.query.values(), route.answer, Problem, *body]


def _operation(route: Route, shapes: list[dict[str, Any]]) -> dict[str, Any]:
    given = iter(shapes)
    parameters = [_parameter(name, "path", next(given), required=True) for name in route.parameters]
    parameters += [_parameter(name, "query", next(given), required=name in route.needs) for name in route.query]
    if route.once:
        key = {"type": "string", "pattern": f"^{KEY_PATTERN}$"}
        parameters.append(_parameter("Idempotency-Key", "header", key, required=True))
    if route.if_match:
        tag = {"type": "string", "pattern": '^"[0-9]{1,18}"$'}
        parameters.append(_parameter("If-Match", "header", tag, required=True))
    answer, problem = next(given), next(given)
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters,
        "responses": _responses(route, answer, problem),
    }
    if route.scope is not None:
        operation |= {"security": [{"token": []}], "x-scope": route.scope}
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": next(given)}}}
    return operation


def _responses(route: Route, answer: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done.", "content": {"application/json": {"schema": answer}}}
    words = {status: text for status, text in _PROBLEMS.items() if _can_be(route, status)}
    if route.if_match:
        words["428"] = "If-Match is missing."
    problems = {
        status: {"description": text, "content": {MEDIA: {"schema": problem}}} for status, text in words.items()
    }
    return {str(int(route.status)): good, **problems}


def _can_be(route: Route, status: str) -> bool:
    if status in {"401", "403"}:
        return route.scope is not None
    return status != "412" or route.if_match


def _parameter(name: str, where: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    found = {"name": name, "in": where, "required": required, "schema": schema}
    if description := schema.get("description"):
        found["description"] = description
    return found
