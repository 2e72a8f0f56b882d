"""A shop that marks what it makes: laser and label stations with approved sheets, and layouts of what they mark."""

from __future__ import annotations

from typing import Any

from office import ROOT, TWO_LEVELS, say, who
from shop import LINE, UNTIL_MS

from connectors.files import sheet_library
from connectors.sql import layouts, orders, products, setups, sheets, templates
from connectors.sql.work import Store
from models.labels.layout import Layout
from models.production.order import Order
from models.production.routing import routing_of
from models.production.serials import SerialRange

LASER, LABELLING = f"{LINE}.assembly", f"{LINE}.packing"
"""They stand where `web` has devices."""
GTIN = "9506000134352"
CUSTOMER = "^XZ^XA^FO0,0~JA {serial} _5E $1 Energia"
"""What a hostile order may say."""
READ = {"id": "goggles", "words": {"en": "Wear goggles", "pt": "Usar óculos"}, "picture": "a" * 64, "confirm": True}
ROUTING: dict[str, Any] = {
    "product": "MTR-200",
    "revision": 1,
    "operations": [
        {"steps": [{"name": "laser", "stations": [LASER], "template": "laser-marking", "instructions": [READ]}]},
        {"steps": [{"name": "label", "stations": [LABELLING], "template": "label"}]},
    ],
}
LABEL = Layout(
    number="ETQ-SM120-R5",
    kind="zpl",
    template={
        "name": "plate", "version": 1, "width_mm": 100, "height_mm": 60, "dots_per_mm": 8,
        "items": [
            {"type": "box", "id": "frame", "x_mm": 1, "y_mm": 1, "width_mm": 98, "height_mm": 58, "thickness_mm": 0.25},
            {"type": "text", "id": "who", "x_mm": 2, "y_mm": 2, "content": "{customer} {date_yymmdd}", "height_mm": 3,
             "char_width_mm": 0.5, "chars_max": 150},
            {"type": "code128", "id": "bars", "x_mm": 4, "y_mm": 12, "content": "{serial}", "height_mm": 10,
             "module_dots": 2, "chars_max": 20},
            {"type": "gs1_datamatrix", "id": "matrix", "x_mm": 4, "y_mm": 30, "content": "(01){gtin}(21){serial}",
             "module_dots": 4, "modules": 32},
        ],
    },
)  # fmt: skip
JOB = Layout(
    number="CVR-SM120-JOB-C",
    kind="laser",
    template={
        "name": "cover", "version": 1, "allowed": "A-Z0-9-",
        "framing": {"start": "\x02", "separator": "\r", "end": "\x03"},
        "marks": [
            {"id": "serial", "content": "V1={serial}", "chars_max": 20},
            {"id": "order", "content": "{order}", "chars_max": 20},
        ],
    },
)  # fmt: skip


def open_label_shop(store: Store, label: Layout = LABEL, job: Layout = JOB, planned_qty: int = 10) -> None:
    """Everything up to an order of 10 that waits for its first unit; the office has to be open."""
    for layout in (label, job):
        store.work(who("gil"), layouts.add, layout)
    store.work(ROOT, products.add, "MTR-200", "Medidor trifásico", GTIN)
    store.work(ROOT, products.add_routing, routing_of(ROUTING))
    store.work(ROOT, products.add_range, SerialRange(id="wl", prefix="WL", digits=6, first=1, last=999_999, next=1))
    for name, step in (("laser-marking", "laser"), ("label", "label")):
        store.work(ROOT, templates.add_template, sheet_library.template(name), TWO_LEVELS.name, TWO_LEVELS.version)
        values = sheet_library.samples(name).valid
        about = {"template": name, "product": "MTR-200", "step": step}
        sheet = store.work(who("gil"), sheets.begin, f"TS-{step}", values, **about)
        ref = store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version).ref
        say(store, ref, "approve ana check")
        say(store, ref, "approve caio release")
    order = Order(
        number="OP-2", product="MTR-200", routing_revision=1, planned_qty=planned_qty, line=LINE, serial_range="wl",
        customer=CUSTOMER,
    )  # fmt: skip
    store.work(ROOT, orders.add, order)
    store.work(ROOT, orders.act, "OP-2", "release", 1)
    for station, step in ((LASER, "laser"), (LABELLING, "label")):
        setup = store.work(who("ana"), setups.derive, "OP-2", station, step)
        for item in setup.items:
            setup = store.work(who("ana"), setups.tick, setup.id, item.id, item.expected, valid_until_ms=UNTIL_MS)
