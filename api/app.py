"""The web service: every route of version 1, problems for everything that goes wrong, and its own description."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException

from api.http.openapi import describe
from api.http.problems import broken, no_route
from api.http.route import Route, Routes
from api.http.serve import mount
from api.services import Services
from api.v1 import (
    devices,
    equipment,
    events,
    exchange,
    identity,
    labels,
    leases,
    live,
    lots,
    orders,
    people,
    products,
    scans,
    sheets,
    stations,
    templates,
    units,
)
from api.v1.examples import KNOWN, TEXTS

TABLES: tuple[Routes, ...] = (
    identity.routes,
    people.routes,
    devices.routes,
    templates.routes,
    sheets.routes,
    exchange.routes,
    products.routes,
    orders.routes,
    stations.routes,
    scans.routes,
    labels.routes,
    equipment.routes,  # before the units: a serial may have slashes in it, and takes what is left of a path
    leases.routes,
    units.routes,
    lots.routes,
    events.routes,
    live.routes,
)
TITLE = "SIPE"
VERSION = "1"
ABOUT = (
    "Orders, technical sheets, approvals and the station contract. Errors are problem documents (RFC 9457), changes "
    "take If-Match, each POST an Idempotency-Key, long lists are read by cursor; docs/api.md says how."
)


def all_routes() -> list[Route]:
    """Every route that is declared."""
    return [route for table in TABLES for route in table.all]


def openapi() -> dict[str, Any]:
    """The OpenAPI description of every route, with examples."""
    return describe(all_routes(), title=TITLE, version=VERSION, description=ABOUT, known=KNOWN, texts=TEXTS)


@cache
def described() -> bytes:
    """That description as JSON, made once."""
    return msgspec.json.encode(openapi())


def create_app(services: Services) -> FastAPI:
    """The application over what it works with."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    mount(app, services, all_routes())
    app.add_exception_handler(HTTPException, no_route)
    app.add_exception_handler(Exception, broken)

    async def description() -> Response:
        return Response(described(), media_type="application/json")

    app.add_api_route("/v1/openapi.json", description)
    return app
