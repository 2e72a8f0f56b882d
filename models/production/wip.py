"""Work in progress: units that were under way before this system was, with the steps that they have behind them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from models.production.routing import Routing, StepName
from models.production.serials import SERIAL_PATTERN
from models.sheets.cells import Problem
from sipe.contracts.fields import Station, TimeMs

UNITS_MAX = 500


class DoneStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that a unit has passed elsewhere: when, and at which station where that is known."""

    step: StepName
    at_ms: TimeMs
    station: Station | None = None


class WipUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit under way, and what it has behind it, in order."""

    serial: Annotated[str, Meta(min_length=1, max_length=64)]
    done: Annotated[tuple[DoneStep, ...], Meta(max_length=100)] = ()


def problems(units: Sequence[WipUnit], routing: Routing, now_ms: int) -> Iterator[Problem]:
    """Everything that cannot be in a list of units, whatever is known of them."""
    serials = Counter(unit.serial for unit in units)
    for at, unit in enumerate(units):
        path = f"units[{at}]"
        if not re.fullmatch(SERIAL_PATTERN, unit.serial):
            yield Problem(f"{path}.serial", "pattern", "no serial: capital letters, digits and . / - only")
        elif serials[unit.serial] > 1:
            yield Problem(f"{path}.serial", "key_doubled", f"{unit.serial} is in the list {serials[unit.serial]} times")
        if len(unit.done) >= len(routing.operations):
            yield Problem(f"{path}.done", "rows_max", f"{unit.serial} is made: nothing of it is under way")
            continue
        yield from _of_steps(unit, routing, f"{path}.done", now_ms)


def _of_steps(unit: WipUnit, routing: Routing, path: str, now_ms: int) -> Iterator[Problem]:
    before_ms = 0
    for place, done in enumerate(unit.done):
        steps = {step.name: step for step in routing.operations[place].steps}
        where = f"{path}[{place}]"
        if done.step not in steps:
            yield Problem(f"{where}.step", "choice", f"here comes {' or '.join(steps)}, not {done.step}")
        elif done.station is not None and done.station not in steps[done.step].stations:
            yield Problem(f"{where}.station", "choice", f"{done.step} is not done at {done.station}")
        if not before_ms <= done.at_ms <= now_ms:
            yield Problem(f"{where}.at_ms", "too_high", "it lies ahead, or before the step in front of it")
        before_ms = done.at_ms
