"""Setup sheets: an approved technical sheet at work, for one order at one station, and the checklist before it starts.

A setup sheet derives its parameters from the technical sheet and never changes them; it carries that sheet's digest.
What the sheet names (a fixture, a program, a bench) is scanned; what measures shows that its calibration is valid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from models.production.routing import Step
from models.refusal import Refused
from models.sheets.check import asked_for
from models.sheets.fields import File, Reference, Words
from models.sheets.revision import Ref
from models.sheets.template import Template

Status = Literal["open", "ready", "obsolete"]
ItemKind = Literal["scan", "calibrated", "confirm", "read"]

SCANNED = frozenset({"fixture", "program", "label"})
MEASURES = frozenset({"equipment", "standard"})


class Item(NamedTuple):
    """A line of the checklist. `scan` and `calibrated` expect a text: the number on the thing itself."""

    id: str
    kind: ItemKind
    words: Words
    expected: str = ""


class Tick(NamedTuple):
    """That somebody did it, and for equipment until when its calibration holds."""

    by: str
    at_ms: int
    valid_until_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A setup sheet as it stands."""

    id: int
    order: str
    station: str
    step: str
    sheet: Ref
    sheet_digest: str
    digest: str
    """What stations, events and caches know it by; of what it says, not of who has ticked what."""
    items: tuple[Item, ...]
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    obsolete: bool = False
    version: int = 1

    @property
    def open_items(self) -> list[Item]:
        """What is still to be done."""
        return [item for item in self.items if item.id not in self.ticks]

    @property
    def status(self) -> Status:
        """The line starts when it is ready."""
        if self.obsolete:
            return "obsolete"
        return "open" if self.open_items else "ready"

    def check_ready(self, now_ms: int) -> None:
        """Raise `Refused` unless the line may start, or go on, under this setup."""
        if self.obsolete:
            raise Refused("setup_obsolete", f"{self.sheet} is not in force any more: set {self.station} up anew")
        if missing := self.open_items:
            names = ", ".join(item.words.en for item in missing[:3])
            raise Refused("setup_open", f"{len(missing)} items of the checklist are open: {names}")
        for item in self.items:
            until_ms = self.ticks[item.id].valid_until_ms
            if until_ms is not None and until_ms <= now_ms:
                raise Refused("calibration_over", f"the calibration of {item.expected} is over: calibrate, tick anew")


def items_of(step: Step, template: Template, values: Mapping[str, Any]) -> tuple[Item, ...]:
    """The checklist of a step that a sheet describes."""
    return (
        *_of_sheet(template, values),
        *(Item(f"check.{check.id}", "confirm", check.words) for check in step.checks),
        *(Item(f"read.{one.id}", "read", one.words) for one in step.instructions if one.confirm),
    )


def digest(order: str, station: str, step: str, sheet: Ref, sheet_digest: str) -> str:
    """SHA-256, in hexadecimal, of what a setup sheet says: which approved sheet is at work where, for which order.

    A revision that says again what an earlier one said is another one: the earlier may have been revoked.
    """
    told = json.dumps([order, station, step, *sheet, sheet_digest], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def tick(setup: Setup, item_id: str, seen: str, tick: Tick) -> Setup:
    """The setup with an item done, or done anew; raises `Refused`."""
    if setup.obsolete:
        raise Refused("setup_obsolete", f"{setup.sheet} is not in force any more")
    item = next((item for item in setup.items if item.id == item_id), None)
    if item is None:
        raise Refused("no_such_item", "the checklist has no such item")
    if item.kind in {"scan", "calibrated"} and seen != item.expected:
        raise Refused("wrong_thing", f"{item.words.en}: the sheet asks for {item.expected}")
    if item.kind == "calibrated" and (tick.valid_until_ms is None or tick.valid_until_ms <= tick.at_ms):
        raise Refused("calibration_over", f"the calibration of {item.expected} is not valid now")
    kept = tick if item.kind == "calibrated" else tick._replace(valid_until_ms=None)
    return replace(setup, ticks={**setup.ticks, item_id: kept})


def _of_sheet(template: Template, values: Mapping[str, Any]) -> Iterator[Item]:
    for asked in asked_for(template, values):
        value = values.get(asked.id, getattr(asked, "default", None))
        if value is None:
            continue
        match asked:
            case Reference(to=to) if to in SCANNED:
                yield Item(f"sheet.{asked.id}", "scan", asked.label, value)
            case Reference(to=to) if to in MEASURES:
                yield Item(f"sheet.{asked.id}", "calibrated", asked.label, value)
            case File() if _is_a_program(asked):
                yield Item(f"sheet.{asked.id}", "scan", asked.label, value["sha256"])


def _is_a_program(file: File) -> bool:
    """A file that a machine loads; pictures and certificates are for people."""
    return not any(media.startswith("image/") or media == "application/pdf" for media in file.media)
