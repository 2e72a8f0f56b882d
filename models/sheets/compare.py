"""What is different between two sheets, and what tells them apart: the digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from models.sheets.check import Values, completed
from models.sheets.fields import Table
from models.sheets.template import Template


class Change(NamedTuple):
    """A value that is different; None where there was none, or is none any more."""

    path: str
    before: Any
    after: Any


def digest(template: Template, values: Values) -> str:
    """SHA-256, in hexadecimal, of the template's name and version and of all that counts on the sheet.

    The same sheet has the same digest on every machine: defaults are written out, keys sorted, and 5 is 5.0.
    """
    told = {"template": template.name, "version": template.version, "values": plain(completed(template, values))}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changes(template: Template, before: Values, after: Values) -> list[Change]:
    """What a sheet says differently than another one of the same template; rows of a table are known by their key."""
    old, new = completed(template, before), completed(template, after)
    found: list[Change] = []
    for field in template.fields:
        was, is_now = old.get(field.id), new.get(field.id)
        if isinstance(field, Table):
            found += _of_rows(field, was or [], is_now or [])
        elif was != is_now:
            found.append(Change(field.id, was, is_now))
    return found


def _of_rows(table: Table, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Change]:
    old, new = ({row[table.key]: row for row in rows} for rows in (before, after))
    for key in [*old, *(key for key in new if key not in old)]:
        path = f"{table.id}[{key}]"
        was, is_now = old.get(key), new.get(key)
        if was is None or is_now is None:
            yield Change(path, was, is_now)
            continue
        for column in table.columns:
            if was.get(column.id) != is_now.get(column.id):
                yield Change(f"{path}.{column.id}", was.get(column.id), is_now.get(column.id))


def plain(value: Any) -> Any:
    """JSON whose whole numbers have no point: 5 is 5.0."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
