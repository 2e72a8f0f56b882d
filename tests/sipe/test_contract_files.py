"""The committed schema, examples and reference page are what the contracts say now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sipe.contracts.codec import Reject, decode, encode
from sipe.contracts.events import STATION_EVENTS, ClockAdvanced, Event
from sipe.contracts.examples import EXAMPLES
from sipe.contracts.schema import GENERATED, ROOT, event_type, files, json_schema

SCHEMA = json_schema()
FILES = files()


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_committed_file_is_what_the_contracts_say(path: Path) -> None:
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == FILES[path], f"{path} is stale: run `make schemas` and commit what it writes"


def test_no_file_is_left_of_a_type_that_is_no_more() -> None:
    committed = {path.relative_to(ROOT) for path in (ROOT / GENERATED).rglob("*.*")}
    assert committed <= set(FILES)


def test_each_event_type_has_one_example() -> None:
    declared: tuple[type[Event], ...] = (*STATION_EVENTS, ClockAdvanced)
    assert sorted(map(event_type, EXAMPLES)) == sorted(map(event_type, declared))


@pytest.mark.parametrize("example", EXAMPLES, ids=event_type)
def test_an_example_as_committed_is_an_event(example: Event) -> None:
    committed = (ROOT / GENERATED / "examples" / f"{event_type(example)}.json").read_bytes()
    decoded = decode(committed)
    assert not isinstance(decoded, Reject), decoded.detail
    assert decoded == example
    assert decode(encode(decoded)) == decoded
    Draft202012Validator(SCHEMA).validate(json.loads(committed))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"]


@pytest.mark.parametrize("example", EXAMPLES, ids=event_type)
def test_the_schema_refuses_what_the_codec_refuses(example: Event) -> None:
    fields = json.loads(encode(example))
    broken = {
        "no type": {name: value for name, value in fields.items() if name != "type"},
        "unknown type": fields | {"type": "coffee_brewed"},
        "time as text": fields | {"now_ms" if isinstance(example, ClockAdvanced) else "ts_ms": "06:00"},
    }
    for what, message in broken.items():
        assert isinstance(decode(json.dumps(message).encode()), Reject), what
        assert not Draft202012Validator(SCHEMA).is_valid(message), what
