"""The passport of a unit: everything about one serial, what went into it, and what it went into."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, select

from connectors.sql import products, units
from connectors.sql.schema.production import BOMS, SETUPS, UNIT_LINKS, UNIT_STEPS
from connectors.sql.versions import newest
from connectors.sql.work import Work
from models.production.unit import Status, Unit, check_in_work, check_part
from models.refusal import Refused

DEPTH_MAX = 8
"""How many levels of assembly a trace follows; a meter has three."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What went into a unit: a unit by its serial, or material of a lot."""

    kind: str
    child: str
    lot: str = ""
    relation: str = "mounted"
    position: str = ""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A step that a unit was at, and by which sheet."""

    step: str
    attempt: int
    station: str
    sheet: str | None
    sheet_digest: str | None
    by: str
    entered_ms: int
    left_ms: int | None
    result: str | None
    reason: str


class Passport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a unit."""

    serial: str
    order: str
    product: str
    routing_revision: int
    status: Status
    stopped_reason: str
    steps: list[Passed]
    contains: list[Link]
    contained_in: list[str]
    coverage: float
    """Share of what should be known that is known: steps that were left, sheets of steps that have one, and origins of
    materials that have to be traced. 1 is everything; a unit that was not begun has 0."""
    missing: list[str]
    """What is not known."""


def link(work: Work, station: str, serial: str, told: Link) -> None:
    """Say what went into a unit that is in work at a station; the same again changes nothing. Raises `Refused`."""
    unit, _ = units.lock(work, serial)
    check_in_work(unit, station)
    if told.kind == "unit":
        if told.child == serial:
            raise Refused("own_part", f"{serial} cannot be a part of itself")
        check_part(units.read(work.connection, told.child))
        if serial in holding(work.connection, serial=told.child, upwards=False):
            raise Refused("own_part", f"{serial} is a part of {told.child}")
        elsewhere = UNIT_LINKS.c.kind == "unit", UNIT_LINKS.c.child == told.child, UNIT_LINKS.c.parent != serial
        if row := work.run(select(UNIT_LINKS.c.parent).where(*elsewhere)).first():
            raise Refused("part_elsewhere", f"{told.child} is a part of {row.parent} already")
    values = msgspec.structs.asdict(told)
    if work.one(select(UNIT_LINKS.c.id).where(UNIT_LINKS.c.parent == serial, *_equal(values))) is not None:
        return
    work.run(UNIT_LINKS.insert().values(**values, parent=serial, by=work.who.identity, at_ms=work.now_ms))
    work.tell("unit_linked", f"unit/{serial}", station=station, link=values)


def passport(connection: Connection, serial: str) -> Passport:
    """Everything about a unit; raises `NotFound`."""
    unit = units.read(connection, serial)
    steps = _steps(connection, serial)
    rows = connection.execute(select(UNIT_LINKS).where(UNIT_LINKS.c.parent == serial).order_by(UNIT_LINKS.c.id)).all()
    contains = [Link(**{name: getattr(row, name) for name in Link.__struct_fields__}) for row in rows]
    known, missing = _known(connection, unit, steps, contains)
    return Passport(
        serial=serial,
        order=unit.order,
        product=unit.product,
        routing_revision=unit.routing_revision,
        status=unit.status,
        stopped_reason=unit.stopped_reason,
        steps=steps,
        contains=contains,
        contained_in=holding(connection, serial=serial),
        coverage=known / (known + len(missing)) if known else 0.0,
        missing=missing,
    )


def holding(
    connection: Connection, *, serial: str | None = None, lot: str | None = None, upwards: bool = True
) -> list[str]:
    """The units that hold a unit or material of a lot, or (downwards) those that a unit holds, at any depth."""
    here, there = (UNIT_LINKS.c.child, UNIT_LINKS.c.parent) if upwards else (UNIT_LINKS.c.parent, UNIT_LINKS.c.child)
    found: dict[str, None] = {}
    level = [] if serial is None else [serial]
    if lot is not None:
        level = list(
            connection.execute(select(UNIT_LINKS.c.parent).where(UNIT_LINKS.c.lot == lot).distinct()).scalars()
        )
        found = dict.fromkeys(level)
    for _ in range(DEPTH_MAX):
        query = select(there).where(here.in_(level), UNIT_LINKS.c.kind == "unit").distinct()
        level = [one for one in connection.execute(query).scalars() if one not in found]
        if not level:
            break
        found |= dict.fromkeys(level)
    return sorted(found)


def _steps(connection: Connection, serial: str) -> list[Passed]:
    joined = UNIT_STEPS.outerjoin(SETUPS, SETUPS.c.digest == UNIT_STEPS.c.setup_digest)
    columns = SETUPS.c.sheet_number, SETUPS.c.sheet_revision, SETUPS.c.sheet_digest
    query = select(UNIT_STEPS, *columns).select_from(joined).where(UNIT_STEPS.c.serial == serial)
    found: dict[int, Passed] = {}
    for row in connection.execute(query.order_by(UNIT_STEPS.c.id)):
        found[row.id] = Passed(
            step=row.step,
            attempt=row.attempt,
            station=row.station,
            sheet=f"{row.sheet_number}/{row.sheet_revision}" if row.sheet_number else None,
            sheet_digest=row.sheet_digest,
            by=row.by,
            entered_ms=row.entered_ms,
            left_ms=row.left_ms,
            result=row.result,
            reason=row.reason,
        )
    return list(found.values())


def _known(connection: Connection, unit: Unit, steps: list[Passed], contains: list[Link]) -> tuple[int, list[str]]:
    """How many facts are known of those that should be, and which are not."""
    routing = products.routing_of(connection, unit.product, unit.routing_revision)
    passed = {step.step: step for step in steps if step.result in {"passed", "conceded"}}
    known, missing = 0, []
    for operation in routing.operations[: unit.place]:
        done = next((step for step in operation.steps if step.name in passed), None)
        if done is None:
            missing.append(f"step {operation.steps[0].name}")
            continue
        known += 1
        if done.template is not None and passed[done.name].sheet_digest is None:
            missing.append(f"sheet of {done.name}")
        elif done.template is not None:
            known += 1
    materials = {one.child for one in contains}
    for material in sorted(_traced(connection, unit.product)):
        if material in materials:
            known += 1
        else:
            missing.append(f"origin of {material}")
    return known, missing


def _traced(connection: Connection, product: str) -> frozenset[str]:
    revision = newest(connection, BOMS.c.product, BOMS.c.revision, product)
    return products.bom_of(connection, product, revision).traced if revision else frozenset()


def _equal(values: dict[str, Any]) -> list[Any]:
    return [UNIT_LINKS.c[name] == values[name] for name in ("kind", "child", "lot", "position")]
