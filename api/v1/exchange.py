"""Templates, workflows and sheets as files and as forms: taken elsewhere, brought back, read and printed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from api.http.route import Answer, Read, Routes, Write
from api.v1.shapes import DocumentName, Version
from api.v1.sheets import Sheet, sheet_now
from connectors.sql import exchange, sheets, templates
from models.sheets.exchange import SheetFile, TemplateFile, WorkflowFile, canonical
from models.sheets.form import Form, Language, form_of, html
from models.sheets.revision import Ref

routes = Routes("exchange")

_PAGE = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
"""Whatever a sheet says, the page runs and loads nothing."""
_HTML = "text/html; charset=utf-8"


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came in from a file, and whether it is new here."""

    name: str
    version: int
    is_new: bool


@routes.read("/v1/templates/{name}/{version}/export", scope="read", answer=TemplateFile)
def export_template(call: Read, name: DocumentName, version: Version) -> Answer:
    """A version of a template as a file, in canonical form."""
    return _file(exchange.template(call.connection, name, version), f"template-{name}-{version}")


@routes.read("/v1/workflows/{name}/{version}/export", scope="read", answer=WorkflowFile)
def export_workflow(call: Read, name: DocumentName, version: Version) -> Answer:
    """A version of a workflow as a file, in canonical form."""
    return _file(exchange.workflow(call.connection, name, version), f"workflow-{name}-{version}")


@routes.read("/v1/sheets/{number}/{revision}/export", scope="read", answer=SheetFile)
def export_sheet(call: Read, number: DocumentName, revision: Version) -> Answer:
    """A revision of a sheet as a file, with its template's digest and everything that was decided about it."""
    return _file(exchange.sheet(call.connection, Ref(number, revision)), f"sheet-{number}-{revision}")


@routes.write("POST", "/v1/templates/import", scope="templates:write", body=TemplateFile, answer=Imported)
def import_template(call: Write) -> Imported:
    """Publish a template from a file; the same again changes nothing."""
    given: TemplateFile = call.body
    is_new = exchange.take_template(call.work, given)
    return Imported(name=given.template.name, version=given.template.version, is_new=is_new)


@routes.write("POST", "/v1/workflows/import", scope="templates:write", body=WorkflowFile, answer=Imported)
def import_workflow(call: Write) -> Imported:
    """Publish a workflow from a file; the same again changes nothing."""
    given: WorkflowFile = call.body
    is_new = exchange.take_workflow(call.work, given)
    return Imported(name=given.workflow.name, version=given.workflow.version, is_new=is_new)


@routes.write(
    "POST", "/v1/sheets/import", scope="sheets:write", body=SheetFile, answer=Sheet, status=HTTPStatus.CREATED
)
def import_sheet(call: Write) -> Answer:
    """Begin a sheet from a file: a draft, whatever it was where it comes from."""
    begun = exchange.take_sheet(call.work, call.body)
    where = {"Location": f"/v1/sheets/{begun.ref.number}/{begun.ref.revision}"}
    return Answer(value=sheet_now(call.work.connection, begun), status=HTTPStatus.CREATED, headers=where)


@routes.read("/v1/templates/{name}/{version}/form", scope="read", answer=Form, language=Language)
def template_form(call: Read, name: DocumentName, version: Version) -> Form:
    """A template as an empty form."""
    return _template_form(call, name, version)


@routes.read("/v1/templates/{name}/{version}/form.html", scope="read", answer=str, media=_HTML, language=Language)
def template_page(call: Read, name: DocumentName, version: Version) -> Answer:
    """A template as an empty form, to read and to print."""
    return Answer(value=html(_template_form(call, name, version)), headers=_PAGE)


@routes.read("/v1/sheets/{number}/{revision}/form", scope="read", answer=Form, language=Language)
def sheet_form(call: Read, number: DocumentName, revision: Version) -> Form:
    """A sheet as a form that is filled in."""
    return _sheet_form(call, Ref(number, revision))


@routes.read("/v1/sheets/{number}/{revision}/form.html", scope="read", answer=str, media=_HTML, language=Language)
def sheet_page(call: Read, number: DocumentName, revision: Version) -> Answer:
    """A sheet as a form that is filled in, to read and to print."""
    return Answer(value=html(_sheet_form(call, Ref(number, revision))), headers=_PAGE)


def _template_form(call: Read, name: str, version: int) -> Form:
    template = templates.template_of(call.connection, name, version).template
    return form_of(template, call.query.get("language", "en"), subtitle=f"{name}/{version}")


def _sheet_form(call: Read, ref: Ref) -> Form:
    found = sheets.read(call.connection, ref)
    template = templates.template_of(call.connection, found.template, found.template_version).template
    subtitle = f"{ref.number}/{ref.revision} · {found.product} · {found.step} · {found.status}"
    return form_of(template, call.query.get("language", "en"), found.values, subtitle)


def _file(file: Any, name: str) -> Answer:
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return Answer(value=msgspec.Raw(canonical(file)), headers=headers)
