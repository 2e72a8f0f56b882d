"""A template as an empty form, and a sheet as a filled-in one: what people read, as data and as HTML.

Nothing of what somebody wrote is markup: every text is escaped, and the page has no script, no style and no link.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Literal

import msgspec

from models.sheets.check import asked_for
from models.sheets.fields import Cell, Choice, Field, File, Number, Reference, Table, Text, Words
from models.sheets.template import Template

Language = Literal["en", "pt"]

_REQUIRED: Mapping[Language, str] = {"en": "required", "pt": "obrigatório"}
_TO: Mapping[Language, str] = {"en": "to", "pt": "a"}
_ONLY_IF: Mapping[Language, str] = {"en": "only if", "pt": "somente se"}


class FormRow(msgspec.Struct, frozen=True, kw_only=True):
    """A field as people see it; a table has columns, and its rows as lists of texts."""

    id: str
    label: str
    help: str
    allowed: str
    """What may be filled in, in words, such as '50 to 500 V'."""
    required: bool
    only_if: str
    """When it is asked for, in words; empty is always."""
    value: str | None
    columns: list[str]
    rows: list[list[str]]


class FormSection(msgspec.Struct, frozen=True, kw_only=True):
    """Fields under a heading."""

    title: str
    rows: list[FormRow]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form, empty or filled in."""

    title: str
    subtitle: str
    purpose: str
    language: Language
    sections: list[FormSection]


def form_of(
    template: Template, language: Language, values: Mapping[str, Any] | None = None, subtitle: str = ""
) -> Form:
    """A template as a form: without values every field that it may ask for, with values those that it asks for then."""
    asked = None if values is None else {field.id for field in asked_for(template, values)}
    known = {field.id: field for field in template.fields}
    sections = []
    for section in template.sections:
        fields = [field for field in section.fields if asked is None or field.id in asked]
        rows = [_row(field, known, language, values or {}) for field in fields]
        if rows:
            sections.append(FormSection(title=_said(section.title, language), rows=rows))
    return Form(
        title=_said(template.title, language),
        subtitle=subtitle,
        purpose=_said(template.purpose, language),
        language=language,
        sections=sections,
    )


def html(form: Form) -> str:
    """The form as a page to read and to print."""
    lines = [
        f'<!doctype html><html lang="{form.language}"><head><meta charset="utf-8">',
        f"<title>{escape(form.title)}</title></head><body>",
        f"<h1>{escape(form.title)}</h1><p>{escape(form.subtitle)}</p><p>{escape(form.purpose)}</p>",
    ]
    for section in form.sections:
        lines.append(f"<h2>{escape(section.title)}</h2><dl>")
        lines += [_html_row(row, form.language) for row in section.rows]
        lines.append("</dl>")
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _html_row(row: FormRow, language: Language) -> str:
    notes = [row.allowed, _REQUIRED[language] if row.required else "", row.only_if]
    about = " · ".join(escape(note) for note in notes if note)
    told = f"<dd>{escape(row.value)}</dd>" if row.value is not None else ""
    if row.columns:
        head = "".join(f"<th>{escape(column)}</th>" for column in row.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells in row.rows)
        told = f"<dd><table><tr>{head}</tr>{body}</table></dd>"
    return f"<dt>{escape(row.label)} <small>{about}</small></dt><dd><small>{escape(row.help)}</small></dd>{told}"


def _row(field: Field, known: Mapping[str, Field], language: Language, values: Mapping[str, Any]) -> FormRow:
    value = values.get(field.id, getattr(field, "default", None))
    columns = field.columns if isinstance(field, Table) else ()
    rows = value if isinstance(field, Table) and isinstance(value, list) else []
    return FormRow(
        id=field.id,
        label=_said(field.label, language),
        help=_said(field.help, language),
        allowed=_allowed(field, language),
        required=field.required,
        only_if=_only_if(field, known, language),
        value=None if isinstance(field, Table) or value is None else _shown(field, value, language),
        columns=[_said(column.label, language) for column in columns],
        rows=[[_cell(column, row, language) for column in columns] for row in rows],
    )


def _only_if(field: Field, known: Mapping[str, Field], language: Language) -> str:
    if field.when is None:
        return ""
    asked = known[field.when.field]
    values = ", ".join(_shown(asked, value, language) for value in field.when.values)
    return f"{_ONLY_IF[language]} {_said(asked.label, language)}: {values}"


def _allowed(field: Field, language: Language) -> str:
    match field:
        case Number():
            return f"{field.low:g} {_TO[language]} {field.high:g} {field.unit}"
        case Choice():
            return ", ".join(_said(option.label, language) for option in field.options)
        case File():
            return ", ".join(field.media)
        case Text(pattern=str(pattern)):
            return pattern
        case Reference():
            return field.to
        case _:
            return ""


def _cell(column: Cell, row: Any, language: Language) -> str:
    value = row.get(column.id, column.default) if isinstance(row, dict) else None
    return "" if value is None else _shown(column, value, language)


def _shown(field: Field | Cell, value: Any, language: Language) -> str:
    match field:
        case Choice():
            labels = {option.value: _said(option.label, language) for option in field.options}
            return labels.get(value, str(value)) if isinstance(value, str) else str(value)
        case Number():
            return f"{value} {field.unit}"
        case File() if isinstance(value, dict):
            return f"{value.get('name')} (SHA-256 {value.get('sha256')})"
        case _:
            return str(value)


def _said(words: Words, language: Language) -> str:
    return words.pt if language == "pt" else words.en
