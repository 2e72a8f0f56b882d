"""The event contract: one struct per event type, a union tagged by `type`.

Consumers ignore unknown fields; an unknown type is a reject. An event is identified by (station, source, boot, seq);
events of a station are ordered by (ts_ms, source, boot, seq). Constructors check nothing: events from outside are built
by `sipe.contracts.codec`, which checks every bound.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from sipe.contracts.calendar import Calendar
from sipe.contracts.fields import (
    INTERVAL_MS_MAX,
    Amount,
    Boot,
    ClockQuality,
    Count,
    DurationMs,
    HeartbeatMs,
    Measure,
    Name,
    Quantity,
    Result,
    Seq,
    Serial,
    Sha256,
    SkewMs,
    Source,
    State,
    Station,
    Text,
    TimeMs,
    TsQuality,
)


class StationEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every event of a station carries."""

    station: Station
    boot: Boot
    seq: Seq
    ts_ms: TimeMs
    source: Source = "device"
    replayed: bool = False
    ts_quality: TsQuality | None = None


class StationBorn(StationEvent, frozen=True, kw_only=True, tag="station_born"):
    """The first event of each boot: what the source is and how often it gives a sign of life."""

    firmware: Text
    capabilities: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()
    heartbeat_ms: HeartbeatMs
    display: Name | None = None
    clock: ClockQuality | None = None
    skew_ms: SkewMs | None = None


class Heartbeat(StationEvent, frozen=True, kw_only=True, tag="heartbeat"):
    """A sign of life; three periods without any event make the station UNKNOWN. With how good the source's time is."""

    clock: ClockQuality | None = None
    skew_ms: SkewMs | None = None


class StateChanged(StationEvent, frozen=True, kw_only=True, tag="state_changed"):
    """From `ts_ms` on, the station is in `state`."""

    state: State
    reason: Text = ""
    order: Name | None = None
    product: Name | None = None


class IntervalReported(StationEvent, frozen=True, kw_only=True, tag="interval_reported"):
    """A state held over [from_ts_ms, ts_ms) with its quantities, reported at its end.

    The quantities belong to the minute that contains `ts_ms - 1`, whatever the state, and are never prorated.
    """

    state: State
    from_ts_ms: TimeMs
    order: Name | None = None
    product: Name | None = None
    step: Name | None = None
    reason: Text = ""
    good: Quantity = 0
    scrap: Quantity = 0
    rework: Quantity = 0
    planned_cycle_ms: DurationMs | None = None
    display: Name | None = None

    def __post_init__(self) -> None:
        check_span(self.from_ts_ms, self.ts_ms)


class CycleCompleted(StationEvent, frozen=True, kw_only=True, tag="cycle_completed"):
    """Pieces that left the station. Positions of one cycle share `cycle_id`; its time counts once."""

    order: Name
    product: Name
    step: Name
    qty: Count
    result: Result
    cycle_ms: DurationMs
    planned_cycle_ms: DurationMs | None = None
    serial: Serial | None = None
    attempt: Count | None = None
    cycle_id: Name | None = None
    position: Name | None = None
    reason: Text = ""
    sheet: Name | None = None


class OrderStarted(StationEvent, frozen=True, kw_only=True, tag="order_started"):
    """The station begins to work on a production order."""

    order: Name
    product: Name
    planned_qty: Quantity


class OrderEnded(StationEvent, frozen=True, kw_only=True, tag="order_ended"):
    """The station has finished its work on a production order."""

    order: Name
    product: Name
    planned_qty: Quantity


class TestMeasured(StationEvent, frozen=True, kw_only=True, tag="test_measured"):
    """One measured value of one unit at one test."""

    serial: Serial
    step: Name
    test: Name
    value: Measure
    unit: Name
    low: Measure | None = None
    high: Measure | None = None
    passed: bool


class StopClassified(StationEvent, frozen=True, kw_only=True, tag="stop_classified"):
    """Gives the stops in [from_ts_ms, to_ts_ms) a reason; the highest `stop_version` wins."""

    from_ts_ms: TimeMs
    to_ts_ms: TimeMs
    stop_version: Count
    reason: Text
    by: Name

    def __post_init__(self) -> None:
        check_span(self.from_ts_ms, self.to_ts_ms)


class UnitReclassified(StationEvent, frozen=True, kw_only=True, tag="unit_reclassified"):
    """A late quality decision. It carries what it changes, so that no index of serials is needed."""

    serial: Serial
    order: Name
    product: Name
    step: Name
    attempt: Count
    cycle_ts_ms: TimeMs
    result_before: Result
    result: Result
    reason: Text
    by: Name


class ParameterMeasured(StationEvent, frozen=True, kw_only=True, tag="parameter_measured"):
    """A process value that is not bound to a serial (solder wave, reflow zone)."""

    name: Name
    value: Measure
    unit: Name
    order: Name | None = None
    low: Measure | None = None
    high: Measure | None = None


class DefectFound(StationEvent, frozen=True, kw_only=True, tag="defect_found"):
    """What inspection saw on a unit."""

    serial: Serial
    step: Name
    code: Name
    position: Name | None = None
    component: Name | None = None
    image_sha256: Sha256 | None = None
    by: Name


class UnitLinked(StationEvent, frozen=True, kw_only=True, tag="unit_linked"):
    """Genealogy: `child` became part of `parent`."""

    parent: Serial
    child: Serial
    relation: Name
    position: Name | None = None


class OperatorSignedOn(StationEvent, frozen=True, kw_only=True, tag="operator_signed_on"):
    """An operator (a pseudonym) starts to attend the station."""

    operator: Name
    role: Name


class OperatorSignedOff(StationEvent, frozen=True, kw_only=True, tag="operator_signed_off"):
    """An operator (a pseudonym) stops attending the station."""

    operator: Name
    role: Name


class MaterialUsed(StationEvent, frozen=True, kw_only=True, tag="material_used"):
    """Material of one lot went into an order, or into one unit."""

    order: Name
    material: Name
    lot: Name
    qty: Amount
    serial: Serial | None = None


class ParametersApplied(StationEvent, frozen=True, kw_only=True, tag="parameters_applied"):
    """What the jig really wrote into a unit, as the digest of the setup sheet."""

    serial: Serial
    order: Name
    setup_digest: Sha256
    accepted: bool
    detail: Text = ""


class GapDetected(StationEvent, frozen=True, kw_only=True, tag="gap_detected"):
    """The gateway owns up: these sequence numbers are lost for good."""

    first_missing: Seq
    last_missing: Seq


class DecisionAcknowledged(StationEvent, frozen=True, kw_only=True, tag="decision_acknowledged"):
    """A station's answer to a decision that was sent to it."""

    decision_id: Name
    accepted: bool
    detail: Text = ""


class CalendarAssigned(StationEvent, frozen=True, kw_only=True, tag="calendar_assigned"):
    """From `valid_from_ms` on, the station works by this calendar."""

    valid_from_ms: TimeMs
    calendar: Calendar


class StandardTimeSet(StationEvent, frozen=True, kw_only=True, tag="standard_time_set"):
    """From `valid_from_ms` on, ISO 22400's planned run time per item, for cycles that bring none."""

    valid_from_ms: TimeMs
    product: Name
    step: Name
    planned_cycle_ms: DurationMs
    sheet: Name | None = None


class CountingAuthoritySet(StationEvent, frozen=True, kw_only=True, tag="counting_authority_set"):
    """From `valid_from_ms` on, only sources of this kind count pieces at this step of the station.

    The kind of a source is its name up to the first hyphen: `log` for `log-3f2a`, `device` for `device`.
    """

    valid_from_ms: TimeMs
    step: Name | None = None
    source_kind: Source


class ClockAdvanced(Struct, frozen=True, kw_only=True, tag_field="type", tag="clock_advanced"):
    """Control record of the ticker, one per partition: the only source of time in the flow."""

    now_ms: TimeMs


STATION_EVENTS: tuple[type[StationEvent], ...] = tuple(StationEvent.__subclasses__())
Event = StationEvent | ClockAdvanced


def check_span(from_ms: int, to_ms: int) -> None:
    """Refuse a span that runs backwards or is longer than the fold can hold."""
    if not 0 <= to_ms - from_ms <= INTERVAL_MS_MAX:
        raise ValueError(f"interval must last 0 to {INTERVAL_MS_MAX} ms, not {to_ms - from_ms}")
