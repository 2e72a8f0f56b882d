"""What the release sheet of a product says, as the gate, the sampling and the customer's file take it.

The sheet is one of the template `lot-release`, approved like any other: who changes what a lot has to show goes
through its workflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from models.refusal import Refused
from models.release.delivery import Column
from models.release.lot import Demand, LoadPoint, Sheet, SheetRefused
from models.sampling.tables import Level

TEMPLATE = "lot-release"
STEP = "release"
"""The step that the sheet is about: what is done with a lot once its units are done."""


class Release(NamedTuple):
    """What a lot has to show, and what the customer is told."""

    sheet: Sheet
    columns: tuple[Column, ...]
    units_max: int
    reduced_allowed: bool
    checks: tuple[str, ...]
    """What is looked at on each unit of the sample."""


def release_of(values: Mapping[str, Any]) -> Release:
    """From the values of an approved sheet, complete; raises `Refused` for one that nobody can meet."""
    demands = {row["release_point"]: _demand(row) for row in values["release_points"]}
    places = values.get("sealed_places", ())
    try:
        sheet = Sheet(
            demands=tuple(demands.values()),
            seals=tuple(row["sealed_place"] for row in places),
            level=cast("Level", values["inspection_level"]),
            aql=float(values["quality_limit_percent"]),
        )
    except SheetRefused as error:
        raise Refused(error.reason, f"the release sheet cannot be met: {error}") from error
    told = [row["sealed_place"] for row in places if row["seal_in_file"] == "yes"]
    return Release(
        sheet=sheet,
        columns=tuple(_columns(values, demands, told)),
        units_max=int(values["lot_units_max"]),
        reduced_allowed=values["reduced_inspection"] == "agreed",
        checks=tuple(row["sample_check"] for row in values["sample_checks"]),
    )


def _demand(row: Mapping[str, Any]) -> Demand:
    factor = row["point_power_factor"]
    point = LoadPoint(
        voltage_v=float(row["point_voltage_v"]),
        current_pct=float(row["current_share_percent"]),
        base=row["current_base"],
        power_factor=float(factor.rstrip("LC")),
        character=factor[-1] if factor[-1] in "LC" else "",
    )
    return Demand(point, float(row["error_low_percent"]), float(row["error_high_percent"]))


def _columns(values: Mapping[str, Any], demands: Mapping[str, Demand], places: list[str]) -> list[Column]:
    found = [Column("Lot", "lot"), Column("Serial", "serial")]
    found += [Column(f"Seal, {place}", "seal", place=place) for place in places]
    if values["delivery_file"] != "errors":
        return found
    for name, demand in demands.items():
        point = demand.point
        found.append(Column(f"{name} {point.name}, %", "error_pct", point, decimals=int(values["file_decimals"])))
        if values["file_traceable"] == "yes":
            found += [
                Column(f"{name} bench", "bench", point),
                Column(f"{name} position", "position", point),
                Column(f"{name} standard", "standard", point),
                Column(f"{name} certificate", "certificate", point),
                Column(f"{name} measured", "measured_at", point),
            ]
    return found
