"""How the stations of a meter factory behave, by role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MINUTE_MS = 60_000


class Test(NamedTuple):
    """What a station measures on each unit, and within which limits it passes."""

    name: str
    unit: str
    low: float
    high: float


class Parameter(NamedTuple):
    """A process value that is not bound to a unit."""

    name: str
    unit: str
    mean: float
    sigma: float


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Rates, reasons and durations; every default is that of a simple manual station."""

    positions: int = 1
    """Places (cavities, bench positions) that one cycle ends; each reports its own piece."""
    pieces: int = 1
    """Pieces per report: boards of a panel, meters of a carton."""
    serials: bool = True
    scrap: float = 0.008
    rework: float = 0.015
    burst_per_cycle: float = 0.004
    breakdowns_per_h: float = 0.25
    breakdown_ms: int = 8 * MINUTE_MS
    breakdown_reasons: tuple[str, ...] = ("fixture broken", "screwdriver fault")
    micro_stops_per_h: float = 8.0
    micro_stop_reasons: tuple[str, ...] = ("waiting for material", "jam", "")
    setup_ms: int = 7 * MINUTE_MS
    setup_reason: str = "order change"
    works_through: bool = False
    """Goes on in breaks and after the last shift: production outside planned busy time."""
    own_standard: bool = False
    """Cycles bring the standard time of the sheet in force."""
    operators: int = 1
    counted_by_hand: bool = False
    """An operator counts beside the machine."""
    test: Test | None = None
    parameter: Parameter | None = None


_BOARD_LINE = Behaviour(
    pieces=4,
    serials=False,
    scrap=0.004,
    rework=0.006,
    breakdown_reasons=("stencil blocked", "feeder fault", "nozzle worn", "conveyor stuck"),
    micro_stop_reasons=("feeder empty", "waiting for panel", "fiducial not found", ""),
    setup_ms=12 * MINUTE_MS,
)

BEHAVIOURS: dict[str, Behaviour] = {
    "smt-printer": _BOARD_LINE,
    "smt-placer": _BOARD_LINE,
    "reflow": Behaviour(
        pieces=4,
        serials=False,
        works_through=True,
        breakdown_reasons=("zone heater fault", "conveyor stuck"),
        micro_stop_reasons=("waiting for panel", ""),
        parameter=Parameter("zone-5-temperature", "degC", 245.0, 1.8),
    ),
    "aoi": Behaviour(scrap=0.003, rework=0.03, breakdown_reasons=("camera fault", "light source worn")),
    "selective-soldering": Behaviour(breakdown_reasons=("nozzle clogged", "flux spray fault")),
    "wave-soldering": Behaviour(
        pieces=4,
        serials=False,
        setup_ms=10 * MINUTE_MS,
        breakdown_reasons=("pump fault", "dross", "preheater fault"),
        parameter=Parameter("wave-temperature", "degC", 260.0, 1.2),
    ),
    "injection": Behaviour(
        positions=8,
        serials=False,
        scrap=0.012,
        rework=0.0,
        setup_ms=28 * MINUTE_MS,
        setup_reason="mould change",
        works_through=True,
        breakdown_ms=15 * MINUTE_MS,
        breakdown_reasons=("hot runner fault", "ejector stuck", "hydraulics"),
        micro_stop_reasons=("hopper empty", "part stuck in mould", ""),
        parameter=Parameter("melt-pressure", "bar", 820.0, 14.0),
    ),
    "assembly": Behaviour(operators=2, rework=0.02),
    "parameterization": Behaviour(
        own_standard=True, breakdown_reasons=("optical head fault", "database not reachable")
    ),
    "calibration": Behaviour(
        positions=24,
        scrap=0.006,
        rework=0.025,
        burst_per_cycle=0.02,
        own_standard=True,
        breakdown_reasons=("reference standard alarm", "power source overload"),
        micro_stop_reasons=("waiting for meters", "contact bad", ""),
        test=Test("error-at-in", "%", -0.5, 0.5),
    ),
    "closing": Behaviour(operators=2, scrap=0.004),
    "laser-marking": Behaviour(rework=0.0, breakdown_reasons=("lens dirty", "fume extraction off")),
    "output-test": Behaviour(
        scrap=0.004, rework=0.02, breakdown_reasons=("serial adapter fault",), test=Test("reply-time", "ms", 0.0, 400.0)
    ),
    "packing": Behaviour(
        pieces=4,
        serials=False,
        scrap=0.001,
        rework=0.004,
        breakdown_reasons=("label printer fault",),
        counted_by_hand=True,
    ),
}


def behaviour_of(role: str) -> Behaviour:
    """The behaviour of a role; a role without one of its own works like a simple manual station."""
    return BEHAVIOURS.get(role, Behaviour())
