"""Calibration records: the error of a unit at each load point, with what it was measured, as it was measured once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from connectors.sql import certificates, units
from connectors.sql.schema.production import UNIT_STEPS
from connectors.sql.schema.release import CALIBRATIONS, LOT_UNITS
from connectors.sql.work import Work, canonical
from models.production.unit import check_in_work
from models.refusal import Refused
from models.release.gate import check_references
from models.release.lot import Record

SKEW_MS = 60_000
"""So much may the clock of a bench differ from the one of the service."""


class Kept(NamedTuple):
    """A record as it is kept: at which station, by which setup sheet, by whom."""

    record: Record
    is_good: bool
    station: str
    setup_digest: str | None
    by: str
    created_ms: int


def add(work: Work, station: str, given: Sequence[Record], *, setup_digest: str | None = None) -> bool:
    """Keep what a bench has measured of the unit that is in work there; whether all of it is within its limits.

    What is out of limits is kept like the rest. Raises `Refused`, and then nothing is kept: bench or standard without a
    certificate that is valid, another setup sheet than the one the unit is worked on by, a time that cannot be.
    """
    serial = given[0].serial
    unit, order = units.lock(work, serial)
    check_in_work(unit, station)
    open_step = UNIT_STEPS.c.serial == serial, UNIT_STEPS.c.left_ms.is_(None)
    step = work.run(select(UNIT_STEPS).where(*open_step).order_by(UNIT_STEPS.c.id.desc())).first()
    if step is None or (setup_digest is not None and setup_digest != step.setup_digest):
        raise Refused("wrong_revision", f"{serial} is in work at {station} by another setup sheet")
    known = certificates.references(work.connection)
    for record in given:
        if not step.entered_ms - SKEW_MS <= record.at_ms <= work.now_ms + SKEW_MS:
            raise Refused("measured_when", f"{serial} was at {station} from {step.entered_ms} on, not {record.at_ms}")
        check_references(record, known)
    about = {"serial": serial, "station": station, "setup_digest": step.setup_digest}
    by = {"by": work.who.identity, "created_ms": work.now_ms}
    good = [record.low_pct <= record.error_pct <= record.high_pct for record in given]
    rows = [
        {
            **about,
            **by,
            "point": record.point.name,
            "bench": record.bench,
            "standard": record.standard,
            "record": canonical(record),
            "is_good": int(is_good),
            "measured_ms": record.at_ms,
        }
        for record, is_good in zip(given, good, strict=True)
    ]
    work.run(CALIBRATIONS.insert(), rows)
    points = [record.point.name for record in given]
    work.note("unit_calibrated", f"unit/{serial}", after={"points": points, "good": all(good), "bench": given[0].bench})
    work.tell("unit_calibrated", f"unit/{serial}", station=station, line=order.line, points=points, good=all(good))
    return all(good)


def of_unit(connection: Connection, serial: str) -> list[Kept]:
    """Every record of a unit, in the order in which they came."""
    units.read(connection, serial)
    rows = connection.execute(select(CALIBRATIONS).where(CALIBRATIONS.c.serial == serial).order_by(CALIBRATIONS.c.id))
    columns = ("station", "setup_digest", "by", "created_ms")
    return [Kept(_record(row.record), bool(row.is_good), *(getattr(row, name) for name in columns)) for row in rows]


def of_lot(connection: Connection, lot: str) -> list[Record]:
    """Every record of the units of a lot."""
    joined = CALIBRATIONS.join(LOT_UNITS, LOT_UNITS.c.serial == CALIBRATIONS.c.serial)
    of = LOT_UNITS.c.lot == lot, LOT_UNITS.c.is_current == 1
    query = select(CALIBRATIONS.c.record).select_from(joined).where(*of).order_by(CALIBRATIONS.c.id)
    return [_record(body) for body in connection.execute(query).scalars()]


def people_of_lot(connection: Connection, lot: str) -> frozenset[str]:
    """Whoever put their name to a record of a unit of a lot."""
    joined = CALIBRATIONS.join(LOT_UNITS, LOT_UNITS.c.serial == CALIBRATIONS.c.serial)
    of = LOT_UNITS.c.lot == lot, LOT_UNITS.c.is_current == 1
    return frozenset(connection.execute(select(CALIBRATIONS.c.by).select_from(joined).where(*of).distinct()).scalars())


def measured_with(
    connection: Connection, *, bench: str | None, standard: str | None, since_ms: int, after: str, limit: int
) -> list[str]:
    """The units that were measured with a bench or a standard from a time on, by serial, behind one of them."""
    query = select(CALIBRATIONS.c.serial).where(CALIBRATIONS.c.measured_ms >= since_ms, CALIBRATIONS.c.serial > after)
    if bench is not None:
        query = query.where(CALIBRATIONS.c.bench == bench)
    if standard is not None:
        query = query.where(CALIBRATIONS.c.standard == standard)
    return list(connection.execute(query.distinct().order_by(CALIBRATIONS.c.serial).limit(limit)).scalars())


def _record(body: str) -> Record:
    return msgspec.json.decode(body, type=Record)
