"""Samples of lots, in the store: drawn with a seed, inspected, and judged as ISO 2859-1 says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, update

from connectors.sql import demands, lots, samplings, stops, units
from connectors.sql.schema.release import LOT_INSPECTIONS, LOT_ROUNDS, RELEASE_LOTS
from connectors.sql.work import Work, canonical
from models.production.unit import STOPPED
from models.refusal import Refused, need_reason
from models.release import progress as model
from models.release.progress import Inspected, Progress, Round
from models.sampling.draw import draw as draw_from
from models.sampling.plans import Judgement, plan
from models.sampling.switching import LotResult


class Judged(NamedTuple):
    """A round, and who has put their name to what it says, when."""

    round: Round
    judgement: Judgement | None
    judged_by: str | None
    judged_ms: int | None
    drawn_by: str
    drawn_ms: int


def draw(work: Work, lot_id: str, expected: int | None, seed: str) -> Round:
    """Draw the sample of a lot, by the sheet in force and as severely as the lots before it ask for."""
    lot = lots.lock(work, lot_id, expected)
    sampling = samplings.lock(work, lot.product, lot.customer)
    after = model.draw(lot, _under_way(work.connection, lot))
    serials = lots.serials_of(work.connection, lot_id)
    if not serials:
        raise Refused("lot_empty", f"lot {lot_id} has no unit")
    sheet = demands.in_force(work.connection, lot.product).release.sheet
    inspection = sampling.switch.inspection
    if inspection == "discontinued":
        raise Refused("discontinued", "too many lots were rejected; sampling has to be resumed first")
    asked = plan(len(serials), sheet.level, sheet.aql, inspection)
    begun = Round(
        number=after.round,
        plan=asked,
        level=sheet.level,
        inspection=inspection,
        presented=frozenset(serials),
        drawn=draw_from(serials, asked.sample_size, samplings.random_of(seed)),
        seed=seed,
    )
    return _begin(work, lot, after, begun)


def screen(work: Work, lot_id: str, expected: int | None, reason: str) -> Round:
    """Have every unit of a rejected lot inspected."""
    lot = lots.lock(work, lot_id, expected)
    after = model.screen(lot)
    need_reason(reason, "to screen a lot")
    last = last_round(work.connection, lot)
    serials = lots.serials_of(work.connection, lot_id)
    begun = Round(
        number=after.round,
        plan=None,
        level=last.level,
        inspection=last.inspection,
        presented=frozenset(serials),
        drawn=tuple(serials),
        seed="",
    )
    return _begin(work, lot, after, begun)


def inspect(work: Work, lot_id: str, expected: int | None, given: Sequence[Inspected]) -> Round:
    """Keep what was found of units of the sample; a unit that does not conform stays behind, in quarantine."""
    lot = lots.lock(work, lot_id, expected)
    after = model.inspect(lot, last_round(work.connection, lot), given)
    by = {"lot": lot_id, "round": lot.round, "by": work.who.identity, "at_ms": work.now_ms}
    rows = [{"serial": one.serial, "conforms": int(one.conforming), "findings": one.findings} for one in given]
    work.run(LOT_INSPECTIONS.insert(), [row | by for row in rows])
    for one in sorted(given):
        if not one.conforming:
            _set_aside(work, lot, one)
    work.note("lot_inspected", lots.on(lot), after={one.serial: one.conforming for one in given})
    lots.write(work, lot, lot)
    return after


def conclude(work: Work, lot_id: str, expected: int | None, said: Judgement, *, steady: bool = True) -> Progress:
    """Accept or reject a lot as its sample says; the lots behind it are inspected accordingly."""
    lot = lots.lock(work, lot_id, expected)
    sampling = samplings.lock(work, lot.product, lot.customer)
    last = last_round(work.connection, lot)
    after = model.conclude(lot, last, said)
    if last.plan is not None:  # a screening counts for nothing
        result = LotResult(
            plan=last.plan,
            nonconforming=len(last.nonconforming),
            steady=steady,
            reduced_allowed=demands.in_force(work.connection, lot.product).release.reduced_allowed,
        )
        samplings.count(work, sampling, result)
    judged = {"judgement": said, "judged_by": work.who.identity, "judged_ms": work.now_ms}
    of_round = LOT_ROUNDS.c.lot == lot_id, LOT_ROUNDS.c.round == lot.round
    work.run(update(LOT_ROUNDS).where(*of_round).values(judged))
    return lots.moved(work, lot, after, "", nonconforming_qty=len(last.nonconforming))


def rounds(connection: Connection, lot_id: str) -> list[Judged]:
    """Every round of a lot, with what was found."""
    query = select(LOT_INSPECTIONS).where(LOT_INSPECTIONS.c.lot == lot_id).order_by(LOT_INSPECTIONS.c.serial)
    found: dict[int, dict[str, bool]] = {}
    for row in connection.execute(query):
        found.setdefault(row.round, {})[row.serial] = bool(row.conforms)
    rows = connection.execute(select(LOT_ROUNDS).where(LOT_ROUNDS.c.lot == lot_id).order_by(LOT_ROUNDS.c.round))
    return [_judged(row, found.get(row.round, {})) for row in rows]


def last_round(connection: Connection, lot: Progress) -> Round:
    """The round that is under way, or was last; raises `Refused` before there is one."""
    found = rounds(connection, lot.id)
    if not found:
        raise Refused("lot_not_drawn", f"lot {lot.id} is {lot.status}; its sample is not drawn yet")
    return found[-1].round


def _begin(work: Work, lot: Progress, after: Progress, begun: Round) -> Round:
    row = {"lot": lot.id, "round": begun.number, "drawn": canonical(begun), "by": work.who.identity}
    work.run(LOT_ROUNDS.insert().values(**row, at_ms=work.now_ms))
    told = {"seed": begun.seed, "inspection": begun.inspection, "drawn_qty": len(begun.drawn)}
    lots.moved(work, lot, after, "", **told, presented_qty=len(begun.presented))
    return begun


def _set_aside(work: Work, lot: Progress, one: Inspected) -> None:
    reason = f"does not conform in lot {lot.id}: {one.findings}"
    unit = units.read(work.connection, one.serial)
    if lots.lot_of(work.connection, one.serial) == lot.id:
        lots.leave(work, lot, [one.serial], reason)
    if unit.status not in STOPPED | {"scrapped"}:
        stops.stop(work, one.serial, "quarantined", reason)


def _under_way(connection: Connection, lot: Progress) -> str | None:
    alike = RELEASE_LOTS.c.product == lot.product, RELEASE_LOTS.c.customer == lot.customer
    query = select(RELEASE_LOTS.c.id).where(*alike, RELEASE_LOTS.c.status == "drawn", RELEASE_LOTS.c.id != lot.id)
    return connection.execute(query.order_by(RELEASE_LOTS.c.id).limit(1)).scalar_one_or_none()


def _judged(row: Row[Any], found: dict[str, bool]) -> Judged:
    begun = replace(msgspec.json.decode(row.drawn, type=Round), found=found)
    return Judged(begun, row.judgement, row.judged_by, row.judged_ms, drawn_by=row.by, drawn_ms=row.at_ms)
