"""Templates: a version of a form. It never changes; what is mended is a version of its own."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from models.sheets.cells import cell_problems
from models.sheets.fields import Cell, Choice, Field, File, Number, Table, Text, Words


class TemplateError(ValueError):
    """A template that cannot work; names the template, the field and what is wrong with it."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that belong together, under a heading."""

    title: Words
    fields: Annotated[tuple[Field, ...], Meta(min_length=1, max_length=100)]


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a template."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,47}$(?!\n)")]
    version: Annotated[int, Meta(ge=1)]
    title: Words
    purpose: Words
    sections: Annotated[tuple[Section, ...], Meta(min_length=1, max_length=20)]

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in the order in which they are asked for."""
        return tuple(field for section in self.sections for field in section.fields)


def template_of(given: object) -> Template:
    """A template from plain values, such as TOML gives them; raises `TemplateError`."""
    try:
        template = msgspec.convert(given, Template)
    except msgspec.ValidationError as error:
        raise TemplateError(str(error)) from error
    for _, words in flaws(template):
        raise TemplateError(f"template {template.name!r}: {words}")
    return template


def flaws(template: Template) -> Iterator[tuple[str, str]]:
    """Why a template cannot work: where, as a JSON pointer into it, and in words."""
    yield from (("/sections", words) for words in _doubled(template.fields, "the template"))
    known: dict[str, Field] = {}
    for at, section in enumerate(template.sections):
        for place, field in enumerate(section.fields):
            for problem in (*_problems_of(field), *_problems_of_condition(field, known)):
                yield f"/sections/{at}/fields/{place}", f"field {field.id!r}: {problem}"
            known[field.id] = field


def _problems_of_condition(field: Field, known: Mapping[str, Field]) -> Iterator[str]:
    if field.when is None:
        return
    asked = known.get(field.when.field)
    if asked is None:
        yield f"it depends on {field.when.field!r}, which is no earlier field"
    elif wrong := [value for value in field.when.values if not _can_be(asked, value)]:
        yield f"it depends on {asked.id!r} being {wrong[0]!r}, which it never is"


def _doubled(fields: Iterable[Field | Cell], where: str) -> Iterator[str]:
    for name, times in Counter(field.id for field in fields).items():
        if times > 1:
            yield f"{where} has {times} fields {name!r}"


def _problems_of(field: Field | Cell) -> Iterator[str]:
    match field:
        case Number():
            if not -math.inf < field.low < field.high < math.inf:
                yield f"low {field.low:g} is not below high {field.high:g}, or one of them is no number"
        case Text(pattern=str(pattern)):
            try:
                re.compile(f"^(?:{pattern})$")
            except re.error as error:
                yield f"the pattern is none: {error}"
        case Choice():
            if len({option.value for option in field.options}) < len(field.options):
                yield "two options have one value"
        case Table():
            yield from _problems_of_table(field)
    if not isinstance(field, File | Table) and field.default is not None:
        for wrong in cell_problems(field, field.id, field.default):
            yield f"the default {field.default!r}: {wrong.detail}"


def _problems_of_table(table: Table) -> Iterator[str]:
    yield from _doubled(table.columns, "the table")
    for column in table.columns:
        if column.when is not None:
            yield f"column {column.id!r} has a condition; only fields have"
        yield from (f"column {column.id!r}: {problem}" for problem in _problems_of(column))
    keys = [column for column in table.columns if column.id == table.key]
    if not keys or not keys[0].required or keys[0].default is not None:
        yield f"the key {table.key!r} is no required column without a default"
    if table.rows_min > table.rows_max:
        yield "more rows are needed than allowed"


def _can_be(field: Field | Cell, value: object) -> bool:
    return not isinstance(field, File | Table) and not any(cell_problems(field, field.id, value))
