"""Where an order's next serials come from: those that a lease gave back, then those that its range never gave."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select, update

from connectors.sql import products
from connectors.sql.schema.leases import LEASE_SERIALS
from connectors.sql.work import Work
from models.production.order import Order


def take(work: Work, order: Order, count: int) -> list[str]:
    """The next serials for an order that is locked, for good; raises `Refused`."""
    query = select(LEASE_SERIALS.c.serial).where(*_given_back(order.number)).order_by(LEASE_SERIALS.c.serial)
    spare = list(work.run(query.limit(count)).scalars())
    if spare:
        these = LEASE_SERIALS.c.serial.in_(spare), *_given_back(order.number)
        work.run(update(LEASE_SERIALS).where(*these).values(state="given", is_held=None))
    rest = count - len(spare)
    return spare + (products.take_serials(work, order.serial_range, rest) if rest else [])


def is_held(connection: Connection, serial: str) -> bool:
    """Whether a serial is out with a lease, or waits to be given again."""
    query = select(LEASE_SERIALS.c.serial).where(LEASE_SERIALS.c.serial == serial, LEASE_SERIALS.c.is_held == 1)
    return connection.execute(query).first() is not None


def _given_back(order: str) -> tuple[ColumnElement[bool], ...]:
    return LEASE_SERIALS.c.order_number == order, LEASE_SERIALS.c.state == "given_back"
