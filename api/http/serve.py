"""Serves declared routes: authenticates, reads, does it in one transaction, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from api.background.numbering import give_positions
from api.http import once
from api.http.conventions import BODY_BYTES_MAX, body_of, digest_of, key_in, parameter, position_in, tag, version_in
from api.http.lanes import Lanes
from api.http.problems import HttpRefused, answer_to, unavailable, unreadable
from api.http.route import JSON, Act, Answer, Read, Route, Write
from api.live.sight import Sight
from api.live.stream import EventStream, Following
from api.services import Services
from connectors.sql import outbox
from connectors.sql.engine import StoreUnavailable
from connectors.sql.sessions import NOBODY
from connectors.sql.work import Work
from models.audit import Who
from models.identity import Principal
from models.problem import MEDIA
from models.refusal import Refused


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, read to its end."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    address: str


def mount(app: FastAPI, services: Services, routes: Iterable[Route]) -> None:
    """Serve the routes of a table."""
    lanes = Lanes()
    for route in routes:
        path = route.path.replace("{serial}", "{serial:path}")  # a serial may have a slash in it, sent as %2F
        serve = partial(_stream if route.streams else _serve, services, route)
        app.add_route(path, _endpoint(route, lanes, serve), [route.method], route.name, include_in_schema=False)


def principal_of(services: Services, headers: Mapping[str, str]) -> Principal:
    """Who is asking; raises `HttpRefused`."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise unauthenticated("sign in, and send the access token as Authorization: Bearer")
    try:
        return services.principal_of(token)
    except Refused as refused:
        raise unauthenticated(str(refused)) from refused


def unauthenticated(detail: str) -> HttpRefused:
    """Nobody that is known (RFC 6750)."""
    return HttpRefused(HTTPStatus.UNAUTHORIZED, "unauthenticated", detail, {"WWW-Authenticate": "Bearer"})


async def bounded_body(request: Request, bytes_max: int) -> bytes:
    """The body, unless it is longer than it may be; then no more of it is read."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > bytes_max:
            raise HttpRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_big", f"at most {bytes_max} bytes")
    return bytes(found)


def _endpoint(route: Route, lanes: Lanes, serve: Callable[[Asked], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return await lanes.run(route.lane, serve, await _asked(request, route))
        except Refused as refused:
            return answer_to(refused)
        except StoreUnavailable as error:
            return answer_to(unavailable(str(error)))

    return endpoint


async def _asked(request: Request, route: Route) -> Asked:
    return Asked(
        method=request.method,
        path=request.url.path,
        params=request.path_params,
        query=request.query_params,
        headers=request.headers,
        raw=await bounded_body(request, route.raw.bytes_max if route.raw else BODY_BYTES_MAX),
        address=request.client.host if request.client else "",
    )


def _caller(services: Services, route: Route, asked: Asked) -> Principal | None:
    """Who asks and may, or None where everybody may; raises `HttpRefused`, `Forbidden`."""
    if route.scope is None:
        return None
    principal = principal_of(services, asked.headers)
    principal.check_anywhere(route.scope)
    return principal


def _stream(services: Services, route: Route, asked: Asked) -> Response:
    principal = _caller(services, route, asked)
    if principal is None:
        raise unauthenticated("a stream is for nobody but those who have signed in")
    query, token = _query(route, asked), asked.headers["authorization"].partition(" ")[2]
    give_positions(services.store)  # what is told by now is behind a new stream
    with services.store.reading() as connection:
        call = Read(services=services, principal=principal, query=query, connection=connection)
        sight: Sight = route.handler(call)
        newest = outbox.head(connection).position
        last = position_in(asked.headers.get("last-event-id"))
        resumes = last is None or outbox.can_resume(connection, last)
    position = newest if last is None or not resumes else last
    check = partial(services.principal_of, token)
    following = Following(sight=sight, position=position, is_reset=not resumes, check=check)
    return EventStream(services.live, following, services.monitor)


def _serve(services: Services, route: Route, asked: Asked) -> Response:
    principal = _caller(services, route, asked)
    params = {name: parameter(asked.params[name], type_, name) for name, type_ in route.parameters.items()}
    if principal is not None and route.scope is not None and "station" in params:
        principal.check(route.scope, station=params["station"])  # whatever is about a station is asked for here
    told: dict[str, Any] = {
        "services": services,
        "principal": principal,
        "query": _query(route, asked),
        "body": _body(route, asked),
        "version": version_in(asked.headers.get("if-match")) if route.if_match else None,
    }
    if route.method == "GET":
        with services.store.reading() as connection:
            return _response(_sent(route, route.handler(Read(connection=connection, **told), **params)))
    if route.signed and principal is not None:
        services.verify_again(principal, told["body"].secret)  # before the transaction: it takes its time, on purpose
    who = _who(principal, route)
    if route.acts:
        coding = asked.headers.get("content-encoding", "")
        call = Act(who=who, address=asked.address, coding=coding, **told)
        return _response(_sent(route, route.handler(call, **params)))
    key = key_in(asked.headers.get("idempotency-key")) if route.once else None
    digest = digest_of(asked.method, asked.path, _without_secret(route, told["body"], asked.raw))

    def change(work: Work) -> once.Sent:
        def answer() -> once.Sent:
            return _sent(route, route.handler(Write(work=work, **told), **params))

        return once.once(work, key, digest, answer) if key is not None else answer()

    return _response(services.store.work(who, change))


def _body(route: Route, asked: Asked) -> Any:
    if route.raw is not None:
        return asked.raw
    return body_of(asked.raw, route.body) if route.body is not None else None


def _query(route: Route, asked: Asked) -> dict[str, Any]:
    if unknown := sorted(set(asked.query) - set(route.query)):
        raise HttpRefused(HTTPStatus.BAD_REQUEST, "no_such_parameter", f"there is no parameter {unknown[0][:48]!r}")
    for name in route.needs:
        if name not in asked.query:
            raise unreadable("it has to be given", name)
    return {name: parameter(text, route.query[name], name) for name, text in asked.query.items()}


def _without_secret(route: Route, body: Any, raw: bytes) -> bytes:
    """What the digest of a request is made from: a secret that can be guessed must not be checkable by it."""
    return msgspec.json.encode(msgspec.structs.replace(body, secret="")) if route.signed else raw


def _who(principal: Principal | None, route: Route) -> Who:
    if principal is None or route.scope is None:
        return NOBODY
    return principal.as_who(route.scope)


def _sent(route: Route, given: Any) -> once.Sent:
    answer = given if isinstance(given, Answer) else Answer(value=given, status=route.status)
    if isinstance(answer.value, Refused):  # refused, and kept: the transaction ends with a commit
        problem = answer_to(answer.value)
        return once.Sent(status=problem.status_code, body=bytes(problem.body).decode(), headers={}, media=MEDIA)
    version = getattr(answer.value, "version", None)
    headers = {**answer.headers, **({"ETag": tag(version)} if version is not None else {})}
    body = msgspec.json.encode(answer.value).decode() if route.media == JSON else answer.value
    return once.Sent(status=answer.status, body=body, headers=headers, media=route.media)


def _response(sent: once.Sent) -> Response:
    if sent.status == HTTPStatus.NO_CONTENT:
        return Response(None, sent.status, sent.headers)
    return Response(sent.body, sent.status, sent.headers, sent.media)
