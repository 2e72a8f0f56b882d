from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from models.plant import Plant, parse_plant, plant_events
from sipe.contracts.codec import decode, encode
from sipe.contracts.events import CalendarAssigned, CountingAuthoritySet, StandardTimeSet
from sipe.errors import UsageError

EXAMPLE = tomllib.loads((Path(__file__).resolve().parents[2] / "examples/plant.toml").read_text(encoding="utf-8"))


def document() -> dict[str, Any]:
    return copy.deepcopy(EXAMPLE)


def small() -> dict[str, Any]:
    return {
        "name": "Two benches",
        "calendars": {
            "day": {
                "zone": "America/Manaus",
                "shifts": [{"name": "A", "start": "06:00", "end": "14:00"}],
                "planned_stops": [
                    {
                        "from": tomllib.loads("t = 2026-03-02T09:00:00")["t"],
                        "to": tomllib.loads("t = 2026-03-02T13:30:00Z")["t"],
                        "reason": "maintenance",
                    }
                ],
                "exceptions": [{"date": tomllib.loads("d = 2026-04-21")["d"]}],
            }
        },
        "stations": [
            {
                "id": "a.b.c.bench-1",
                "display": "Bench 1",
                "role": "calibration",
                "calendar": "day",
                "counting": "device",
                "planned_cycle_ms": {"calibrate": {"mono": 12_000, "poly": 15_000}},
            },
            {
                "id": "a.b.c.bench-2",
                "display": "Bench 2",
                "role": "calibration",
                "calendar": "day",
                "planned_cycle_ms": {"calibrate": {}},
            },
        ],
    }


def test_the_example_is_a_meter_factory() -> None:
    plant = parse_plant(document())
    assert len(plant.stations) >= 12
    assert len(plant.products) == 2
    assert {calendar.zone for calendar in plant.calendars.values()} == {"America/Manaus"}


def test_a_planned_stop_without_offset_is_local_and_with_offset_as_it_stands() -> None:
    calendar = parse_plant(small()).calendars["day"]
    (stop,) = calendar.planned_stops
    assert (stop.from_ms, stop.to_ms) == (1_772_456_400_000, 1_772_458_200_000)  # 13:00Z and 13:30Z
    assert calendar.exceptions[0].date == "2026-04-21"


def test_events_carry_the_whole_plant_station_by_station() -> None:
    plant: Plant = parse_plant(small())
    events = plant_events(plant, 5_000, boot=7, first_seq=3, valid_from_ms=1_000)
    assert [(event.station[-1], event.seq, type(event)) for event in events] == [
        ("1", 3, CalendarAssigned),
        ("1", 4, StandardTimeSet),
        ("1", 5, StandardTimeSet),
        ("1", 6, CountingAuthoritySet),
        ("2", 3, CalendarAssigned),
    ]
    assert all((event.source, event.boot, event.ts_ms) == ("plant", 7, 5_000) for event in events)
    assert all(getattr(event, "valid_from_ms") == 1_000 for event in events)  # noqa: B009
    assert [decode(encode(event)) for event in events] == events


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("statoins",), [], "top level: Object contains unknown field `statoins`"),
        (("stations", 0, "heartbeat_ms"), 5, "stations[0].heartbeat_ms: "),
        (("stations", 1, "id"), "Bench 2", "stations[1].id: "),
        (("stations", 1, "id"), "a.b.c.bench-1", "stations[1].id: a.b.c.bench-1 is there twice"),
        (("stations", 1, "calendar"), "night", "stations[1].calendar: no calendar 'night'; there is day"),
        (("stations", 0, "planned_cycle_ms", "calibrate", "poly"), -1, "stations[0].planned_cycle_ms.calibrate.poly: "),
        (("stations", 0, "planned_cycle_ms"), {}, "stations[0].planned_cycle_ms: "),
        (("calendars", "day", "zone"), "America/Manau", "calendars.day.zone: unknown time zone 'America/Manau'"),
        (("calendars", "day", "zone"), "../etc/passwd", "calendars.day.zone: unknown time zone"),
        (("calendars", "day", "shifts", 0, "start"), "6am", "calendars.day.shifts[0].start: "),
        (("calendars", "day", "planned_stops", 0, "to"), small()["calendars"]["day"]["planned_stops"][0]["from"],
         "calendars.day.planned_stops[0]: planned stop must end after it starts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_table_and_key(path: tuple[str | int, ...], value: object, place: str) -> None:
    wrong = small()
    entry: Any = wrong
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    with pytest.raises(UsageError) as caught:
        parse_plant(wrong)
    assert str(caught.value).startswith(place)
    assert "\n" not in str(caught.value)
