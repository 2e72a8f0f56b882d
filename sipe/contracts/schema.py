"""Writes what others read of the declarations: JSON Schema, AsyncAPI, examples, `docs/contracts.md`, `docs/metrics.md`.

    python -m sipe.contracts.schema

The files are committed; a test fails when they are not what this module would write.
"""

from __future__ import annotations

import functools
import inspect
import operator
from pathlib import Path
from typing import Any

import msgspec

from sipe import metrics
from sipe.contracts import reference
from sipe.contracts.asyncapi import asyncapi
from sipe.contracts.codec import encode
from sipe.contracts.events import STATION_EVENTS, ClockAdvanced, Event
from sipe.contracts.examples import EXAMPLES
from sipe.contracts.topics import STATION_EVENTS_TOPIC

ROOT = Path(__file__).resolve().parents[2]
GENERATED = Path("sipe/contracts/generated")
REFERENCE = Path("docs/contracts.md")
METRICS_PAGE = Path("docs/metrics.md")


def event_type(event: Event | type[Event]) -> str:
    """The `type` of an event, or of a struct of events, on the wire."""
    return str(event.__struct_config__.tag)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of every event: one union, told apart by `type`.

    Two bounds are beyond a schema, and only the codec checks them: an interval must not run backwards or last longer
    than 48 h, and a calendar's zone and dates must exist.
    """
    union: Any = functools.reduce(operator.or_, (*STATION_EVENTS, ClockAdvanced))
    schema = msgspec.json.schema(union)
    for definition in schema["$defs"].values():
        definition["description"] = inspect.cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:sipe:contracts:station-event:v1",
        "title": "Station event",
        "description": f"One message of the topic {STATION_EVENTS_TOPIC.name}. Consumers ignore unknown fields.",
        **schema,
    }


def files() -> dict[Path, str]:
    """Every generated file, by its path in the repository."""
    schema = json_schema()
    examples = {GENERATED / "examples" / f"{event_type(event)}.json": _pretty(encode(event)) for event in EXAMPLES}
    return {
        GENERATED / "station-event.schema.json": _pretty(msgspec.json.encode(schema)),
        GENERATED / "asyncapi.json": _pretty(msgspec.json.encode(asyncapi())),
        **examples,
        REFERENCE: reference.markdown(schema),
        METRICS_PAGE: metrics.markdown(),
    }


def _pretty(json: bytes) -> str:
    return msgspec.json.format(json, indent=2).decode() + "\n"


def main() -> None:
    """Write every file anew, and remove examples of types that are no more."""
    wanted = files()
    for path in (ROOT / GENERATED).rglob("*.json"):
        if path.relative_to(ROOT) not in wanted:
            path.unlink()
    for path, text in wanted.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
