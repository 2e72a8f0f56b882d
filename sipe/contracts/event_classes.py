"""What a gateway may drop of what it cannot send: each event type belongs to one class, declared here and nowhere else.

`traceability` is what happened to units and orders, and what people said: it exists once, and nobody can measure it
again. A gateway never drops it; where there is no room it does not take it, and the device has to keep it. `telemetry`
is how a station fares: the newest is worth the most, so the oldest makes room, and a `gap_detected` takes its place.
"""

from __future__ import annotations

from typing import Literal, get_args

from sipe.contracts import events
from sipe.contracts.events import StationEvent

EventClass = Literal["traceability", "telemetry"]
EVENT_CLASSES: tuple[EventClass, ...] = get_args(EventClass)

TYPES: dict[EventClass, tuple[type[StationEvent], ...]] = {
    "traceability": (
        events.StationBorn,
        events.CycleCompleted,
        events.OrderStarted,
        events.OrderEnded,
        events.TestMeasured,
        events.StopClassified,
        events.UnitReclassified,
        events.DefectFound,
        events.UnitLinked,
        events.OperatorSignedOn,
        events.OperatorSignedOff,
        events.MaterialUsed,
        events.ParametersApplied,
        events.GapDetected,
        events.DecisionAcknowledged,
        events.CalendarAssigned,
        events.StandardTimeSet,
        events.CountingAuthoritySet,
    ),
    "telemetry": (events.Heartbeat, events.StateChanged, events.IntervalReported, events.ParameterMeasured),
}
"""The types of each class; a test fails when one is missing or stands twice."""

_CLASS_OF = {event_type: event_class for event_class, types in TYPES.items() for event_type in types}


def class_of(event: StationEvent) -> EventClass:
    """The class of an event."""
    return _CLASS_OF[type(event)]
