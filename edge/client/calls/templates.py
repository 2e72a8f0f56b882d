"""One method for each route about templates.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any

from edge.client.session import Session, part
from edge.client.shapes.common import Template, Workflow
from edge.client.shapes.templates import NewTemplate, PageOfSummary, Preview, Published


class TemplatesCalls(Session):
    """Routes about templates."""

    def publish_workflow(self, body: Workflow, *, key: str | None = None) -> Published:
        """Publish the next version of a workflow."""
        return self.call("POST", "/v1/workflows", Published, body=body, key=self.key(key))

    def workflow(self, name: str, version: int) -> Workflow:
        """A version of a workflow."""
        return self.call("GET", f"/v1/workflows/{part(name)}/{part(version)}", Workflow)

    def publish_template(self, body: NewTemplate, *, key: str | None = None) -> Published:
        """Publish the next version of a template."""
        return self.call("POST", "/v1/templates", Published, body=body, key=self.key(key))

    def template_list(self) -> PageOfSummary:
        """Every template, in its newest version."""
        return self.call("GET", "/v1/templates", PageOfSummary)

    def template(self, name: str, version: int) -> Template:
        """A version of a template."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}", Template)

    def template_schema(self, name: str, version: int) -> dict[str, Any]:
        """A version of a template as JSON Schema."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/schema", dict[str, Any])

    def preview(self, name: str, version: int, body: dict[str, Any], *, key: str | None = None) -> Preview:
        """What values would be worth as a sheet; nothing is kept."""
        return self.call(
            "POST", f"/v1/templates/{part(name)}/{part(version)}/preview", Preview, body=body, key=self.key(key)
        )

    def template_library(self) -> PageOfSummary:
        """The templates that come with SIPE, to be published as they are or changed first."""
        return self.call("GET", "/v1/template-library", PageOfSummary)

    def library_template(self, name: str) -> Template:
        """A template that comes with SIPE."""
        return self.call("GET", f"/v1/template-library/{part(name)}", Template)
