"""What routes about exchange take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from edge.client.shapes.common import Template, Workflow


class FiledDecision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about a sheet where it comes from; here it is history, and approves nothing."""

    round: int
    level: str
    kind: str
    person: str
    principal: str
    meaning: str
    reason: str
    digest: str
    at_ms: int


class Form(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A form, empty or filled in."""

    title: str
    subtitle: str
    purpose: str
    language: Literal["en", "pt"]
    sections: tuple[FormSection, ...]


class FormRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field as people see it; a table has columns, and its rows as lists of texts."""

    id: str
    label: str
    help: str
    allowed: str
    required: bool
    only_if: str
    value: str | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class FormSection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields under a heading."""

    title: str
    rows: tuple[FormRow, ...]


class Imported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came in from a file, and whether it is new here."""

    name: str
    version: int
    is_new: bool


class SheetFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a sheet, with the template it was filled in by and what was decided about it."""

    kind: Literal["sipe-sheet"] = "sipe-sheet"
    format: Literal[1] = 1
    number: str
    revision: int
    product: str
    step: str
    status: str
    author: str
    template: TemplateRef
    values: dict[str, Any]
    sheet_digest: str | None
    decisions: tuple[FiledDecision, ...] = ()
    digest: str


class TemplateFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and the workflow that its sheets go through."""

    kind: Literal["sipe-template"] = "sipe-template"
    format: Literal[1] = 1
    template: Template
    workflow: VersionRef
    digest: str


class TemplateRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and what it says."""

    name: str
    version: int
    digest: str


class VersionRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of something."""

    name: str
    version: int


class WorkflowFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a workflow."""

    kind: Literal["sipe-workflow"] = "sipe-workflow"
    format: Literal[1] = 1
    workflow: Workflow
    digest: str
