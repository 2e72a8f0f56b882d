"""Routes, declared: who may call them, what they take and what they answer.

The same declaration serves requests, and is what the OpenAPI description, the client and the tests of rights are made
from. A handler is a plain function: what it reads or changes is handed to it, and what it raises becomes a problem.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Generic, Literal, TypeVar, get_type_hints

import msgspec
from sqlalchemy import Connection

from api.http.lanes import LaneName
from api.services import Services
from connectors.sql.work import Work
from models.audit import Who
from models.identity import Principal, Scope

T = TypeVar("T")

JSON = "application/json"
Method = Literal["GET", "POST", "PUT"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request of somebody who may make it."""

    services: Services
    principal: Principal
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    """Of If-Match."""


@dataclass(frozen=True, kw_only=True)
class Read(Call):
    """One that changes nothing: it sees one state of the store."""

    connection: Connection


@dataclass(frozen=True, kw_only=True)
class Write(Call):
    """One that changes something, in one transaction."""

    work: Work


@dataclass(frozen=True, kw_only=True)
class Act(Call):
    """One that makes transactions of its own, or none: its answer holds a secret and is kept nowhere, or is no change.

    So it takes no idempotency key.
    """

    who: Who
    address: str
    """Where the request came from, as far as that can be known."""
    coding: str = ""
    """Of Content-Encoding, for a body that is taken as it is."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A body that is taken as it is."""

    media: str
    bytes_max: int
    description: str
    example: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a handler answers when a value alone does not say it."""

    value: Any
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route."""

    method: Method
    path: str
    scope: Scope | None
    """What one has to be allowed to; None is for everybody, without signing in."""
    summary: str
    handler: Callable[..., Any]
    body: Any = None
    answer: Any = None
    status: HTTPStatus = HTTPStatus.OK
    query: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Parameters of the query that have to be there."""
    if_match: bool = False
    once: bool = False
    """Whether it takes an idempotency key."""
    signed: bool = False
    """Whether it is a signature: the body has a `secret`, which proves once more who it is."""
    acts: bool = False
    """Whether its handler takes an `Act`."""
    raw: Raw | None = None
    """What its body is when it is no JSON document."""
    media: str = JSON
    """Of its answer; one that is no JSON document is text."""
    lane: LaneName = "main"
    streams: bool = False
    """Whether it answers with server-sent events: its handler says what the caller sees (a `Sight`)."""
    tag: str = ""

    @property
    def name(self) -> str:
        """What programs call it: the operation id."""
        return self.handler.__name__

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The parts of its path, by name, with their types."""
        hints = get_type_hints(self.handler, include_extras=True)
        return {name: hints[name] for name in list(inspect.signature(self.handler).parameters)[1:]}


class Routes:
    """A table of routes that handlers enter themselves into."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Route] = []

    def read(
        self,
        path: str,
        *,
        scope: Scope | None,
        answer: Any,
        needs: tuple[str, ...] = (),
        media: str = JSON,
        **query: Any,
    ) -> Callable[[Callable[..., Any]], Any]:
        """Enter a handler of GET, with the types of the parameters that its query may have."""

        def enter(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._enter("GET", path, handler, scope=scope, answer=answer, query=query, needs=needs, media=media)
            return handler

        return enter

    def stream(self, path: str, *, scope: Scope, **query: Any) -> Callable[[Callable[..., Any]], Any]:
        """Enter a handler of GET that says what of all changes the caller sees; they follow as they come."""

        def enter(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._enter("GET", path, handler, scope=scope, query=query, streams=True)
            return handler

        return enter

    def write(
        self,
        method: Method,
        path: str,
        *,
        scope: Scope | None,
        body: Any = None,
        answer: Any = None,
        status: HTTPStatus = HTTPStatus.OK,
        if_match: bool = False,
        signed: bool = False,
    ) -> Callable[[Callable[..., Any]], Any]:
        """Enter a handler that changes something; each POST takes an idempotency key."""

        def enter(handler: Callable[..., Any]) -> Callable[..., Any]:
            once = method == "POST"
            told = {"body": body, "answer": answer, "status": status, "if_match": if_match, "signed": signed}
            lane: LaneName = "proving" if signed else "main"
            self._enter(method, path, handler, scope=scope, once=once, lane=lane, **told)
            return handler

        return enter

    def act(
        self,
        method: Method,
        path: str,
        *,
        scope: Scope | None,
        body: Any = None,
        raw: Raw | None = None,
        answer: Any = None,
        status: HTTPStatus = HTTPStatus.OK,
        signed: bool = False,
        lane: LaneName = "main",
    ) -> Callable[[Callable[..., Any]], Any]:
        """Enter a handler that takes an `Act`."""

        def enter(handler: Callable[..., Any]) -> Callable[..., Any]:
            told = {"body": body, "raw": raw, "answer": answer, "status": status, "signed": signed, "lane": lane}
            self._enter(method, path, handler, scope=scope, acts=True, **told)
            return handler

        return enter

    def _enter(self, method: Method, path: str, handler: Callable[..., Any], **told: Any) -> None:
        summary = (inspect.getdoc(handler) or "").partition("\n")[0]
        self.all.append(Route(method=method, path=path, handler=handler, summary=summary, tag=self.tag, **told))


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: list[T]
    next: str | None = None
