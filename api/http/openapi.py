"""The OpenAPI 3.1 description of declared routes: shapes from the types that requests are read by, with examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from api.http.conventions import BODY_BYTES_MAX, KEY_PATTERN
from api.http.example import Examples
from api.http.route import Route
from models.problem import MEDIA, TYPE, Problem

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_EVENTS = "text/event-stream"
_EVENTS_SHOWN: Json = {
    "schema": {"type": "string"},
    "example": 'id: 4711\nevent: change\ndata: {"at_ms":1790000000000,"kind":"bom_added","on":"bom/MTR-100/1"}\n\n',
}


class _Told(NamedTuple):
    """A problem that many routes answer: when, and one of its reasons as an example."""

    when: str
    reason: str
    detail: str


_PROBLEMS = {
    "400": _Told("How it was asked is wrong.", "key_missing", "send Idempotency-Key: a text of your own"),
    "401": _Told("Nobody is signed in.", "unauthenticated", "the access token has ended: refresh it"),
    "403": _Told("Not this person or device.", "forbidden", "otto may not do orders:write"),
    "404": _Told("There is no such thing.", "not_found", "there is no order OP-4711"),
    "409": _Told(
        "Not as things stand; the reason says why.", "no_setup", "the station is not set up for order OP-4711"
    ),
    "412": _Told("It has changed since it was read.", "stale", "order/OP-4711 has changed: it is at version 3 now"),
    "413": _Told("The body is too long.", "too_big", f"at most {BODY_BYTES_MAX} bytes"),
    "415": _Told("The body is coded in another way.", "coding", "br is no coding that is taken: gzip, zstd or none"),
    "422": _Told("A field is wrong; the detail names it.", "unreadable", "planned_qty: Expected `int` >= 1"),
    "428": _Told("If-Match is missing.", "if_match_missing", "send If-Match with the ETag of what you have read"),
    "429": _Told("More than its share.", "too_fast", "192.0.2.7 asks for more than its share: wait 2 s"),
    "503": _Told(
        "Something that is needed does not answer; nothing has changed.",
        "unavailable",
        "the transactional store does not answer",
    ),
}
_PROBLEM_HEADERS = {
    "429": {"Retry-After": "In how many seconds to ask again."},
    "401": {"WWW-Authenticate": "How to sign in."},
    "503": {"Retry-After": "In how many seconds to ask again."},
}


def describe(
    routes: Iterable[Route],
    *,
    title: str,
    version: str,
    description: str = "",
    known: Mapping[str, Any] | None = None,
    texts: tuple[str, ...] = (),
) -> Json:
    """The description, with every shape that the routes take and answer.

    `known` and `texts` are words for the examples, see `api.http.example`.
    """
    routes = list(routes)
    types = [type_ for route in routes for type_ in _types(route)]
    schemas, components = _named(*msgspec.json.schema_components([*types, Problem], ref_template=_REF))
    problem, shapes = schemas.pop(), iter(schemas)
    examples = Examples(components, known or {}, texts)
    paths: Json = {}
    for route in routes:
        operation = _operation(route, [next(shapes) for _ in _types(route)], components, examples)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {f"Problem{status}": _problem(status, problem) for status in _PROBLEMS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _types(route: Route) -> list[Any]:
    """The types of a route, always in this order: path, query, answer, body."""
    body = [route.body] if route.body is not None else []
    return [*route.parameters.values(), *route.query.values(), route.answer, *body]


def _named(schemas: Iterable[Json], components: Json) -> tuple[list[Json], Json]:
    """The same, where a page of orders is `PageOfOrder`, as one says it in a program."""
    text = msgspec.json.encode([list(schemas), components])
    text = re.sub(rb"\bPage_(\w)(\w*)_(?=\")", lambda found: b"PageOf" + found[1].upper() + found[2], text)
    schemas, components = msgspec.json.decode(text)
    for name, component in components.items():
        component["title"] = name
    return list(schemas), components


def _operation(route: Route, shapes: list[Json], components: Json, examples: Examples) -> Json:
    given = iter(shapes)
    parameters = [_parameter(name, "path", next(given), examples, required=True) for name in route.parameters]
    parameters += [
        _parameter(name, "query", next(given), examples, required=name in route.needs) for name in route.query
    ]
    if route.once:
        key = {"type": "string", "pattern": f"^{KEY_PATTERN}$", "examples": ["0b9f6a52-5f0e-4a57-9a0c-6b1f0f3a7c11"]}
        parameters.append(_parameter("Idempotency-Key", "header", key, examples, required=True))
    if route.streams:
        position = {"type": "string", "pattern": "^[0-9]{1,18}$", "examples": ["4711"]}
        parameters.append(_parameter("Last-Event-ID", "header", position, examples, required=False))
    if route.if_match:
        tag = {"type": "string", "pattern": '^"[0-9]{1,18}"$', "examples": ['"2"']}
        parameters.append(_parameter("If-Match", "header", tag, examples, required=True))
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters,
        "responses": _responses(route, next(given), components, examples),
    }
    if route.scope is not None:
        operation |= {"security": [{"token": []}], "x-scope": route.scope}
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: _shown(next(given), examples)}}
    if route.raw is not None:
        whole: Json = {route.raw.media: {"schema": {"type": "string"}, "example": route.raw.example}}
        operation["requestBody"] = {"description": route.raw.description, "required": True, "content": whole}
    return operation


def _responses(route: Route, answer: Json, components: Json, examples: Examples) -> Json:
    good: Json = {"description": "Done."}
    if route.streams:
        good = {"description": "Changes as they come, without an end.", "content": {_EVENTS: _EVENTS_SHOWN}}
    if route.answer is not None:
        good["content"] = {route.media.partition(";")[0]: _shown(answer, examples)}
    shape = components.get(answer.get("$ref", "").rpartition("/")[2], {})
    if "version" in shape.get("properties", {}):
        good["headers"] = _headers({"ETag": "The version; send it back as If-Match when you change this."})
    problems = {
        status: {"$ref": f"#/components/responses/Problem{status}"} for status in _PROBLEMS if _can_be(route, status)
    }
    return {str(int(route.status)): good, **problems}


def _can_be(route: Route, status: str) -> bool:
    match status:
        case "401":
            return route.scope is not None or route.acts  # a secret was wrong
        case "403":
            return route.scope is not None
        case "412" | "428":
            return route.if_match
        case "413":
            return route.body is not None or route.raw is not None
        case "415":
            return route.raw is not None
        case "429":
            return route.acts or route.streams
        case _:
            return True


def _problem(status: str, schema: Json) -> Json:
    told = _PROBLEMS[status]
    example = Problem(
        type=TYPE + told.reason, title=HTTPStatus(int(status)).phrase, status=int(status), detail=told.detail
    )
    content = {MEDIA: {"schema": schema, "example": msgspec.to_builtins(example)}}
    headers = _PROBLEM_HEADERS.get(status)
    return {"description": told.when, "content": content, **({"headers": _headers(headers)} if headers else {})}


def _headers(described: Mapping[str, str]) -> Json:
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in described.items()}


def _shown(schema: Json, examples: Examples) -> Json:
    return {"schema": schema, "example": examples.of(schema)}


def _parameter(name: str, where: str, schema: Json, examples: Examples, *, required: bool) -> Json:
    found = {"name": name, "in": where, "required": required, "schema": schema}
    if where != "header" and name != "cursor":
        found["example"] = examples.of(schema, f"path.{name}" if where == "path" else name)
    if description := schema.get("description"):
        found["description"] = description
    return found
