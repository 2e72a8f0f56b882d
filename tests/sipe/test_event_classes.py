"""Each type of event is of one class, and what is known of a unit is never of the one that may be dropped."""

from __future__ import annotations

from sipe.contracts.event_classes import EVENT_CLASSES, TYPES, class_of
from sipe.contracts.events import STATION_EVENTS, StationEvent
from sipe.contracts.examples import EXAMPLES


def test_each_type_is_of_one_class() -> None:
    declared = [event_type for types in TYPES.values() for event_type in types]
    assert len(declared) == len(set(declared))
    assert set(declared) == set(STATION_EVENTS)
    assert tuple(TYPES) == EVENT_CLASSES


def test_what_names_a_unit_or_a_person_is_kept() -> None:
    traces = {"serial", "parent", "child", "operator", "by", "lot", "decision_id"}
    for event_type in STATION_EVENTS:
        if traces & set(event_type.__struct_fields__):
            assert event_type in TYPES["traceability"], event_type


def test_an_event_has_the_class_of_its_type() -> None:
    events = [event for event in EXAMPLES if isinstance(event, StationEvent)]
    assert {class_of(event) for event in events} == set(EVENT_CLASSES)
    assert all(type(event) in TYPES[class_of(event)] for event in events)
