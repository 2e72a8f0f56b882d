"""What a release looks at: what the sheet demands, what was measured with what, and the lot with its units and sample.

Times are Unix time, UTC, in milliseconds; a validity is [from, until). Sources of what is demanded: IEC 62052-11 and
IEC 62053-21 to -24 for load points and error limits, and ISO/IEC 17025, 6.4 and 6.5, for equipment that is fit and
references that are traceable. Which load points, limits and seals a product has is on its sheet, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from models.sampling.plans import plan
from models.sampling.tables import Level

SheetRefusal = Literal["no_point", "point_doubled", "limits", "place_doubled"]
Status = Literal["free", "quarantined", "scrapped", "recalled"]


class SheetRefused(ValueError):
    """A sheet that demands nothing, or what nobody can meet, with the reason in one word and in a sentence."""

    def __init__(self, reason: SheetRefusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class LoadPoint(NamedTuple):
    """Where a meter is measured: the current in percent of its base, and the power factor with its character."""

    voltage_v: float
    current_pct: float
    base: Literal["Ib", "In", "Imax"] = "Ib"
    power_factor: float = 1.0
    character: Literal["", "L", "C"] = ""

    @property
    def name(self) -> str:
        """As people write it, such as '100%Ib PF0.5L 220V'."""
        return f"{self.current_pct:g}%{self.base} PF{self.power_factor:g}{self.character} {self.voltage_v:g}V"


class Demand(NamedTuple):
    """The error that a load point may have, both limits included."""

    point: LoadPoint
    low_pct: float
    high_pct: float


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the sheet of a product demands before a lot of it leaves; raises `SheetRefused` or `sampling.Refused`."""

    demands: tuple[Demand, ...]
    seals: tuple[str, ...]
    """The places that have to be sealed."""
    level: Level
    aql: float

    def __post_init__(self) -> None:
        points = [demand.point for demand in self.demands]
        if not points:
            raise SheetRefused("no_point", "the sheet demands no load point")
        if len(set(points)) < len(points):
            raise SheetRefused("point_doubled", "the sheet demands a load point twice")
        for point, low_pct, high_pct in self.demands:
            if not low_pct <= high_pct:
                raise SheetRefused("limits", f"at {point.name} no error lies between {low_pct} and {high_pct}")
        if len(set(self.seals)) < len(self.seals):
            raise SheetRefused("place_doubled", "the sheet demands two seals in one place")
        plan(1, self.level, self.aql, "normal")


class Record(NamedTuple):
    """The error of a unit at a load point, and the limits that the bench held it against."""

    serial: str
    point: LoadPoint
    error_pct: float
    low_pct: float
    high_pct: float
    bench: str
    position: int
    standard: str
    at_ms: int


class Standard(NamedTuple):
    """A reference standard for as long as one certificate says that it is good."""

    id: str
    valid_from_ms: int
    valid_until_ms: int
    certificate: str


class Bench(NamedTuple):
    """A test bench for as long as it is good with one reference standard."""

    id: str
    standard: str
    valid_from_ms: int
    valid_until_ms: int


class References(NamedTuple):
    """All benches and standards, an entry for each of their periods: a certificate that ran out stays here."""

    benches: tuple[Bench, ...]
    standards: tuple[Standard, ...]


class Seal(NamedTuple):
    """A seal on a unit."""

    place: str
    number: str


class Unit(NamedTuple):
    """A unit as it is when the lot is to leave."""

    serial: str
    seals: tuple[Seal, ...]
    status: Status = "free"
    steps_open: tuple[str, ...] = ()
    """The steps of its routing that are not done."""
    opened_ms: int | None = None
    """When it was opened or reworked last; what was measured until then says nothing of it any more."""
    parts_stopped: tuple[str, ...] = ()
    """The units in it that are quarantined, held, recalled or scrapped."""


class Sample(NamedTuple):
    """What the lot's sample showed; `presented` are the units that the lot had when the sample was drawn."""

    presented: frozenset[str]
    inspected: frozenset[str]
    nonconforming: frozenset[str]


class Lot(NamedTuple):
    """The units that are to leave together, and their sample once it is inspected."""

    id: str
    units: tuple[Unit, ...]
    sample: Sample | None
