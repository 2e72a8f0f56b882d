"""A shop floor to test with, on top of the office: a product with its routing, serials, an order and what it needs."""

from __future__ import annotations

from typing import Any

from office import ROOT, approved, who
from sql_stores import START_MS

from connectors.sql import orders, products, setups, units
from connectors.sql.work import Store
from models.production.order import Order
from models.production.routing import routing_of
from models.production.serials import SerialRange
from models.production.setup import Setup

LINE = "manaus.final.line-1"
ASSEMBLY, CALIBRATION, PACKING, REPAIR = (f"{LINE}.{name}" for name in ("assembly", "cal-1", "packing", "repair"))
ROUTING: dict[str, Any] = {
    "product": "MTR-100",
    "revision": 1,
    "operations": [
        {"steps": [{"name": "assembly", "stations": [ASSEMBLY], "rework": "repair"}]},
        {
            "steps": [
                {
                    "name": "calibration",
                    "stations": [CALIBRATION],
                    "template": "calibration",
                    "rework": "repair",
                    "checks": [{"id": "tray", "words": {"en": "Empty the tray", "pt": "Esvaziar a bandeja"}}],
                }
            ]
        },
        {"steps": [{"name": "packing", "stations": [PACKING]}]},
    ],
    "rework": [{"name": "repair", "stations": [REPAIR], "returns_to": "assembly"}],
}
YEAR_MS = 366 * 86_400_000
UNTIL_MS = START_MS + YEAR_MS
"""When every calibration ends."""


def open_shop(store: Store) -> None:
    """A product, its routing and its serials."""
    store.work(ROOT, products.add, "MTR-100", "Meter 100")
    store.work(ROOT, products.add_routing, routing_of(ROUTING))
    found = SerialRange(id="wa", prefix="WA", digits=6, first=1, last=999_999, next=1)
    store.work(ROOT, products.add_range, found)


def released(store: Store, number: str = "OP-1", planned_qty: int = 10) -> Order:
    """An order that the floor may begin."""
    order = Order(
        number=number, product="MTR-100", routing_revision=1, planned_qty=planned_qty, line=LINE, serial_range="wa"
    )
    store.work(who("root"), orders.add, order)
    return store.work(who("root"), orders.act, number, "release", 1)


def set_up(store: Store, order: str = "OP-1") -> Setup:
    """The calibration station, its checklist done; the sheet has to be in force."""
    setup = store.work(who("ana"), setups.derive, order, CALIBRATION, "calibration")
    for item in setup.items:
        setup = store.work(who("ana"), setups.tick, setup.id, item.id, item.expected, valid_until_ms=UNTIL_MS)
    return setup


def ready_shop(store: Store) -> Setup:
    """A shop whose first order may run through every station; the office has to be open."""
    approved(store)
    open_shop(store)
    released(store)
    return set_up(store)


def make(store: Store, serial: str, *stations: str) -> None:
    """A unit in and out of stations, one after the other."""
    for station in stations:
        store.work(who("ana"), units.enter, station, serial)
        store.work(who("ana"), units.succeed, station, serial)
