"""The release of lots, in the store: what the gate says of one, and the files that go with it once it may leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Table, select

from connectors.sql import calibrations, certificates, demands, lots, orders, products, samples
from connectors.sql.demands import InForce
from connectors.sql.passports import DEPTH_MAX
from connectors.sql.schema.production import UNIT_LINKS, UNIT_STEPS, UNITS
from connectors.sql.schema.release import DELIVERIES, LOT_UNITS, SEALS
from connectors.sql.units import DONE, unit_of
from connectors.sql.work import Work, canonical
from models.production.routing import Routing
from models.production.unit import Unit as Made
from models.production.unit import open_steps
from models.refusal import Forbidden, NotFound, Refused
from models.release import progress as model
from models.release.delivery import NotDelivered, delivery_cells, delivery_lines, digest
from models.release.gate import NotReleased, Verdict, gate
from models.release.lot import Lot, Record, References, Seal, Status, Unit
from models.release.progress import Progress, Round
from models.sampling.switching import Inspection

CSV, JSON, MANIFEST = "units.csv", "units.json", "manifest.json"
_AT_THE_GATE: dict[str, Status] = {
    "quarantined": "quarantined",
    "held": "quarantined",
    "recalled": "recalled",
    "scrapped": "scrapped",
}


class File(NamedTuple):
    """A file that went with a lot."""

    name: str
    media: str
    body: str
    sha256: str


class Known(NamedTuple):
    """Everything that the gate looks at."""

    lot: Lot
    demand: InForce
    records: list[Record]
    references: References
    sample: Round | None


def verdict(connection: Connection, lot_id: str) -> Verdict:
    """What is in the way of a lot now; raises `NotFound`, and `Refused` without a release sheet."""
    lot = lots.read(connection, lot_id)
    return _judged(_known(connection, lot, demands.in_force(connection, lot.product)))


def release(work: Work, lot_id: str, expected: int | None) -> Progress:
    """Let a lot leave, with its files; raises `NotReleased` with everything that is in the way, and nothing changes.

    Never by somebody who has measured a unit of it.
    """
    lot = lots.lock(work, lot_id, expected)
    after = model.release(lot)
    if work.who.identity in calibrations.people_of_lot(work.connection, lot_id):
        raise Forbidden("own_work", f"{work.who.identity} measured units of lot {lot_id}: somebody else releases it")
    demand = demands.in_force(work.connection, lot.product)  # before the orders, as a revocation locks them
    for number in _orders_of(work.connection, lot_id):
        orders.lock(work, number)
    known = _known(work.connection, lot, demand)
    found = _judged(known)
    if not found.released:
        raise NotReleased(lot_id, found)
    for file in _files(known, lot, work.now_ms):
        work.run(DELIVERIES.insert().values(lot=lot_id, **file._asdict(), at_ms=work.now_ms))
    by_sheet = {"sheet": str(demand.sheet), "sheet_digest": demand.digest, "units_qty": len(known.lot.units)}
    return lots.moved(work, lot, after, "", **by_sheet)


def file_of(connection: Connection, lot_id: str, name: str) -> File:
    """A file that went with a lot, as it was sent; raises `NotFound`."""
    one = DELIVERIES.c.lot == lot_id, DELIVERIES.c.name == name
    row = connection.execute(select(DELIVERIES).where(*one)).one_or_none()
    if row is None:
        raise NotFound("file", f"{name} of lot {lot_id}")
    return File(row.name, row.media, row.body, row.sha256)


def _judged(known: Known) -> Verdict:
    """The sampling is judged by what it was drawn by, everything else by the sheet that is in force now."""
    sheet = known.demand.release.sheet
    inspection: Inspection = "normal"
    if (last := known.sample) is not None:
        aql = last.plan.aql if last.plan is not None else sheet.aql
        sheet, inspection = replace(sheet, level=last.level, aql=aql), last.inspection
    return gate(known.lot, sheet, known.records, known.references, inspection=inspection)


def _known(connection: Connection, lot: Progress, demand: InForce) -> Known:
    found = samples.rounds(connection, lot.id)
    last = found[-1].round if found and found[-1].judgement == "accepted" else None
    units = _units(connection, lot.id)
    return Known(
        Lot(lot.id, tuple(units), last.sample if last is not None else None),
        demand,
        calibrations.of_lot(connection, lot.id),
        certificates.references(connection),
        last,
    )


def _units(connection: Connection, lot: str) -> list[Unit]:
    """The units of a lot as they are now, with their seals, what they lack, and when they were opened last."""
    current = LOT_UNITS.c.lot == lot, LOT_UNITS.c.is_current == 1
    rows = connection.execute(select(UNITS).join(LOT_UNITS, LOT_UNITS.c.serial == UNITS.c.serial).where(*current))
    made = [unit_of(row) for row in rows]
    routings = {
        of: products.routing_of(connection, *of) for of in {(one.product, one.routing_revision) for one in made}
    }
    steps = _by_serial(connection.execute(_joined(UNIT_STEPS, lot).order_by(UNIT_STEPS.c.id)).all())
    seals = _by_serial(connection.execute(_joined(SEALS, lot).order_by(SEALS.c.number)).all())
    parts = _parts_stopped(connection, lot)
    found = []
    for one in made:
        routing = routings[one.product, one.routing_revision]
        unit = _unit(one, routing, steps.get(one.serial, []), seals.get(one.serial, []))
        found.append(unit._replace(parts_stopped=tuple(sorted(parts.get(one.serial, ())))))
    return found


def _unit(made: Made, routing: Routing, steps: list[Row[Any]], seals: list[Row[Any]]) -> Unit:
    rework = {one.name for one in routing.rework}
    opened = [row.left_ms or row.entered_ms for row in steps if row.step in rework]
    opened += [row.removed_ms for row in seals if row.opened]
    return Unit(
        serial=made.serial,
        seals=tuple(Seal(row.place, row.number) for row in seals if row.is_current),
        status=_AT_THE_GATE.get(made.status, "free"),
        steps_open=open_steps(made, routing, {row.step for row in steps if row.result in DONE}),
        opened_ms=max(opened, default=None),
    )


def _parts_stopped(connection: Connection, lot: str) -> dict[str, set[str]]:
    """The stopped and scrapped units that went into units of a lot, at any depth, by the unit of the lot."""
    holders = {serial: {serial} for serial in lots.serials_of(connection, lot)}
    found: dict[str, set[str]] = {}
    for _ in range(DEPTH_MAX):
        inside: dict[str, set[str]] = {}
        joined = UNIT_LINKS.join(UNITS, UNITS.c.serial == UNIT_LINKS.c.child)
        query = select(UNIT_LINKS.c.parent, UNIT_LINKS.c.child, UNITS.c.status).select_from(joined)
        for row in connection.execute(query.where(UNIT_LINKS.c.kind == "unit", UNIT_LINKS.c.parent.in_(holders))):
            inside.setdefault(row.child, set()).update(holders[row.parent])
            if row.status in _AT_THE_GATE:
                for holder in holders[row.parent]:
                    found.setdefault(holder, set()).add(row.child)
        if not inside:
            break
        holders = inside
    return found


def _files(known: Known, lot: Progress, now_ms: int) -> list[File]:
    """What the customer gets: the lines as CSV and as JSON, and what they are, with their digests."""
    columns = known.demand.release.columns
    try:
        lines = delivery_lines(known.lot, columns, known.records, known.references)
        cells = delivery_cells(known.lot, columns, known.records, known.references)
    except NotDelivered as error:
        raise Refused(error.reason, str(error)) from error
    headers = [column.header for column in columns]
    told = [dict(zip(headers, row, strict=True)) for row in cells]
    about = {"lot": lot.id, "product": lot.product, "customer": lot.customer, "released_ms": now_ms}
    data = [
        _file(CSV, "text/csv; charset=utf-8", lines),
        _file(JSON, "application/json", canonical({**about, "units": told})),
    ]
    by_sheet = {"number": known.demand.sheet.number, "revision": known.demand.sheet.revision}
    files = [{"name": one.name, "media": one.media, "sha256": one.sha256} for one in data]
    manifest = {**about, "units_qty": len(told), "sheet": {**by_sheet, "digest": known.demand.digest}, "files": files}
    return [*data, _file(MANIFEST, "application/json", canonical(manifest))]


def _file(name: str, media: str, body: str) -> File:
    return File(name, media, body, digest(body))


def _orders_of(connection: Connection, lot: str) -> list[str]:
    joined = UNITS.join(LOT_UNITS, LOT_UNITS.c.serial == UNITS.c.serial)
    current = LOT_UNITS.c.lot == lot, LOT_UNITS.c.is_current == 1
    query = select(UNITS.c.order_number).select_from(joined).where(*current).distinct()
    return sorted(connection.execute(query).scalars())


def _joined(table: Table, lot: str) -> Select[Any]:
    current = LOT_UNITS.c.lot == lot, LOT_UNITS.c.is_current == 1
    return select(table).join(LOT_UNITS, LOT_UNITS.c.serial == table.c.serial).where(*current)


def _by_serial(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.serial, []).append(row)
    return found
