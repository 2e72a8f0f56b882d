"""What people around a station do: operators sign on and off, the office corrects what was reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from models.twin.drafts import Draft, Span, Stop
from models.twin.hours import Hours
from sipe.contracts.events import (
    CycleCompleted,
    OperatorSignedOff,
    OperatorSignedOn,
    StopClassified,
    UnitReclassified,
)

MINUTE_MS = 60_000
LONG_BREAK_MS = 30 * MINUTE_MS
"""Operators sign off for a meal, not for a coffee."""

CAUSES = ("material missing", "quality problem upstream", "operator training", "tool change", "network down")
CORRECTIONS = {"good": ("scrap", "rework"), "rework": ("scrap", "good"), "scrap": ("rework",)}


def attendance(hours: Hours, operators: int, span: Span, random: Random) -> list[Draft]:
    """Sign-ons and sign-offs of a station's operators, who are a little early or late."""
    drafts = []
    for number, (start_ms, end_ms, shift) in enumerate(_presences(hours, span)):
        for place in range(1, operators + 1):
            operator = {"operator": f"{shift.rpartition('/')[2].lower()}-{place}", "role": "operator"}
            on_ms = max(span.from_ms + 1_000 + number, start_ms + random.randint(-90_000, 150_000))
            off_ms = min(span.to_ms - 1_000, end_ms + random.randint(-90_000, 60_000))
            if off_ms - on_ms > MINUTE_MS:
                drafts.append(Draft(on_ms, OperatorSignedOn, operator))
                drafts.append(Draft(off_ms, OperatorSignedOff, operator))
    return drafts


def _presences(hours: Hours, span: Span) -> Iterator[tuple[int, int, str]]:
    """The spans of each shift between long breaks."""
    current: tuple[int, int, str] | None = None
    for start_ms, end_ms, shift, planned in hours.spans(*span):
        attended = shift != "" and (planned or end_ms - start_ms < LONG_BREAK_MS)
        if attended and current is not None and current[2] == shift:
            current = (current[0], end_ms, shift)
            continue
        if current is not None:
            yield current
        current = (start_ms, end_ms, shift) if attended else None
    if current is not None:
        yield current


def classifications(stops: Sequence[Stop], to_ms: int, random: Random) -> list[Draft]:
    """Reasons that a supervisor gives to some of the longer stops, later; one in four is corrected once more."""
    drafts = []
    for stop in stops:
        if stop.to_ms - stop.from_ms < MINUTE_MS or random.random() < 0.6:
            continue
        told_ms = stop.to_ms + random.randint(2 * MINUTE_MS, 25 * MINUTE_MS)
        end_ms = stop.to_ms if random.random() < 0.7 else (stop.from_ms + stop.to_ms) // 2
        for stop_version in (1, 2) if random.random() < 0.25 else (1,):
            cause = {
                "from_ts_ms": stop.from_ms,
                "to_ts_ms": end_ms,
                "stop_version": stop_version,
                "reason": random.choice(CAUSES),
                "by": f"supervisor-{stop_version}",
            }
            if told_ms < to_ms:
                drafts.append(Draft(told_ms, StopClassified, cause))
            told_ms += random.randint(MINUTE_MS, 10 * MINUTE_MS)
    return drafts


def reclassifications(cycles: Sequence[CycleCompleted], to_ms: int, random: Random) -> list[Draft]:
    """Late quality decisions on units that the store knows; each unit is decided on at most once."""
    drafts = []
    for cycle in cycles:
        decided_ms = cycle.ts_ms + random.randint(10 * MINUTE_MS, 90 * MINUTE_MS)
        if cycle.serial is None or decided_ms >= to_ms or random.random() > 0.01:
            continue
        decision = {
            "serial": cycle.serial,
            "order": cycle.order,
            "product": cycle.product,
            "step": cycle.step,
            "attempt": cycle.attempt,
            "cycle_ts_ms": cycle.ts_ms,
            "result_before": cycle.result,
            "result": random.choice(CORRECTIONS[cycle.result]),
            "reason": "decision of the review board",
            "by": "quality-1",
        }
        drafts.append(Draft(decided_ms, UnitReclassified, decision))
    return drafts


def hand_counts(cycles: Sequence[CycleCompleted], random: Random) -> list[Draft]:
    """An operator's own count beside the machine's, with a miscount now and then: a cross-check, never added."""
    drafts = []
    for cycle in cycles[::10]:
        count = {
            "order": cycle.order,
            "product": cycle.product,
            "step": cycle.step,
            "qty": cycle.qty * 10 - (random.random() < 0.2),
            "result": "good",
            "cycle_ms": 0,
        }
        drafts.append(Draft(cycle.ts_ms + random.randint(2_000, 9_000), CycleCompleted, count))
    return drafts
