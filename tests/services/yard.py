"""A yard to test with, behind the shop: a release sheet, a bench with its standard, and units that are ready to go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from office import ROOT, TWO_LEVELS, say, who
from shop import ASSEMBLY, CALIBRATION, PACKING, UNTIL_MS, make
from sql_stores import START_MS, content

from connectors.files import sheet_library
from connectors.sql import calibrations, certificates, lots, releases, samples, seals, sheets, templates, units
from connectors.sql.certificates import Certificate
from connectors.sql.work import Store
from models.refusal import Refused
from models.release.demand import STEP, TEMPLATE
from models.release.lot import LoadPoint, Record, Seal
from models.release.progress import Inspected, Progress, Round
from models.sheets.revision import Revision

CUSTOMER = ""
"""Whom the shop's orders are for."""
FULL, LOW = LoadPoint(240.0, 100.0), LoadPoint(240.0, 5.0, "Ib", 0.5, "L")
LIMITS = {FULL: (-1.0, 1.0), LOW: (-1.5, 1.5)}
PLACE = "case, left"
BENCH = Certificate(
    kind="bench",
    equipment="B-1",
    certificate="CB-1",
    standard="S-1",
    valid_from_ms=START_MS - 86_400_000,
    valid_until_ms=UNTIL_MS,
)
STANDARD = Certificate(
    kind="standard",
    equipment="S-1",
    certificate="CS-77",
    valid_from_ms=START_MS - 86_400_000,
    valid_until_ms=UNTIL_MS,
)


def release_values(**changed: Any) -> dict[str, Any]:
    """What a lot has to show: two load points, one seal, and an AQL by which two units are a sample of everything."""
    points = [
        {
            "release_point": name,
            "point_voltage_v": point.voltage_v,
            "current_share_percent": point.current_pct,
            "point_power_factor": f"{point.power_factor:g}{point.character}",
            "error_low_percent": LIMITS[point][0],
            "error_high_percent": LIMITS[point][1],
        }
        for name, point in (("P1", FULL), ("P2", LOW))
    ]
    told = sheet_library.samples(TEMPLATE).valid
    return {**told, "release_points": points, "sealed_places": [{"sealed_place": PLACE}], **changed}


def release_sheet(store: Store, number: str = "TS-R", **changed: Any) -> Revision:
    """The release sheet, approved."""
    about = {"template": TEMPLATE, "product": "MTR-100", "step": STEP}
    sheet = store.work(who("gil"), sheets.begin, number, release_values(**changed), **about)
    sheet = store.work(who("gil"), sheets.put_up, sheet.ref, sheet.version)
    say(store, sheet.ref, "approve ana check")
    return say(store, sheet.ref, "approve caio release")


def open_yard(store: Store, **changed: Any) -> None:
    """The release sheet of the shop's product, and a bench that is good; the shop has to be ready."""
    template = sheet_library.template(TEMPLATE)
    store.work(ROOT, templates.add_template, template, TWO_LEVELS.name, TWO_LEVELS.version)
    release_sheet(store, **changed)
    for one in (BENCH, STANDARD):
        store.work(who("gil"), certificates.add, one)


def record(serial: str, point: LoadPoint = FULL, error_pct: float = 0.1, **changed: Any) -> Record:
    """What the bench measured of a unit."""
    low, high = LIMITS[point]
    return Record(serial, point, error_pct, low, high, "B-1", 1, "S-1", START_MS)._replace(**changed)


def measured(store: Store, serial: str, *records: Record, by: str = "ana") -> None:
    """A unit through the calibration station, with its records; by default good ones at both points."""
    store.work(who(by), units.enter, CALIBRATION, serial)
    given = records or [record(serial, point) for point in LIMITS]
    store.work(who(by), calibrations.add, CALIBRATION, given)
    store.work(who(by), units.succeed, CALIBRATION, serial)


def sealed(store: Store, serial: str, number: str | None = None) -> None:
    """A unit through the packing station, with its seal."""
    store.work(who("ana"), units.enter, PACKING, serial)
    store.work(who("ana"), seals.put, PACKING, serial, Seal(PLACE, number or f"SEAL-{serial}"))
    store.work(who("ana"), units.succeed, PACKING, serial)


def good_units(store: Store, count: int) -> list[str]:
    """Units that nothing is in the way of."""
    serials = [unit.serial for unit in store.work(who("pia"), units.begin, "OP-1", count)]
    for serial in serials:
        make(store, serial, ASSEMBLY)
        measured(store, serial)
        sealed(store, serial)
    return serials


def a_lot(store: Store, serials: Sequence[str], lot: str = "L-1") -> Progress:
    """A lot of units."""
    store.work(who("davi"), lots.add, lot, "MTR-100", CUSTOMER)
    return store.work(who("davi"), lots.join, lot, None, serials)


def drawn(store: Store, lot: str = "L-1", seed: str = "seed-1") -> Round:
    """Its sample."""
    return store.work(who("davi"), samples.draw, lot, None, seed)


def inspected(store: Store, last: Round, *bad: str, lot: str = "L-1") -> None:
    """The sample inspected: all conform but some."""
    given = [Inspected(one, one not in bad, "scratched" if one in bad else "") for one in last.drawn]
    store.work(who("davi"), samples.inspect, lot, None, given)


def accepted(store: Store, serials: Sequence[str], lot: str = "L-1") -> Progress:
    """A lot whose sample was good."""
    a_lot(store, serials, lot)
    inspected(store, drawn(store, lot), lot=lot)
    return store.work(who("davi"), samples.conclude, lot, None, "accepted")


def released(store: Store, lot: str = "L-1") -> Progress:
    """A lot gone."""
    return store.work(who("caio"), releases.release, lot, None)


def lot_status(store: Store, lot: str = "L-1") -> str:
    """How a lot stands."""
    with store.reading() as connection:
        return lots.read(connection, lot).status


def in_the_way(store: Store, lot: str = "L-1") -> dict[str, list[str]]:
    """What keeps a lot here: by serial, that of the whole lot under no serial."""
    with store.reading() as connection:
        found = releases.verdict(connection, lot)
    told = {"": found.lot} | found.units
    return {serial: [reason.code for reason in reasons] for serial, reasons in told.items() if reasons}


def refusal(store: Store, what: Any, *args: Any, by: str = "davi", **options: Any) -> str:
    """Why it is refused; nothing has changed."""
    before = content(store)
    with pytest.raises(Refused) as told:
        store.work(who(by), what, *args, **options)
    assert content(store) == before
    return told.value.reason
