"""Setup sheets and station contracts: what the line waits for, and what a station is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors.files import sheet_library
from models.production import setup as setups
from models.production.contract import contract
from models.production.order import Order
from models.production.routing import Step
from models.production.setup import Item, Setup, Tick, items_of, tick
from models.refusal import Refused
from models.sheets.compare import digest
from models.sheets.fields import Number
from models.sheets.revision import Ref
from models.sheets.template import Template

NOW_MS = 1_790_000_000_000
STATION = "manaus.final.line-1.cal-1"
STEP = msgspec.convert(
    {
        "name": "calibration",
        "stations": [STATION],
        "template": "calibration",
        "checks": [{"id": "tray", "words": {"en": "Empty the tray", "pt": "Esvaziar a bandeja"}}],
        "instructions": [
            {"id": "clamp", "words": {"en": "Clamp it", "pt": "Prender"}, "picture": "a" * 64, "confirm": True},
            {"id": "look", "words": {"en": "Look", "pt": "Olhar"}},
        ],
    },
    Step,
)
ORDER = Order(number="OP-1", product="MTR-100", routing_revision=1, planned_qty=10, line="l", serial_range="wa")


def sheet(name: str = "calibration") -> tuple[Template, dict[str, Any]]:
    return sheet_library.template(name), sheet_library.samples(name).valid


def setup_of(name: str = "calibration") -> Setup:
    template, values = sheet(name)
    told = digest(template, values)
    return Setup(
        id=1,
        order="OP-1",
        station=STATION,
        step="calibration",
        sheet=Ref("TS-1", 2),
        sheet_digest=told,
        digest=setups.digest("OP-1", STATION, "calibration", Ref("TS-1", 2), told),
        items=items_of(STEP, template, values),
    )


def done(setup: Setup, item: Item, seen: str | None = None, until_ms: int | None = NOW_MS + 1_000) -> Setup:
    return tick(setup, item.id, item.expected if seen is None else seen, Tick("ana", NOW_MS, until_ms))


def all_done(setup: Setup) -> Setup:
    for item in setup.items:
        setup = done(setup, item)
    return setup


def refusal(what: Any, *args: Any) -> str:
    with pytest.raises(Refused) as told:
        what(*args)
    return told.value.reason


def test_the_checklist_asks_for_what_the_sheet_names_and_for_what_the_step_says() -> None:
    assert [(item.id, item.kind) for item in setup_of().items] == [
        ("sheet.reference_standard", "calibrated"),
        ("check.tray", "confirm"),
        ("read.clamp", "read"),
    ]


@pytest.mark.parametrize("name", sheet_library.names())
def test_each_template_gives_a_checklist_that_can_be_done(name: str) -> None:
    setup = setup_of(name)
    assert refusal(setup.check_ready, NOW_MS) == "setup_open"
    assert all(item.expected for item in setup.items if item.kind in {"scan", "calibrated"})
    ready = all_done(setup)
    ready.check_ready(NOW_MS)
    assert (setup.status, ready.status) == ("open", "ready")


def test_the_line_waits_for_every_item() -> None:
    ready = all_done(setup_of())
    for item in ready.items:
        missing = replace(ready, ticks={key: value for key, value in ready.ticks.items() if key != item.id})
        assert refusal(missing.check_ready, NOW_MS) == "setup_open"
        assert missing.open_items == [item]


def test_another_thing_than_the_sheet_names_is_refused() -> None:
    setup = setup_of()
    standard = setup.items[0]
    assert refusal(done, setup, standard, "OTHER-1") == "wrong_thing"
    assert refusal(done, setup, standard, None, NOW_MS) == "calibration_over"
    assert refusal(done, setup, standard, None, None) == "calibration_over"
    assert refusal(tick, setup, "check.nothing", "", Tick("ana", NOW_MS)) == "no_such_item"


def test_a_calibration_that_ends_stops_the_line() -> None:
    ready = all_done(setup_of())
    ready.check_ready(NOW_MS + 999)
    assert refusal(ready.check_ready, NOW_MS + 1_000) == "calibration_over"
    done(ready, ready.items[0], None, NOW_MS + 5_000).check_ready(NOW_MS + 1_000)


def test_what_is_obsolete_starts_nothing_and_is_not_ticked() -> None:
    gone = replace(all_done(setup_of()), obsolete=True)
    assert gone.status == "obsolete"
    assert refusal(gone.check_ready, NOW_MS) == "setup_obsolete"
    assert refusal(done, gone, gone.items[0]) == "setup_obsolete"


def test_the_digest_tells_apart_all_that_a_setup_says() -> None:
    base: tuple[Any, ...] = ("OP-1", STATION, "calibration", Ref("TS-1", 1), "a" * 64)
    others = [(*base[:at], Ref("TS-1", 2) if at == 3 else "x", *base[at + 1 :]) for at in range(5)]
    digests = {setups.digest(*words) for words in [base, *others, ("OP-1" + STATION, "", *base[2:])]}
    assert len(digests) == 7


@pytest.mark.parametrize("name", sheet_library.names())
def test_a_contract_says_everything_on_the_sheet_with_units(name: str) -> None:
    template, values = sheet(name)
    told = contract(ORDER, STEP, STATION, setup=setup_of(name), template=template, values=values)
    said = {one.id for one in [*told.parameters, *told.protocol]} | {one.id for one in told.tables} | set(told.files)
    assert said == set(values)
    units = {one.id: one.unit for one in [*told.parameters, *told.protocol]}
    assert {field.id for field in template.fields if isinstance(field, Number) and field.id in values} == {
        name for name, unit in units.items() if unit
    }
    assert told.sheet is not None
    assert (told.sheet.digest, told.setup_digest) == (digest(template, values), setup_of(name).digest)
    assert [one.id for one in told.instructions] == ["clamp", "look"]
    assert msgspec.json.decode(msgspec.json.encode(told), type=type(told)) == told


def test_a_step_without_a_sheet_has_a_contract_too() -> None:
    told = contract(ORDER, STEP, STATION)
    assert (told.sheet, told.setup_digest, told.parameters, told.tables, told.files) == (None, None, [], [], {})
