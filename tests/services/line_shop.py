"""A shop that programs, closes and hears what it makes: the stations of a simulated line, by approved sheets."""

from __future__ import annotations

from typing import Any

from office import ROOT, TWO_LEVELS, open_office, say, who
from shop import LINE, UNTIL_MS
from web import EXTRA

from connectors.files import sheet_library
from connectors.sql import orders, products, setups, sheets, templates
from connectors.sql.work import Store
from edge.sim.line.plan import STEPS, Step
from models.production.order import Order
from models.production.routing import routing_of
from models.production.serials import SerialRange
from models.sheets.revision import Revision

ORDER = "OP-3"
PLANNED_QTY = 20_000
STATIONS: dict[Step, list[str]] = {step: [f"{LINE}.{step}"] for step in STEPS}
STATIONS["serial-output"] = [f"{LINE}.serial-output-{number}" for number in (1, 2)]
TEMPLATES: dict[Step, str] = {"parameterization": "parameterization", "serial-output": "serial-output-test"}
ROUTING: dict[str, Any] = {
    "product": "MTR-300",
    "revision": 1,
    "operations": [
        {"steps": [{"name": step, "stations": STATIONS[step], "template": TEMPLATES.get(step)}]} for step in STEPS
    ],
    "rework": [],
}


def open_line_shop(store: Store) -> None:
    """The office, and in it an order of meters with serials of ten digits, for which every station is set up."""
    open_office(store, extra=EXTRA)
    store.work(ROOT, products.add, "MTR-300", "Meter 300")
    store.work(ROOT, products.add_routing, routing_of(ROUTING))
    numbers = SerialRange(id="wm", prefix="", digits=10, first=103_050_709, last=999_999_999, next=103_050_709)
    store.work(ROOT, products.add_range, numbers)
    for step, name in TEMPLATES.items():
        store.work(ROOT, templates.add_template, sheet_library.template(name), TWO_LEVELS.name, TWO_LEVELS.version)
        put_in_force(store, step)
    order = Order(
        number=ORDER, product="MTR-300", routing_revision=1, planned_qty=PLANNED_QTY, line=LINE, serial_range="wm"
    )
    store.work(ROOT, orders.add, order)
    store.work(ROOT, orders.act, ORDER, "release", 1)
    for step in TEMPLATES:
        for station in STATIONS[step]:
            set_up(store, step, station)


def put_in_force(store: Store, step: Step) -> None:
    """The sheet of a step, written and approved."""
    values = sheet_library.samples(TEMPLATES[step]).valid
    about = {"template": TEMPLATES[step], "product": "MTR-300", "step": step}
    approve(store, store.work(who("gil"), sheets.begin, f"TS-{step}", values, **about))


def revise(store: Store, step: Step) -> str:
    """The next revision of a step's sheet, put to work at its station; the digest of the setup sheet before."""
    (station,) = STATIONS[step]
    with store.reading() as connection:
        before = setups.current(connection, ORDER, station, step)
    assert before is not None
    approve(store, store.work(who("gil"), sheets.revise, f"TS-{step}"))
    set_up(store, step, station)
    return before.digest


def approve(store: Store, sheet: Revision) -> None:
    """A draft goes all the way."""
    ref = store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version).ref
    say(store, ref, "approve ana check")
    say(store, ref, "approve caio release")


def set_up(store: Store, step: Step, station: str) -> None:
    """A station's setup sheet, with its checklist done."""
    setup = store.work(who("ana"), setups.derive, ORDER, station, step)
    for item in setup.items:
        setup = store.work(who("ana"), setups.tick, setup.id, item.id, item.expected, valid_until_ms=UNTIL_MS)
