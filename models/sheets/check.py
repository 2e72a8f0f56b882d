"""What is filled in, held against its template: every problem with its place, and what counts in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from models.sheets.cells import Problem, cell_problems, is_a_line, shown
from models.sheets.fields import Field, File, FileDigest, Table
from models.sheets.template import Template

Values = Mapping[str, Any]
"""What is filled in, by field: text, numbers, lists of rows, and what JSON calls objects."""


def asked_for(template: Template, values: Values) -> list[Field]:
    """The fields that are asked for, given what is filled in before them."""
    found: list[Field] = []
    known: dict[str, Any] = {}
    for field in template.fields:
        if field.when is None or (field.when.field in known and _is_one_of(known[field.when.field], field.when.values)):
            found.append(field)
            if field.id in values:
                known[field.id] = values[field.id]
            elif (default := getattr(field, "default", None)) is not None:
                known[field.id] = default
    return found


def completed(template: Template, values: Values) -> dict[str, Any]:
    """What counts: the values in the order of the template, defaults filled in. For values without a problem."""
    found: dict[str, Any] = {}
    for field in asked_for(template, values):
        if (value := values.get(field.id, getattr(field, "default", None))) is None:
            continue
        found[field.id] = [_completed_row(field, row) for row in value] if isinstance(field, Table) else value
    return found


def problems(template: Template, values: Values) -> list[Problem]:
    """Everything that is wrong, in the order of the template; nothing when the sheet can be submitted."""
    asked = {field.id: field for field in asked_for(template, values)}
    found = [
        problem
        for field in template.fields
        if field.id in asked or field.id in values
        for problem in (_of_field(field, values) if field.id in asked else [_not_asked_for(field)])
    ]
    known = {field.id for field in template.fields}
    return found + [
        Problem(shown(name), "unknown", "the template has no such field") for name in values if name not in known
    ]


def _of_field(field: Field, values: Values) -> Iterator[Problem]:
    if field.id not in values:
        if field.required and getattr(field, "default", None) is None:
            yield Problem(field.id, "missing", "it has to be filled in")
        return
    value = values[field.id]
    match field:
        case Table():
            yield from _of_table(field, value)
        case File():
            yield from _of_file(field, value)
        case _:
            yield from cell_problems(field, field.id, value)


def _not_asked_for(field: Field) -> Problem:
    assert field.when is not None  # noqa: S101  fields without a condition are always asked for
    return Problem(field.id, "not_asked_for", f"it belongs to another value of {field.when.field}")


def _of_file(field: File, value: object) -> Iterator[Problem]:
    try:
        file = msgspec.convert(value, FileDigest)
    except msgspec.ValidationError as error:
        yield Problem(field.id, "file", str(error))
        return
    if not is_a_line(file.name):
        yield Problem(field.id, "file", "its name holds characters that nobody can read")
    if file.media not in field.media:
        yield Problem(field.id, "media", f"{file.media} is none of {', '.join(field.media)}")
    if file.size_bytes > field.bytes_max:
        yield Problem(field.id, "too_big", f"{file.size_bytes} bytes, at most {field.bytes_max}")


def _of_table(field: Table, value: object) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(field.id, "type", "it has to be a list of rows")
        return
    if len(value) < field.rows_min:
        yield Problem(field.id, "rows_min", f"{len(value)} rows, at least {field.rows_min}")
    if len(value) > field.rows_max:
        yield Problem(field.id, "rows_max", f"{len(value)} rows, at most {field.rows_max}")
        return
    for at, row in enumerate(value):
        yield from _of_row(field, f"{field.id}[{at}]", row)
    keys: dict[object, int] = {}
    for at, row in enumerate(value):
        key = row.get(field.key) if isinstance(row, dict) else None
        if isinstance(key, str | int | float) and keys.setdefault(key, at) != at:
            yield Problem(f"{field.id}[{at}].{field.key}", "key_doubled", f"row {keys[key]} has {key!r}, too")


def _of_row(field: Table, path: str, row: object) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield Problem(path, "type", "it has to be a row of columns")
        return
    for column in field.columns:
        if column.id in row:
            yield from cell_problems(column, f"{path}.{column.id}", row[column.id])
        elif column.required and column.default is None:
            yield Problem(f"{path}.{column.id}", "missing", "it has to be filled in")
    known = {column.id for column in field.columns}
    for name in row:
        if name not in known:
            yield Problem(f"{path}.{shown(name)}", "unknown", "the table has no such column")


def _completed_row(table: Table, row: Values) -> dict[str, Any]:
    cells = {column.id: row.get(column.id, column.default) for column in table.columns}
    return {name: value for name, value in cells.items() if value is not None}


def _is_one_of(value: object, values: Sequence[object]) -> bool:
    return any(value == one and isinstance(value, str) == isinstance(one, str) for one in values)
