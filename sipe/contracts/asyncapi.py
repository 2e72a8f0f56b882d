"""The AsyncAPI 3 description of the topics: what travels on each, with an example of every message."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from sipe.contracts.access import ACCESS
from sipe.contracts.change_kinds import CHANGE_KINDS
from sipe.contracts.changes import POSITION_HEADER, Anchor, Change
from sipe.contracts.codec import encode
from sipe.contracts.events import STATION_EVENTS, ClockAdvanced, Event
from sipe.contracts.examples import EXAMPLES
from sipe.contracts.letters import LetterHeaders
from sipe.contracts.topics import (
    AUDIT_ANCHORS_TOPIC,
    CHANGES_TOPIC,
    STATION_EVENTS_DLQ_TOPIC,
    STATION_EVENTS_TOPIC,
    TOPICS,
    Topic,
)

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_WHEN_MS = 1_772_449_200_000
_LINE = "manaus.final.line-1"
_CHANGES: tuple[Json, ...] = (
    {"kind": "order_changed", "on": "order/OP-4711", "at_ms": _WHEN_MS, "line": _LINE, "action": "release"},
    {
        "kind": "unit_failed",
        "on": "unit/WA000001",
        "at_ms": _WHEN_MS,
        "station": f"{_LINE}.cal-1",
        "step": "calibration",
    },
    {"kind": "sheet_revoked", "on": "sheet/TS-7/1", "at_ms": _WHEN_MS, "product": "MTR-100", "stopped_qty": 24},
)
_ANCHOR = Anchor(seq=815, seal="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", at_ms=_WHEN_MS)
_LETTER = LetterHeaders(
    reason="clock_unset",
    detail="ts_ms is before 2010",
    topic=STATION_EVENTS_TOPIC.name,
    epoch=1,
    partition=2,
    offset=81_593,
    record_ts_ms=_WHEN_MS,
    at_ms=_WHEN_MS,
    app_version="0.1.0",
)


def asyncapi() -> Json:
    """The description."""
    types: list[Any] = [*STATION_EVENTS, ClockAdvanced, Change, Anchor, LetterHeaders]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in schemas.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    # Its kinds are declared beside it: a consumer may meet one that is newer than this.
    schemas["Change"]["properties"]["kind"]["examples"] = sorted(CHANGE_KINDS)
    schemas["LetterHeaders"]["properties"] = {
        name: _as_text(field) for name, field in schemas["LetterHeaders"]["properties"].items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SIPE topics",
            "version": "1",
            "description": "What SIPE says and hears over Kafka; docs/contracts.md says the same for people.",
        },
        "defaultContentType": "application/json",
        "channels": {_id(topic): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": {**_events(), **_others()}, "schemas": schemas},
    }


def _id(topic: Topic) -> str:
    return topic.name.replace(".", "_").replace("-", "_")


def _messages(topic: Topic) -> Iterable[str]:
    return {
        STATION_EVENTS_TOPIC.name: _events(),
        STATION_EVENTS_DLQ_TOPIC.name: ("DeadLetter",),
        CHANGES_TOPIC.name: ("Change",),
        AUDIT_ANCHORS_TOPIC.name: ("Anchor",),
    }[topic.name]


def _channel(topic: Topic) -> Json:
    kafka = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": ["compact" if topic.compacted else "delete"],
            "retention.ms": topic.retention_ms,
            "max.message.bytes": int(topic.settings(1)["max.message.bytes"]),
        },
        "bindingVersion": "0.5.0",
    }
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {"kafka": kafka},
    }


def _operations() -> Iterable[tuple[str, Json]]:
    """Who may write to a topic sends; who may read receives: the same entries as the broker's access list."""
    topics = {topic.name: topic for topic in TOPICS}
    for entry in ACCESS:
        if entry.kind != "topic" or entry.operation == "describe":
            continue
        action = "send" if entry.operation == "write" else "receive"
        channel = _id(topics[entry.resource])
        name = f"{entry.principal.replace('-', '_')}_{action}s_{channel}"
        yield name, {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "title": entry.principal}


def _events() -> dict[str, Json]:
    return {type(event).__name__: _event(event) for event in EXAMPLES}


def _event(event: Event) -> Json:
    name = type(event).__name__
    key = {"type": "null"} if isinstance(event, ClockAdvanced) else {"type": "string", "description": "The station."}
    return {
        "name": str(event.__struct_config__.tag),
        "title": name,
        "payload": {"$ref": _REF.format(name=name)},
        "examples": [{"payload": msgspec.json.decode(encode(event))}],
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _others() -> dict[str, Json]:
    position = {"type": "string", "pattern": "^[0-9]{1,19}$", "description": "Counts up without gaps."}
    on = {"type": "string", "description": "What has changed, such as order/OP-4711."}
    return {
        "Change": {
            "name": "change",
            "title": "Change",
            "description": "\n".join(f"- `{kind}`: {words}" for kind, words in CHANGE_KINDS.items()),
            "headers": {"type": "object", "properties": {POSITION_HEADER: position}, "required": [POSITION_HEADER]},
            "payload": {"$ref": _REF.format(name="Change")},
            "examples": [
                {"headers": {POSITION_HEADER: str(at)}, "payload": change} for at, change in enumerate(_CHANGES, 1)
            ],
            "bindings": {"kafka": {"key": on, "bindingVersion": "0.5.0"}},
        },
        "Anchor": {
            "name": "anchor",
            "title": "Anchor",
            "payload": {"$ref": _REF.format(name="Anchor")},
            "examples": [{"payload": msgspec.to_builtins(_ANCHOR)}],
        },
        "DeadLetter": {
            "name": "dead_letter",
            "title": "Dead letter",
            "description": "Key and value of the record that was rejected, untouched; why, is in the headers.",
            "contentType": "application/octet-stream",
            "headers": {"$ref": _REF.format(name="LetterHeaders")},
            "payload": {"type": "string", "format": "binary"},
            "examples": [
                {
                    "headers": {name: str(value) for name, value in msgspec.to_builtins(_LETTER).items()},
                    "payload": '{"type":"heartbeat"',
                }
            ],
        },
    }


def _as_text(field: Json) -> Json:
    """A header as it travels: text, whatever is in it."""
    if field.get("type") != "integer":
        return field
    return {"type": "string", "pattern": "^[0-9]{1,19}$", "description": field.get("description", "")}
