"""Production orders in the store. An order's row is locked before those of its setups and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Select, select, update

from connectors.sql import products
from connectors.sql.schema.production import ORDERS
from connectors.sql.work import Work
from models.production import order as model
from models.production.order import Action, Order
from models.refusal import NotFound, Refused, Stale

_FIELDS = tuple(Order.__dataclass_fields__)


def add(work: Work, order: Order) -> Order:
    """A new order, as a draft; raises `Refused`, `NotFound`."""
    if work.one(select(ORDERS.c.number).where(ORDERS.c.number == order.number)):
        raise Refused("exists", f"there is an order {order.number} already")
    products.routing_of(work.connection, order.product, order.routing_revision)
    products.range_of(work.connection, order.serial_range)
    fresh = replace(order, status="draft", begun_qty=0, good_qty=0, scrap_qty=0, version=1)
    work.run(ORDERS.insert().values(**asdict(fresh), created_ms=work.now_ms, changed_ms=work.now_ms))
    work.note("order_added", _on(fresh), after=fresh)
    work.tell("order_added", _on(fresh), product=fresh.product, planned_qty=fresh.planned_qty, line=fresh.line)
    return fresh


def act(work: Work, number: str, action: Action, expected: int | None, reason: str = "") -> Order:
    """Release, hold, resume, complete, reopen, close or cancel an order; raises `Refused`, `Stale`, `NotFound`."""
    before = lock(work, number)
    if expected is not None and before.version != expected:
        raise Stale(_on(before), before.version)
    after = write(work, before, model.act(before, action, reason))
    work.note(f"order_{action}", _on(after), before=_state(before), after=_state(after), reason=reason)
    work.tell("order_changed", _on(after), line=after.line, action=action, **_state(after))
    return after


def lock(work: Work, number: str) -> Order:
    """An order that nobody else changes until this work ends; raises `NotFound`."""
    return _one(work.connection, select(ORDERS).where(ORDERS.c.number == number).with_for_update(), number)


def read(connection: Connection, number: str) -> Order:
    """An order as it stands; raises `NotFound`."""
    return _one(connection, select(ORDERS).where(ORDERS.c.number == number), number)


def page(connection: Connection, status: str | None, line: str | None, after: str, limit: int) -> list[Order]:
    """Orders by number, behind one of them."""
    query = select(ORDERS).where(ORDERS.c.number > after)
    if status is not None:
        query = query.where(ORDERS.c.status == status)
    if line is not None:
        query = query.where(ORDERS.c.line == line)
    rows = connection.execute(query.order_by(ORDERS.c.number).limit(limit)).mappings()
    return [order_in(row) for row in rows]


def write(work: Work, before: Order, after: Order) -> Order:
    """Keep what has changed of an order that is locked."""
    if after == before:
        return before
    done = replace(after, version=before.version + 1)
    changed = {name: value for name, value in asdict(done).items() if value != getattr(before, name)}
    work.run(update(ORDERS).where(ORDERS.c.number == before.number).values(changed | {"changed_ms": work.now_ms}))
    return done


def order_in(row: Mapping[Any, Any]) -> Order:
    """An order from a row, alone or joined to others."""
    return Order(**{name: row[ORDERS.c[name]] for name in _FIELDS})


def _one(connection: Connection, query: Select[Any], number: str) -> Order:
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("order", number)
    return order_in(row)


def _state(order: Order) -> dict[str, str | int]:
    counted = {"begun_qty": order.begun_qty, "good_qty": order.good_qty, "scrap_qty": order.scrap_qty}
    return {"status": order.status, **counted}


def _on(order: Order) -> str:
    return f"order/{order.number}"
