"""A template as JSON Schema (draft 2020-12), for other programs.

It asks for all that `check.problems` asks for but three things: how many decimals a number has, that the keys of a
table differ, and that every character is one that people can read.
"""

from __future__ import annotations

from typing import Any

from models.sheets.cells import REFERENCE_PATTERN
from models.sheets.fields import FILE_NAME_PATTERN, Cell, Choice, Condition, Field, File, Number, Reference, Table, Text
from models.sheets.template import Template
from sipe.contracts.fields import SHA256_PATTERN

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_END = r"$(?!\n)"
_LINE = r"^[^\x00-\x1f\x7f]*" + _END


def json_schema(template: Template) -> dict[str, Any]:
    """What a filled-in sheet of this template has to be like."""
    fields = {field.id: field for field in template.fields}
    conditional = [field for field in template.fields if field.when is not None]
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:sipe:template:{template.name}:{template.version}",
        "title": template.title.en,
        "description": template.purpose.en,
        "type": "object",
        "properties": {field.id: _of_field(field) for field in template.fields},
        "required": [field.id for field in template.fields if _is_needed(field) and field.when is None],
        "additionalProperties": False,
    }
    if conditional:
        schema["allOf"] = [_when(field, field.when, fields) for field in conditional if field.when]
    return schema


def _is_needed(field: Field | Cell) -> bool:
    return field.required and getattr(field, "default", None) is None


def _when(field: Field, condition: Condition, fields: dict[str, Field]) -> dict[str, Any]:
    then: dict[str, Any] = {"required": [field.id]} if _is_needed(field) else {}
    return {"if": _holds(condition, fields), "then": then, "else": {"properties": {field.id: False}}}


def _holds(condition: Condition, fields: dict[str, Field]) -> dict[str, Any]:
    """That a condition holds: the field it looks at is asked for, and is one of the values, by default too."""
    asked = fields[condition.field]
    has_value: dict[str, Any] = {"properties": {asked.id: {"enum": list(condition.values)}}}
    if getattr(asked, "default", None) not in condition.values:
        has_value["required"] = [asked.id]
    return has_value if asked.when is None else {"allOf": [has_value, _holds(asked.when, fields)]}


def _of_field(field: Field) -> dict[str, Any]:
    match field:
        case Table():
            return _described(field) | {
                "type": "array",
                "minItems": field.rows_min,
                "maxItems": field.rows_max,
                "items": {
                    "type": "object",
                    "properties": {column.id: _of_cell(column) for column in field.columns},
                    "required": [column.id for column in field.columns if _is_needed(column)],
                    "additionalProperties": False,
                },
            }
        case File():
            return _described(field) | {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": FILE_NAME_PATTERN},
                    "media": {"enum": list(field.media)},
                    "size_bytes": {"type": "integer", "minimum": 1, "maximum": field.bytes_max},
                    "sha256": {"type": "string", "pattern": SHA256_PATTERN},
                },
                "required": ["name", "media", "size_bytes", "sha256"],
                "additionalProperties": False,
            }
        case _:
            return _of_cell(field)


def _of_cell(field: Cell) -> dict[str, Any]:
    described = _described(field)
    if field.default is not None:
        described["default"] = field.default
    match field:
        case Number():
            described |= {"type": "number", "minimum": field.low, "maximum": field.high, "x-unit": field.unit}
            return described | ({"multipleOf": 1} if field.decimals == 0 else {})
        case Text():
            pattern = f"^(?:{field.pattern}){_END}" if field.pattern else _LINE
            return described | {"type": "string", "maxLength": field.chars_max, "pattern": pattern}
        case Choice():
            return described | {"enum": [option.value for option in field.options]}
        case Reference():
            return described | {"type": "string", "pattern": f"^{REFERENCE_PATTERN}{_END}", "x-reference": field.to}


def _described(field: Field | Cell) -> dict[str, Any]:
    return {"title": field.label.en, "description": field.help.en}
