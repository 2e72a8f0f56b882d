"""The web service: every route of version 1, problems for everything that goes wrong, and its own description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from api.http.openapi import describe
from api.http.problems import broken, no_route
from api.http.route import Route, Routes
from api.http.serve import mount
from api.services import Services
from api.v1 import orders, products, sheets, stations, templates, units

TABLES: tuple[Routes, ...] = (
    templates.routes,
    sheets.routes,
    products.routes,
    orders.routes,
    stations.routes,
    units.routes,
)
TITLE = "SIPE"
VERSION = "1"


def all_routes() -> list[Route]:
    """Every route that is declared."""
    return [route for table in TABLES for route in table.all]


def create_app(services: Services) -> FastAPI:
    """The application over what it works with."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    mount(app, services, all_routes())
    app.add_exception_handler(HTTPException, no_route)
    app.add_exception_handler(Exception, broken)
    description = describe(all_routes(), title=TITLE, version=VERSION)

    def openapi() -> dict[str, Any]:
        return description

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to bring one's own description
    app.add_api_route("/v1/openapi.json", openapi, include_in_schema=False)
    return app
