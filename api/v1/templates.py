"""Workflows and templates of technical sheets: published in versions, previewed before anybody fills one in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from api.http.route import Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Version, defined
from connectors.files import sheet_library
from connectors.sql import templates
from models.approval.workflow import Workflow
from models.problem import FieldProblem
from models.refusal import NotFound
from models.sheets.check import completed, problems
from models.sheets.compare import digest
from models.sheets.schema import json_schema
from models.sheets.template import Template, template_of

routes = Routes("templates")


class NewTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a template, and the workflow that its sheets go through."""

    template: Template
    workflow: DocumentName
    workflow_version: Version


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet would be: its problems, and without any what counts and its digest."""

    problems: list[FieldProblem]
    values: dict[str, Any] | None = None
    digest: str | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A template in a list."""

    name: str
    version: int
    title: str
    title_pt: str


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was published, and in which version."""

    name: str
    version: int


@routes.write(
    "POST", "/v1/workflows", scope="templates:write", body=Workflow, answer=Published, status=HTTPStatus.CREATED
)
def publish_workflow(call: Write) -> Published:
    """Publish the next version of a workflow."""
    templates.add_workflow(call.work, call.body)
    return Published(name=call.body.name, version=call.body.version)


@routes.read("/v1/workflows/{name}/{version}", scope="read", answer=Workflow)
def workflow(call: Read, name: DocumentName, version: Version) -> Workflow:
    """A version of a workflow."""
    return templates.workflow_of(call.connection, name, version)


@routes.write(
    "POST", "/v1/templates", scope="templates:write", body=NewTemplate, answer=Published, status=HTTPStatus.CREATED
)
def publish_template(call: Write) -> Published:
    """Publish the next version of a template."""
    template = defined(template_of, msgspec.to_builtins(call.body.template))
    templates.add_template(call.work, template, call.body.workflow, call.body.workflow_version)
    return Published(name=template.name, version=template.version)


@routes.read("/v1/templates", scope="read", answer=Page[Summary])
def template_list(call: Read) -> Page[Summary]:
    """Every template, in its newest version."""
    return Page(items=[_summary(template) for template in templates.all_newest(call.connection)])


@routes.read("/v1/templates/{name}/{version}", scope="read", answer=Template)
def template(call: Read, name: DocumentName, version: Version) -> Template:
    """A version of a template."""
    return templates.template_of(call.connection, name, version).template


@routes.read("/v1/templates/{name}/{version}/schema", scope="read", answer=dict[str, Any])
def template_schema(call: Read, name: DocumentName, version: Version) -> dict[str, Any]:
    """A version of a template as JSON Schema."""
    return json_schema(templates.template_of(call.connection, name, version).template)


@routes.write("POST", "/v1/templates/{name}/{version}/preview", scope="read", body=dict[str, Any], answer=Preview)
def preview(call: Write, name: DocumentName, version: Version) -> Preview:
    """What values would be worth as a sheet; nothing is kept."""
    return _preview(templates.template_of(call.work.connection, name, version).template, call.body)


@routes.read("/v1/template-library", scope="read", answer=Page[Summary])
def template_library(call: Read) -> Page[Summary]:
    """The templates that come with SIPE, to be published as they are or changed first."""
    return Page(items=[_summary(sheet_library.template(name)) for name in sheet_library.names()])


@routes.read("/v1/template-library/{name}", scope="read", answer=Template)
def library_template(call: Read, name: DocumentName) -> Template:
    """A template that comes with SIPE."""
    if name not in sheet_library.names():
        raise NotFound("template", name)
    return sheet_library.template(name)


def _preview(template: Template, values: dict[str, Any]) -> Preview:
    found = problems(template, values)
    if found:
        return Preview(problems=[FieldProblem(path=one.path, code=one.code, detail=one.detail) for one in found])
    return Preview(problems=[], values=completed(template, values), digest=digest(template, values))


def _summary(template: Template) -> Summary:
    return Summary(name=template.name, version=template.version, title=template.title.en, title_pt=template.title.pt)
