"""The AsyncAPI description says what travels: its examples are right, and no kind of change is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from sipe.contracts.asyncapi import asyncapi
from sipe.contracts.change_kinds import CHANGE_KINDS
from sipe.contracts.changes import Change
from sipe.contracts.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = asyncapi()
MESSAGES: dict[str, dict[str, Any]] = DESCRIPTION["components"]["messages"]


def refs(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from [inner] if name == "$ref" else refs(inner)
        case list():
            for inner in value:
                yield from refs(inner)


def at(ref: str) -> Any:
    found: Any = DESCRIPTION
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found


def told() -> Iterator[str]:
    """The kinds of changes that the code tells: the first words of every `tell`, and of every choice between two."""
    for path in (ROOT / "connectors" / "sql").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tell":
                texts = [one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
                yield from ("bom_added", "routing_added") if texts == ["_added"] else map(str, texts)


def test_every_topic_is_a_channel_and_every_reference_leads_somewhere() -> None:
    assert [channel["address"] for channel in DESCRIPTION["channels"].values()] == [topic.name for topic in TOPICS]
    found = list(refs(DESCRIPTION))
    assert found
    for ref in found:
        assert isinstance(at(ref), dict), ref


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_of_a_message_are_what_its_schemas_ask_for(name: str) -> None:
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        for part in set(message) & {"payload", "headers"}:
            schema = {**message[part], "components": DESCRIPTION["components"]}
            Draft202012Validator(schema).validate(example[part])


def test_every_kind_of_change_that_is_told_is_described_and_no_other() -> None:
    assert set(told()) == set(CHANGE_KINDS), "say what it is in sipe/contracts/change_kinds.py, and `make schemas`"


def test_the_examples_of_changes_are_changes() -> None:
    for example in MESSAGES["Change"]["examples"]:
        assert msgspec.convert(example["payload"], Change).kind in CHANGE_KINDS
