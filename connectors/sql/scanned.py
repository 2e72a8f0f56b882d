"""What a scanned line is about: a unit, an order, material of a lot, a product, or nothing that is known here."""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from connectors.sql import products
from connectors.sql.schema.production import ORDERS, UNITS
from models.barcodes import Scan
from models.refusal import Refused

Kind = Literal["unit", "order", "material", "product", "unknown"]


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says, and what of it is known here."""

    kind: Kind
    text: str
    """The line without its symbology identifier."""
    elements: dict[str, str]
    """GS1's, by application identifier."""
    serial: str | None = None
    order: str | None = None
    product: str | None = None
    gtin: str | None = None
    lot: str | None = None


def find(connection: Connection, scan: Scan) -> Scanned:
    """What a line is about. Raises `Refused` when it names a serial of one product and the article number of another.

    Of a serial that is unknown here it is still said what the line says: whoever lets it in decides.
    """
    told = Scanned(
        kind="unknown", text=scan.text, elements=dict(scan.elements), serial=scan.serial, gtin=scan.gtin, lot=scan.lot
    )
    product = products.with_gtin(connection, scan.gtin) if scan.gtin else None
    named = msgspec.structs.replace(told, product=product.id if product else None)
    if scan.kind == "plain":
        return _plain(connection, named)
    if scan.serial is not None:
        return _unit(connection, named, scan.serial)
    if scan.lot is not None:
        return msgspec.structs.replace(named, kind="material")
    return msgspec.structs.replace(named, kind="product") if product else named


def _plain(connection: Connection, told: Scanned) -> Scanned:
    """A bare text is a serial, or else an order's number: no serial is taken for an order."""
    if (unit := _unit(connection, told, told.text)).kind == "unit":
        return unit
    order = connection.execute(select(ORDERS.c.number).where(ORDERS.c.number == told.text)).scalar_one_or_none()
    return msgspec.structs.replace(told, kind="order", order=order) if order else told


def _unit(connection: Connection, told: Scanned, serial: str) -> Scanned:
    query = select(UNITS.c.order_number, UNITS.c.product).where(UNITS.c.serial == serial)
    row = connection.execute(query).one_or_none()
    if row is None:
        return told
    if told.product not in {None, row.product}:
        raise Refused("wrong_product", f"{serial} is a {row.product}, and the label says {told.product}")
    return msgspec.structs.replace(told, kind="unit", serial=serial, order=row.order_number, product=row.product)
