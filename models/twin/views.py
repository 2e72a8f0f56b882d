"""What holds at a station at any moment, as step functions read off its complete history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from models.twin.hours import Hours, hours
from models.twin.steps import Steps
from sipe.contracts.events import (
    CalendarAssigned,
    OperatorSignedOff,
    OperatorSignedOn,
    OrderEnded,
    OrderStarted,
    StateChanged,
    StationBorn,
    StationEvent,
    StopClassified,
)

E = TypeVar("E", bound=StationEvent)
SILENT_PERIODS = 3
NO_ORDER = ("", "")


class Cell(NamedTuple):
    """Where a measure of a station is summed."""

    minute_ms: int
    order: str
    product: str
    shift: str


class StopRow(NamedTuple):
    """One row of `stops`; `open` is 1 only for a stop that lasts at the last tick."""

    station: str
    from_ms: int
    to_ms: int
    state: str
    reason: str
    classified_by: str
    stop_version: int
    order: str
    product: str
    shift: str
    open: int


class Moment(NamedTuple):
    """The state that counts at a moment ('unknown' without a valid signal), and to which order its time belongs."""

    state: str
    reason: str
    order: str
    product: str


class Views(NamedTuple):
    """Step functions over the accounted time [from_ms, to_ms)."""

    from_ms: int
    to_ms: int
    hours: Hours
    reported: Steps[StateChanged | None]
    heard: Steps[bool]
    order: Steps[tuple[str, str]]
    operators: Steps[int]
    classified: Steps[StopClassified | None]

    @property
    def instants(self) -> set[int]:
        """Every moment at which anything may change."""
        steps = (self.reported, self.heard, self.order, self.operators, self.classified, *self.hours)
        return {ms for view in steps for ms in view.instants}

    def moment(self, ms: int) -> Moment:
        """What counts at a moment: the reported state with its own order, if it names one and is still heard."""
        reported = self.reported.at(ms) if self.heard.at(ms) else None
        order, product = self.order.at(ms)
        if reported is None:
            return Moment("unknown", "", order, product)
        if reported.order is not None:
            order, product = reported.order, reported.product or ""
        return Moment(reported.state, reported.reason, order, product)


def views(history: Sequence[StationEvent], now_ms: int) -> Views:
    """The views of one station's history, which is sorted by (ts_ms, source, boot, seq)."""
    calendars = _of(history, CalendarAssigned, key=lambda event: event.valid_from_ms)
    from_ms = history[0].ts_ms
    return Views(
        from_ms,
        now_ms,
        hours([(event.valid_from_ms, event.calendar) for event in calendars], from_ms, now_ms),
        _reported(history),
        _heard(history),
        _order(history),
        _operators(history),
        _classified(_of(history, StopClassified, key=lambda event: event.from_ts_ms)),
    )


def _of(history: Sequence[StationEvent], kind: type[E], key: Callable[[E], int]) -> list[E]:
    return sorted((event for event in history if isinstance(event, kind)), key=key)


def _reported(history: Sequence[StationEvent]) -> Steps[StateChanged | None]:
    """The last reported state; a source that was born again has not said anything yet."""
    steps: Steps[StateChanged | None] = Steps(None)
    for event in history:
        if isinstance(event, StationBorn):
            steps.set(event.ts_ms, None)
        elif isinstance(event, StateChanged):
            steps.set(event.ts_ms, event)
    return steps


def _heard(history: Sequence[StationEvent]) -> Steps[bool]:
    """Whether the source of the states gave a sign of life within the last three heartbeats."""
    steps = Steps(False)
    births = [event for event in history if isinstance(event, StationBorn)]
    if not births:
        return steps
    signs = [event for event in history if event.source == births[0].source]
    period_ms = {birth.boot: birth.heartbeat_ms for birth in births}
    steps.set(signs[0].ts_ms, True)
    for event, following in pairwise(signs):
        silent_ms = event.ts_ms + SILENT_PERIODS * period_ms[event.boot]
        if silent_ms < following.ts_ms:
            steps.set(silent_ms, False)
            steps.set(following.ts_ms, True)
    steps.set(signs[-1].ts_ms + SILENT_PERIODS * period_ms[signs[-1].boot], False)
    return steps


def _order(history: Sequence[StationEvent]) -> Steps[tuple[str, str]]:
    """The order in force, with its product: from its start to its own end or to the next start."""
    steps = Steps(NO_ORDER)
    current = NO_ORDER
    for event in history:
        if isinstance(event, OrderStarted):
            current = (event.order, event.product)
            steps.set(event.ts_ms, current)
        elif isinstance(event, OrderEnded) and event.order == current[0]:
            current = NO_ORDER
            steps.set(event.ts_ms, current)
    return steps


def _operators(history: Sequence[StationEvent]) -> Steps[int]:
    steps = Steps(0)
    present: set[str] = set()
    for event in history:
        if isinstance(event, OperatorSignedOn):
            present.add(event.operator)
        elif isinstance(event, OperatorSignedOff):
            present.discard(event.operator)
        else:
            continue
        steps.set(event.ts_ms, len(present))
    return steps


def _classified(events: Sequence[StopClassified]) -> Steps[StopClassified | None]:
    """The classification in force; where several cover a moment, the highest version."""
    steps: Steps[StopClassified | None] = Steps(None)
    for ms in sorted({border for event in events for border in (event.from_ts_ms, event.to_ts_ms)}):
        covering = [event for event in events if event.from_ts_ms <= ms < event.to_ts_ms]
        steps.set(ms, max(covering, key=lambda event: event.stop_version, default=None))
    return steps
