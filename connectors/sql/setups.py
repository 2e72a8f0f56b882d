"""Setup sheets in the store: derived from what is in force, ticked off item by item, obsolete with their parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from connectors.sql import contracts, orders, products, sheets, templates
from connectors.sql.schema.production import SETUPS
from connectors.sql.schema.sheets import APPROVED_SHEETS, DOCUMENTS
from connectors.sql.work import Work, canonical
from models.production import setup as model
from models.production.routing import Rework, Step
from models.production.setup import Item, Setup, Tick, items_of
from models.refusal import NotFound, Refused, Stale
from models.sheets.revision import Ref

_items = msgspec.json.Decoder(tuple[Item, ...])
_ticks = msgspec.json.Decoder(dict[str, Tick])


def derive(work: Work, order_number: str, station: str, step_name: str) -> Setup:
    """A setup sheet from the technical sheet in force for the order's product and step; raises `Refused`.

    The one that is current at this place becomes obsolete; when it derives from the same sheet there is nothing to do.
    """
    order = orders.lock(work, order_number)
    order.check_may_work()
    routing = products.routing_of(work.connection, order.product, order.routing_revision)
    step = _step_at(routing.at_station(station), station, step_name)
    sheet, sheet_digest = in_force(work.connection, order.product, step_name, step.template or "")
    before = current(work.connection, order_number, station, step_name)
    if before is not None and before.sheet_digest == sheet_digest:
        raise Refused("exists", f"{station} is set up for order {order_number} by {sheet} already")
    if before is not None:
        _make_obsolete(work, [before], f"set up anew by {sheet}")
    revision = sheets.read(work.connection, sheet)
    bound = templates.template_of(work.connection, revision.template, revision.template_version)
    items = items_of(step, bound.template, revision.values)
    digest = model.digest(order_number, station, step_name, sheet, sheet_digest)
    row = {
        "order_number": order_number,
        "station": station,
        "step": step_name,
        "sheet_number": sheet.number,
        "sheet_revision": sheet.revision,
        "sheet_digest": sheet_digest,
        "digest": digest,
        "items": canonical(items),
        "ticks": "{}",
        "is_current": 1,
        "created_by": work.who.identity,
        "version": 1,
        "created_ms": work.now_ms,
        "changed_ms": work.now_ms,
    }
    derived = read(work.connection, work.insert(SETUPS, row))
    contracts.make(work, order, step, derived, template=bound.template, values=revision.values)
    work.note("setup_derived", _on(derived), after={"sheet": str(sheet), "digest": digest, "station": station})
    work.tell("setup_derived", _on(derived), order=order_number, station=station, digest=digest)
    return derived


def tick(
    work: Work, setup_id: int, item: str, seen: str, *, valid_until_ms: int | None = None, expected: int | None = None
) -> Setup:
    """Tick an item of the checklist off; raises `Refused`, `Stale`, `NotFound`."""
    orders.lock(work, read(work.connection, setup_id).order)
    before = read(work.connection, setup_id)
    if expected is not None and before.version != expected:
        raise Stale(_on(before), before.version)
    ticked = model.tick(before, item, seen, Tick(work.who.identity, work.now_ms, valid_until_ms))
    after = replace(ticked, version=before.version + 1)
    changed = {"ticks": canonical(after.ticks), "version": after.version, "changed_ms": work.now_ms}
    work.run(update(SETUPS).where(SETUPS.c.id == setup_id).values(changed))
    work.note("setup_ticked", _on(before), after={"item": item, "valid_until_ms": valid_until_ms})
    if after.status != before.status:
        work.tell("setup_ready", _on(after), order=after.order, station=after.station, digest=after.digest)
    return after


def drop(work: Work, sheet: Ref, reason: str) -> list[Setup]:
    """Make every setup sheet obsolete that derives from a technical sheet; which they were."""
    of_sheet = SETUPS.c.sheet_number == sheet.number, SETUPS.c.sheet_revision == sheet.revision
    current_ones = select(SETUPS.c.order_number).where(*of_sheet, SETUPS.c.is_current == 1).distinct()
    for number in sorted(work.run(current_ones).scalars()):
        orders.lock(work, number)  # in order, and before what belongs to it
    rows = work.run(select(SETUPS).where(*of_sheet, SETUPS.c.is_current == 1)).mappings()
    found = [setup_of(row) for row in rows]
    _make_obsolete(work, found, reason)
    return found


def current(connection: Connection, order_number: str, station: str, step: str) -> Setup | None:
    """The setup sheet that is at work at a station for an order, if there is one."""
    where = SETUPS.c.order_number == order_number, SETUPS.c.station == station, SETUPS.c.step == step
    row = connection.execute(select(SETUPS).where(*where, SETUPS.c.is_current == 1)).mappings().one_or_none()
    return setup_of(row) if row else None


def at_station(connection: Connection, station: str, order_number: str | None = None) -> list[Setup]:
    """The setup sheets that are at work at a station."""
    query = select(SETUPS).where(SETUPS.c.station == station, SETUPS.c.is_current == 1)
    if order_number is not None:
        query = query.where(SETUPS.c.order_number == order_number)
    return [setup_of(row) for row in connection.execute(query.order_by(SETUPS.c.id)).mappings()]


def read(connection: Connection, setup_id: int) -> Setup:
    """A setup sheet as it stands; raises `NotFound`."""
    row = connection.execute(select(SETUPS).where(SETUPS.c.id == setup_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("setup", setup_id)
    return setup_of(row)


def in_force(connection: Connection, product: str, step: str, template: str) -> tuple[Ref, str]:
    """The sheet in force for a step of a product, and its digest; raises `Refused` unless there is exactly one."""
    about = DOCUMENTS.c.product == product, DOCUMENTS.c.step == step, DOCUMENTS.c.template == template
    joined = APPROVED_SHEETS.join(DOCUMENTS, DOCUMENTS.c.number == APPROVED_SHEETS.c.number)
    columns = APPROVED_SHEETS.c.number, APPROVED_SHEETS.c.revision, APPROVED_SHEETS.c.digest
    query = select(*columns).select_from(joined).where(*about, APPROVED_SHEETS.c.in_force == 1)
    # The lock is shared: whoever takes the sheet out of force waits until this work has ended, and then finds it.
    rows = connection.execute(query.with_for_update(read=True)).all()
    if len(rows) != 1:
        found = f"{len(rows)} sheets are" if rows else "no sheet is"
        raise Refused("no_sheet" if not rows else "many_sheets", f"{found} in force for {step} of {product}")
    return Ref(rows[0].number, rows[0].revision), rows[0].digest


def _make_obsolete(work: Work, found: Sequence[Setup], reason: str) -> None:
    for setup in found:
        changed = {"is_current": None, "version": setup.version + 1, "changed_ms": work.now_ms}
        work.run(update(SETUPS).where(SETUPS.c.id == setup.id).values(changed))
        work.note("setup_obsolete", _on(setup), reason=reason)
        work.drop_copies(contracts.digests(work.connection, setup.digest))
        work.tell("setup_obsolete", _on(setup), order=setup.order, station=setup.station, digest=setup.digest)


def _step_at(steps: Sequence[Step | Rework], station: str, name: str) -> Step:
    for step in steps:
        if step.name == name and isinstance(step, Step) and step.template is not None:
            return step
    raise Refused("no_such_step", f"{station} does no step {name} that has a sheet")


def _on(setup: Setup) -> str:
    return f"setup/{setup.id}"


def setup_of(row: Mapping[Any, Any]) -> Setup:
    """A setup sheet from a row, alone or joined to others."""
    column = SETUPS.c
    return Setup(
        id=row[column.id],
        order=row[column.order_number],
        station=row[column.station],
        step=row[column.step],
        sheet=Ref(row[column.sheet_number], row[column.sheet_revision]),
        sheet_digest=row[column.sheet_digest],
        digest=row[column.digest],
        items=_items.decode(row[column["items"]]),
        ticks=_ticks.decode(row[column["ticks"]]),
        obsolete=row[column.is_current] is None,
        version=row[column.version],
    )
