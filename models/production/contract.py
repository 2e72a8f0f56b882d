"""The station contract: everything a station needs for an order, by the order's number alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from models.labels.layout import OF_THE_UNIT, Layout, asked_by
from models.production.limits import Measurement, measurements_of
from models.production.order import Order
from models.production.routing import Instruction, Rework, Step
from models.production.setup import Setup
from models.sheets.check import asked_for
from models.sheets.fields import Field, File, Number, Reference, Table
from models.sheets.template import Template

NO_LAYOUTS: Mapping[str, Layout] = {}
NOT_MARKED: Mapping[str, str] = {}

_encoder = msgspec.json.Encoder(order="sorted")


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the approved sheet, with its unit."""

    id: str
    value: str | int | float
    unit: str | None = None


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the approved sheet: tests and their limits, registers, load points."""

    id: str
    key: str
    units: dict[str, str]
    rows: list[dict[str, Any]]


class SheetAtWork(msgspec.Struct, frozen=True, kw_only=True):
    """Which technical sheet is at work."""

    number: str
    revision: int
    digest: str
    template: str
    template_version: int


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A label or an engraving that the sheet names: with its layout, whoever has a serial can make it."""

    id: str
    number: str
    layout: Layout | None
    """None when no layout was published under this number before the station was set up: it is printed elsewhere."""
    values: dict[str, str]
    """What the layout asks for and every unit of the order has alike."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What stands as long as the setup does: told once, then kept as it was told."""

    order: str
    product: str
    routing_revision: int
    station: str
    step: str
    setup_digest: str | None
    """None where the step needs no sheet."""
    sheet: SheetAtWork | None
    parameters: list[Parameter]
    protocol: list[Parameter]
    """How the station speaks with what it works on."""
    tests: list[Measurement]
    tables: list[Rows]
    files: dict[str, str]
    """SHA-256 by field: programs that are loaded, pictures that are shown."""
    labels: list[Label]
    instructions: list[Instruction]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What changes with every unit: never cached."""

    allowed_qty: int
    """How many more units of the order may be begun."""
    next_serial: str | None
    """Where units are begun: what the next one will be called, unless another station is quicker."""


def contract(
    order: Order,
    step: Step | Rework,
    station: str,
    *,
    setup: Setup | None = None,
    template: Template | None = None,
    values: Mapping[str, Any] | None = None,
    layouts: Mapping[str, Layout] = NO_LAYOUTS,
    marked: Mapping[str, str] = NOT_MARKED,
) -> Contract:
    """The contract of a station; `setup`, `template` and `values` where the step has a sheet.

    `layouts` are known by the numbers that the sheet names, `marked` is what they may say of the order.
    """
    told = values or {}
    asked = asked_for(template, told) if template else []
    filled = [field for field in asked if field.id in told]
    return Contract(
        order=order.number,
        product=order.product,
        routing_revision=order.routing_revision,
        station=station,
        step=step.name,
        setup_digest=setup.digest if setup else None,
        sheet=_sheet(setup, template),
        parameters=[_parameter(field, told) for field in filled if _is_plain(field) and not field.protocol],
        protocol=[_parameter(field, told) for field in filled if _is_plain(field) and field.protocol],
        tests=measurements_of(filled, told),
        tables=[_rows(field, told[field.id]) for field in filled if isinstance(field, Table)],
        files={field.id: told[field.id]["sha256"] for field in filled if isinstance(field, File)},
        labels=[_label(field.id, told[field.id], layouts, marked) for field in filled if is_a_label(field)],
        instructions=list(step.instructions) if isinstance(step, Step) else [],
    )


def encoded(told: Contract) -> bytes:
    """A contract as it is kept and sent."""
    return _encoder.encode(told)


def digest_of(content: bytes) -> str:
    """What tells one contract from another: SHA-256, in hexadecimal, of the bytes that are kept and sent."""
    return hashlib.sha256(content).hexdigest()


def is_a_label(field: Field) -> bool:
    """Whether a field names a layout."""
    return isinstance(field, Reference) and field.to == "label"


def _sheet(setup: Setup | None, template: Template | None) -> SheetAtWork | None:
    if setup is None or template is None:
        return None
    return SheetAtWork(
        number=setup.sheet.number,
        revision=setup.sheet.revision,
        digest=setup.sheet_digest,
        template=template.name,
        template_version=template.version,
    )


def _is_plain(field: Field) -> bool:
    return not isinstance(field, Table | File)


def _parameter(field: Field, told: Mapping[str, Any]) -> Parameter:
    return Parameter(id=field.id, value=told[field.id], unit=field.unit if isinstance(field, Number) else None)


def _label(name: str, number: str, layouts: Mapping[str, Layout], marked: Mapping[str, str]) -> Label:
    layout = layouts.get(number)
    asked = asked_by(layout) - OF_THE_UNIT if layout else frozenset()
    values = {key: value for key, value in marked.items() if key in asked}
    return Label(id=name, number=number, layout=layout, values=values)


def _rows(table: Table, rows: list[dict[str, Any]]) -> Rows:
    units = {column.id: column.unit for column in table.columns if isinstance(column, Number)}
    return Rows(id=table.id, key=table.key, units=units, rows=rows)
