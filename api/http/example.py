"""Examples of declared shapes: made from a shape's JSON Schema, with the words of a table where they fit.

So a new field has an example without a word more, as long as its name or its schema says enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_WHEN_MS = 1_772_449_200_000
"""2026-03-02T07:00 in Manaus (UTC-4)."""
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Examples:
    """Makes examples of shapes; `known` is by `Shape.field`, by field or by `Shape`, and wins in that order."""

    def __init__(self, components: Mapping[str, Json], known: Mapping[str, Any], texts: tuple[str, ...]) -> None:
        """`texts` are tried, in order, where only a pattern says what a text is like."""
        self._components = components
        self._known = known
        self._texts = (*texts, _SHA256)

    def of(self, schema: Json, path: str = "") -> Any:
        """An example of a schema; `path` says where it is, such as `NewOrder.line`."""
        name = path.rpartition(".")[2]
        for key in (path, name):
            if key in self._known and _fits(self._known[key], schema):
                return self._known[key]
        if "$ref" in schema:
            return self._of_component(schema["$ref"].rpartition("/")[2])
        if options := [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]:
            return self.of(options[0], path)
        if "examples" in schema:
            return schema["examples"][0]
        if "enum" in schema:
            return schema["enum"][0]
        return self._plain(schema, path, name)

    def _of_component(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        return self._plain(self._components[name], name, "")

    def _plain(self, schema: Json, path: str, name: str) -> Any:
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                return {field: self.of(of_field, f"{path}.{field}") for field, of_field in fields.items()}
            case "array" if "prefixItems" in schema:
                return [self.of(item) for item in schema["prefixItems"]]
            case "array":
                return [self.of(schema.get("items", {}), f"{path}[]")] * max(1, schema.get("minItems", 1))
            case "integer" | "number":
                return _WHEN_MS if name.endswith("_ms") else max(1, schema.get("minimum", 1))
            case "boolean":
                return schema.get("default", True)
            case "string":
                return self._text(schema, path)
            case _:
                return "anything"

    def _text(self, schema: Json, path: str) -> str:
        fits = re.compile(schema.get("pattern", ""))
        for text in self._texts:
            if fits.search(text) and len(text) <= schema.get("maxLength", len(text)):
                return text
        raise ValueError(f"{path} needs an example in api/v1/examples.py: no known text is like {fits.pattern}")


def _fits(value: Any, schema: Json) -> bool:
    """Whether a known value is of the type of a schema, and like its pattern; the tests check the rest."""
    if "anyOf" in schema:
        return any(_fits(value, option) for option in schema["anyOf"])
    if "$ref" in schema:
        return isinstance(value, dict)
    if "enum" in schema:
        return value in schema["enum"]
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    return isinstance(value, _TYPES.get(schema.get("type", ""), object)) and (
        schema.get("type") == "boolean" or not isinstance(value, bool)
    )


_TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "string": str,
    "null": type(None),
}
