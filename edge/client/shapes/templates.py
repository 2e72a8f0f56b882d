"""What routes about templates take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from edge.client.shapes.common import FieldProblem, Template


class NewTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and the workflow that its sheets go through."""

    template: Template
    workflow: str
    workflow_version: int


class PageOfSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Summary, ...]
    next: str | None = None


class Preview(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sheet would be: its problems, and without any what counts and its digest."""

    problems: tuple[FieldProblem, ...]
    values: dict[str, Any] | None = None
    digest: str | None = None


class Published(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was published, and in which version."""

    name: str
    version: int


class Summary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template in a list."""

    name: str
    version: int
    title: str
    title_pt: str
