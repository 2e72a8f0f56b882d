"""Every event that can be built travels: encode, decode, and it is the same event, which the JSON Schema admits too."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import inspect

from sipe.contracts.calendar import PlannedStop
from sipe.contracts.codec import build, decode, encode
from sipe.contracts.events import STATION_EVENTS, ClockAdvanced, IntervalReported, StopClassified
from sipe.contracts.fields import INTERVAL_MS_MAX, TS_MS_MAX
from sipe.contracts.schema import json_schema

EVENT_TYPES = (*STATION_EVENTS, ClockAdvanced)
SCHEMA = json_schema()

LIST_LENGTH_MAX = 4
"""Enough to tell one from many."""

PRINTABLE = st.characters(codec="utf-8", exclude_characters=[*map(chr, range(0x20)), "\x7f"])
FREE_TEXT = re.compile(re.escape(r"^[^\x00-\x1f\x7f]{") + r"(\d+),(\d+)}")

# What bounds alone do not say: the field's values, and the pairs of fields that span an interval.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "zone": st.sampled_from(["UTC", "America/Manaus", "Europe/Lisbon", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    "date": st.dates().map(lambda day: day.isoformat()),
}
SPANS = {
    IntervalReported: ("from_ts_ms", "ts_ms"),
    StopClassified: ("from_ts_ms", "to_ts_ms"),
    PlannedStop: ("from_ms", "to_ms"),
}


def values(type_: inspect.Type) -> st.SearchStrategy[Any]:
    """Plain values that the contract allows for a type, its bounds included."""
    match type_:
        case inspect.Metadata(type=inner):
            return values(inner)
        case inspect.UnionType(types=options):
            return st.one_of([values(option) for option in options])
        case inspect.LiteralType(values=options):
            return st.sampled_from(options)
        case inspect.VarTupleType(item_type=item, min_length=low, max_length=high):
            longest = min(high or LIST_LENGTH_MAX, LIST_LENGTH_MAX)
            return st.lists(values(item), min_size=low or 0, max_size=longest)
        case inspect.StrType(pattern=str(pattern)):
            return texts(pattern)
        case inspect.IntType(ge=low, le=high):
            return st.integers(low, high)
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.StructType(cls=cls):
            return fields(cls)
    raise NotImplementedError(type_)


def texts(pattern: str) -> st.SearchStrategy[str]:
    """Texts of a pattern; those that only bound the length are many, so they are made without a regex."""
    if free := FREE_TEXT.match(pattern):
        return st.text(PRINTABLE, min_size=int(free[1]), max_size=int(free[2]))
    return st.from_regex(pattern).filter(re.compile(pattern).search)


@functools.cache
def fields(cls: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of a struct; those with a default may be left out."""
    struct = inspect.type_info(cls)
    assert isinstance(struct, inspect.StructType)
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in struct.fields:
        chosen = required if field.required else optional
        chosen[field.name] = VALUES[field.name] if field.name in VALUES else values(field.type)
    if struct.tag is not None:
        required["type"] = st.just(struct.tag)
    drawn = st.fixed_dictionaries(required, optional=optional)
    return st.builds(operator.or_, drawn, spans(*SPANS[cls])) if cls in SPANS else drawn


def spans(start: str, end: str) -> st.SearchStrategy[dict[str, Any]]:
    """Two times that are as far apart as an interval may be."""
    lengths_ms = st.integers(1, INTERVAL_MS_MAX)
    starts_ms = st.integers(0, TS_MS_MAX - INTERVAL_MS_MAX)
    return st.builds(lambda start_ms, length_ms: {start: start_ms, end: start_ms + length_ms}, starts_ms, lengths_ms)


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=lambda cls: cls.__struct_config__.tag)
@given(data=st.data())
def test_an_event_survives_the_wire(cls: type[msgspec.Struct], data: st.DataObject) -> None:
    event = build(data.draw(fields(cls)))
    raw = encode(event)
    assert type(event) is cls
    assert decode(raw) == event
    assert encode(event) == raw
    definition = {"$ref": f"#/$defs/{cls.__name__}", "$defs": SCHEMA["$defs"]}
    assert Draft202012Validator(definition).is_valid(msgspec.json.decode(raw))
