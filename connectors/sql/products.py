"""Products with their routings and serial ranges in the store."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select, update

from connectors.sql.schema.production import BOMS, PRODUCTS, ROUTINGS, SERIAL_RANGES
from connectors.sql.versions import check_next
from connectors.sql.work import Work, canonical
from models.production.bom import Bom
from models.production.routing import Routing
from models.production.serials import SerialRange, take
from models.refusal import NotFound, Refused


def add(work: Work, product: str, display: str, gtin: str | None = None) -> None:
    """A new product; raises `Refused`."""
    if work.one(select(PRODUCTS.c.id).where(PRODUCTS.c.id == product)):
        raise Refused("exists", f"there is a product {product} already")
    if gtin and work.one(select(PRODUCTS.c.id).where(PRODUCTS.c.gtin == gtin)):
        raise Refused("exists", f"another product has GTIN {gtin}")
    row = {"id": product, "display": display, "gtin": gtin, "version": 1, "created_ms": work.now_ms}
    work.run(PRODUCTS.insert().values(row))
    work.note("product_added", f"product/{product}", after={"display": display, "gtin": gtin})


class Product(NamedTuple):
    """A product, and its article number where it has one."""

    id: str
    display: str
    gtin: str | None


def read(connection: Connection, product: str) -> Product:
    """A product; raises `NotFound`."""
    if (found := _first(connection, PRODUCTS.c.id == product)) is None:
        raise NotFound("product", product)
    return found


def with_gtin(connection: Connection, gtin: str) -> Product | None:
    """The product with an article number; leading zeros do not count."""
    digits = gtin.lstrip("0")
    return _first(connection, PRODUCTS.c.gtin.in_([digits.zfill(size) for size in range(len(digits), 15)]))


def add_routing(work: Work, routing: Routing) -> None:
    """The next revision of a product's routing; it never changes, and orders keep theirs."""
    _add_revision(work, ROUTINGS, "routing", routing)


def add_bom(work: Work, bom: Bom) -> None:
    """The next revision of a product's bill of materials."""
    _add_revision(work, BOMS, "bom", bom)


def routing_of(connection: Connection, product: str, revision: int) -> Routing:
    """A revision of a product's routing; raises `NotFound`."""
    return routing_in(_body(connection, ROUTINGS, "routing", product, revision))


@lru_cache(maxsize=1_000)
def routing_in(body: str) -> Routing:
    """A routing from what the store holds. It is known again by all that it says, so it is never another one's."""
    return msgspec.json.decode(body, type=Routing)


def bom_of(connection: Connection, product: str, revision: int) -> Bom:
    """A revision of a product's bill of materials; raises `NotFound`."""
    return msgspec.json.decode(_body(connection, BOMS, "bom", product, revision), type=Bom)


def add_range(work: Work, found: SerialRange) -> None:
    """A new serial range; raises `Refused` when it could give a serial that another one gives, too."""
    if work.one(select(SERIAL_RANGES.c.id).where(SERIAL_RANGES.c.id == found.id)):
        raise Refused("exists", f"there is a serial range {found.id} already")
    alike = SERIAL_RANGES.c.prefix == found.prefix, SERIAL_RANGES.c.digits == found.digits
    overlaps = SERIAL_RANGES.c.first <= found.last, SERIAL_RANGES.c.last >= found.first
    if row := work.run(select(SERIAL_RANGES.c.id).where(*alike, *overlaps)).first():
        raise Refused("serial_range", f"it overlaps serial range {row.id}")
    work.run(SERIAL_RANGES.insert().values(msgspec.to_builtins(found)))
    work.note("serial_range_added", f"serial-range/{found.id}", after=found)


def take_serials(work: Work, range_id: str, count: int) -> list[str]:
    """The next serials of a range, for good: what is taken is never given again. Raises `Refused`."""
    row = work.lock(select(SERIAL_RANGES).where(SERIAL_RANGES.c.id == range_id), "serial range", range_id)
    found = SerialRange(**row._asdict())
    serials = take(found, count)
    changed = {"next": found.next + count, "version": found.version + 1}
    work.run(update(SERIAL_RANGES).where(SERIAL_RANGES.c.id == range_id).values(changed))
    return serials


def range_of(connection: Connection, range_id: str) -> SerialRange:
    """A serial range as it stands; raises `NotFound`."""
    row = connection.execute(select(SERIAL_RANGES).where(SERIAL_RANGES.c.id == range_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("serial range", range_id)
    return range_in(row)


def range_in(row: Mapping[Any, Any]) -> SerialRange:
    """A serial range from a row, alone or joined to others."""
    return SerialRange(**{column.name: row[column] for column in SERIAL_RANGES.c})


def _first(connection: Connection, which: ColumnElement[bool]) -> Product | None:
    query = select(PRODUCTS.c.id, PRODUCTS.c.display, PRODUCTS.c.gtin).where(which)
    row = connection.execute(query).one_or_none()
    return Product(*row) if row else None


def _add_revision(work: Work, table: Table, kind: str, body: Routing | Bom) -> None:
    product, revision = body.product, body.revision
    work.lock(select(PRODUCTS.c.id).where(PRODUCTS.c.id == product), "product", product)
    check_next(work, table.c.product, table.c.revision, product, revision)
    by = {"created_by": work.who.identity, "created_ms": work.now_ms}
    work.run(table.insert().values(product=product, revision=revision, body=canonical(body), **by))
    work.note(f"{kind}_added", f"{kind}/{product}/{revision}", after=body)
    work.tell(f"{kind}_added", f"{kind}/{product}/{revision}")


def _body(connection: Connection, table: Table, kind: str, product: str, revision: int) -> str:
    query = select(table.c.body).where(table.c.product == product, table.c.revision == revision)
    body = connection.execute(query).scalar_one_or_none()
    if body is None:
        raise NotFound(kind, f"{product}/{revision}")
    return str(body)
