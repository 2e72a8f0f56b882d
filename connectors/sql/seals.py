"""Seals: each number is put on a unit once, ever; what is removed is removed for a reason."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from connectors.sql import units
from connectors.sql.schema.release import LOT_UNITS, RELEASE_LOTS, SEALS
from connectors.sql.work import Work
from models.production.unit import check_in_work
from models.refusal import NotFound, Refused, need_reason
from models.release.lot import Seal


class Put(NamedTuple):
    """A seal that is, or was, on a unit."""

    place: str
    number: str
    by: str
    at_ms: int
    removed_by: str | None
    removed_ms: int | None
    removed_reason: str
    opened: int
    """1 when the unit was opened as it was removed."""


def put(work: Work, station: str, serial: str, seal: Seal) -> None:
    """A seal is put on a unit that is in work at a station; raises `Refused`."""
    unit, order = units.lock(work, serial)
    check_in_work(unit, station)
    if (row := _on_place(work, serial, seal.place)) is not None:
        raise Refused("sealed", f"{serial} has seal {row} in place {seal.place}: it is replaced for a reason")
    _add(work, serial, seal)
    work.tell("unit_sealed", f"unit/{serial}", station=station, line=order.line, place=seal.place, number=seal.number)


def replace(work: Work, serial: str, place: str, number: str | None, reason: str, *, opened: bool) -> None:
    """Remove a seal, for good, and put another one in its place, or none; raises `Refused`, `NotFound`.

    When the unit was opened, whatever was measured before says nothing of it any more.
    """
    unit, order = units.lock(work, serial)
    need_reason(reason, "to remove a seal")
    if unit.status == "scrapped":
        raise Refused("scrapped", f"{serial} is scrapped")
    left = select(RELEASE_LOTS.c.id).join(LOT_UNITS, LOT_UNITS.c.lot == RELEASE_LOTS.c.id)
    with_it = left.where(LOT_UNITS.c.serial == serial, LOT_UNITS.c.is_current == 1, RELEASE_LOTS.c.status == "released")
    if unit.status == "done" and (lot := work.run(with_it).scalar_one_or_none()) is not None:
        raise Refused("has_left", f"{serial} has left with lot {lot}, under the seals that its customer was told")
    before = _on_place(work, serial, place)
    if before is None:
        raise NotFound("seal", f"in place {place} of {serial}")
    removed = {"removed_by": work.who.identity, "removed_ms": work.now_ms, "removed_reason": reason}
    values = {**removed, "is_current": None, "opened": int(opened)}
    work.run(update(SEALS).where(SEALS.c.number == before).values(values))
    about = {"place": place, "opened": opened}
    work.note("seal_removed", f"unit/{serial}", before={"place": place, "number": before}, after=about, reason=reason)
    work.tell("seal_removed", f"unit/{serial}", line=order.line, number=before, reason=reason, **about)
    if number is not None:
        _add(work, serial, Seal(place, number))
        work.tell("unit_sealed", f"unit/{serial}", line=order.line, place=place, number=number)


def of_unit(connection: Connection, serial: str) -> list[Put]:
    """Every seal that was ever on a unit."""
    units.read(connection, serial)
    rows = connection.execute(select(SEALS).where(SEALS.c.serial == serial).order_by(SEALS.c.at_ms, SEALS.c.number))
    return [Put(**{name: getattr(row, name) for name in Put._fields}) for row in rows]


def _on_place(work: Work, serial: str, place: str) -> str | None:
    current = SEALS.c.serial == serial, SEALS.c.place == place, SEALS.c.is_current == 1
    return work.run(select(SEALS.c.number).where(*current)).scalar_one_or_none()


def _add(work: Work, serial: str, seal: Seal) -> None:
    if (row := work.one(select(SEALS.c.serial).where(SEALS.c.number == seal.number))) is not None:
        raise Refused("seal_used", f"seal {seal.number} was put on {row.serial}: a number is used once")
    by = {"by": work.who.identity, "at_ms": work.now_ms, "removed_reason": "", "opened": 0}
    work.run(SEALS.insert().values(number=seal.number, serial=serial, place=seal.place, is_current=1, **by))
    work.note("unit_sealed", f"unit/{serial}", after=seal._asdict())
