"""One method for each route about exchange.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from edge.client.session import Session, part
from edge.client.shapes.common import Sheet
from edge.client.shapes.exchange import Form, Imported, SheetFile, TemplateFile, WorkflowFile


class ExchangeCalls(Session):
    """Routes about exchange."""

    def export_template(self, name: str, version: int) -> TemplateFile:
        """A version of a template as a file, in canonical form."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/export", TemplateFile)

    def export_workflow(self, name: str, version: int) -> WorkflowFile:
        """A version of a workflow as a file, in canonical form."""
        return self.call("GET", f"/v1/workflows/{part(name)}/{part(version)}/export", WorkflowFile)

    def export_sheet(self, number: str, revision: int) -> SheetFile:
        """A revision of a sheet as a file, with its template's digest and everything that was decided about it."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}/export", SheetFile)

    def import_template(self, body: TemplateFile, *, key: str | None = None) -> Imported:
        """Publish a template from a file; the same again changes nothing."""
        return self.call("POST", "/v1/templates/import", Imported, body=body, key=self.key(key))

    def import_workflow(self, body: WorkflowFile, *, key: str | None = None) -> Imported:
        """Publish a workflow from a file; the same again changes nothing."""
        return self.call("POST", "/v1/workflows/import", Imported, body=body, key=self.key(key))

    def import_sheet(self, body: SheetFile, *, key: str | None = None) -> Sheet:
        """Begin a sheet from a file: a draft, whatever it was where it comes from."""
        return self.call("POST", "/v1/sheets/import", Sheet, body=body, key=self.key(key))

    def template_form(self, name: str, version: int, *, language: Literal["en", "pt"] | None = None) -> Form:
        """A template as an empty form."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/form", Form, query={"language": language})

    def template_page(self, name: str, version: int, *, language: Literal["en", "pt"] | None = None) -> str:
        """A template as an empty form, to read and to print."""
        return self.do(
            "GET", f"/v1/templates/{part(name)}/{part(version)}/form.html", query={"language": language}
        ).body.decode()

    def sheet_form(self, number: str, revision: int, *, language: Literal["en", "pt"] | None = None) -> Form:
        """A sheet as a form that is filled in."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}/form", Form, query={"language": language})

    def sheet_page(self, number: str, revision: int, *, language: Literal["en", "pt"] | None = None) -> str:
        """A sheet as a form that is filled in, to read and to print."""
        return self.do(
            "GET", f"/v1/sheets/{part(number)}/{part(revision)}/form.html", query={"language": language}
        ).body.decode()
