"""The station contract: everything a station needs for an order, by the order's number alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from models.production.order import Order
from models.production.routing import Instruction, Rework, Step
from models.production.setup import Setup
from models.sheets.check import asked_for
from models.sheets.fields import File, Number, Table
from models.sheets.template import Template


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


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What stands as long as the setup does; cached by `setup_digest`."""

    order: str
    product: str
    routing_revision: int
    station: str
    step: str
    setup_digest: str | None
    """None where the step needs no sheet."""
    sheet: SheetAtWork | None
    parameters: list[Parameter]
    tables: list[Rows]
    files: dict[str, str]
    """SHA-256 by field: programs that are loaded, pictures that are shown."""
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
) -> Contract:
    """The contract of a station; `setup`, `template` and `values` where the step has a sheet."""
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
        parameters=[
            Parameter(id=field.id, value=told[field.id], unit=field.unit if isinstance(field, Number) else None)
            for field in filled
            if not isinstance(field, Table | File)
        ],
        tables=[_rows(field, told[field.id]) for field in filled if isinstance(field, Table)],
        files={field.id: told[field.id]["sha256"] for field in filled if isinstance(field, File)},
        instructions=list(step.instructions) if isinstance(step, Step) else [],
    )


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


def _rows(table: Table, rows: list[dict[str, Any]]) -> Rows:
    units = {column.id: column.unit for column in table.columns if isinstance(column, Number)}
    return Rows(id=table.id, key=table.key, units=units, rows=rows)
