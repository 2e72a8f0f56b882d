"""Products: routings, bills of materials and serial ranges."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.route import Answer, Read, Routes, Write
from api.v1.shapes import Display, DocumentName, Version, defined
from connectors.sql import products
from models.production.bom import Bom, bom_of
from models.production.routing import Routing, routing_of
from models.production.serials import CheckDigit, SerialRange

routes = Routes("products")

Gtin = Annotated[str, Meta(pattern=r"^[0-9]{8,14}$(?!\n)", description="GTIN, digits only.")]
Number = Annotated[int, Meta(ge=0, le=10**15)]


class NewProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product."""

    id: DocumentName
    display: Display
    gtin: Gtin | None = None


class NewRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A serial range: numbers first to last behind a prefix."""

    id: DocumentName
    prefix: Annotated[str, Meta(pattern=r"^[A-Z0-9./-]{0,20}$(?!\n)")]
    digits: Annotated[int, Meta(ge=1, le=15)]
    first: Number
    last: Number
    check: CheckDigit = "none"


class Revised(msgspec.Struct, frozen=True, kw_only=True):
    """What was published, and in which revision."""

    product: str
    revision: int


@routes.write(
    "POST", "/v1/products", scope="products:write", body=NewProduct, answer=NewProduct, status=HTTPStatus.CREATED
)
def add_product(call: Write) -> NewProduct:
    """Add a product."""
    new: NewProduct = call.body
    products.add(call.work, new.id, new.display, new.gtin)
    return new


@routes.write("POST", "/v1/routings", scope="products:write", body=Routing, answer=Revised, status=HTTPStatus.CREATED)
def publish_routing(call: Write) -> Revised:
    """Publish the next revision of a product's routing."""
    routing = defined(routing_of, msgspec.to_builtins(call.body))
    products.add_routing(call.work, routing)
    return Revised(product=routing.product, revision=routing.revision)


@routes.read("/v1/routings/{product}/{revision}", scope="read", answer=Routing)
def routing(call: Read, product: DocumentName, revision: Version) -> Routing:
    """A revision of a product's routing."""
    return products.routing_of(call.connection, product, revision)


@routes.write("POST", "/v1/boms", scope="products:write", body=Bom, answer=Revised, status=HTTPStatus.CREATED)
def publish_bom(call: Write) -> Revised:
    """Publish the next revision of a product's bill of materials."""
    bom = defined(bom_of, msgspec.to_builtins(call.body))
    products.add_bom(call.work, bom)
    return Revised(product=bom.product, revision=bom.revision)


@routes.read("/v1/boms/{product}/{revision}", scope="read", answer=Bom)
def bom(call: Read, product: DocumentName, revision: Version) -> Bom:
    """A revision of a product's bill of materials."""
    return products.bom_of(call.connection, product, revision)


@routes.write(
    "POST", "/v1/serial-ranges", scope="products:write", body=NewRange, answer=SerialRange, status=HTTPStatus.CREATED
)
def add_serial_range(call: Write) -> Answer:
    """Add a serial range; it overlaps no other one."""
    new: NewRange = call.body
    found = SerialRange(
        id=new.id, prefix=new.prefix, digits=new.digits, first=new.first, last=new.last, next=new.first, check=new.check
    )
    products.add_range(call.work, found)
    return Answer(value=found, status=HTTPStatus.CREATED)


@routes.read("/v1/serial-ranges/{range_id}", scope="read", answer=SerialRange)
def serial_range(call: Read, range_id: DocumentName) -> SerialRange:
    """A serial range as it stands."""
    return products.range_of(call.connection, range_id)
