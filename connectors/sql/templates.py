"""Versions of workflows and templates: they are added, and never change."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from connectors.sql.schema.sheets import TEMPLATES, WORKFLOWS
from connectors.sql.versions import check_next
from connectors.sql.work import Work, canonical
from models.approval.workflow import Workflow
from models.refusal import NotFound
from models.sheets.template import Template


class Bound(NamedTuple):
    """A version of a template, and the version of the workflow that its sheets go through."""

    template: Template
    workflow: Workflow


def add_workflow(work: Work, workflow: Workflow) -> None:
    """The next version of a workflow, or the first of a new one; raises `Refused`."""
    check_next(work, WORKFLOWS.c.name, WORKFLOWS.c.version, workflow.name, workflow.version)
    body = canonical(workflow)
    work.run(WORKFLOWS.insert().values(name=workflow.name, version=workflow.version, body=body, **_by(work)))
    on = f"workflow/{workflow.name}/{workflow.version}"
    work.note("workflow_added", on, after=workflow)
    work.tell("workflow_added", on)


def add_template(work: Work, template: Template, workflow: str, workflow_version: int) -> None:
    """The next version of a template, bound to a version of a workflow; raises `Refused`."""
    check_next(work, TEMPLATES.c.name, TEMPLATES.c.version, template.name, template.version)
    workflow_of(work.connection, workflow, workflow_version)
    bound = {"workflow": workflow, "workflow_version": workflow_version}
    body = canonical(template)
    work.run(TEMPLATES.insert().values(name=template.name, version=template.version, body=body, **bound, **_by(work)))
    on = f"template/{template.name}/{template.version}"
    work.note("template_added", on, after={"title": template.title.en, "fields": len(template.fields), **bound})
    work.tell("template_added", on)


def workflow_of(connection: Connection, name: str, version: int) -> Workflow:
    """A version of a workflow; raises `NotFound`."""
    body = connection.execute(_body(WORKFLOWS, name, version)).scalar_one_or_none()
    if body is None:
        raise NotFound("workflow", f"{name}/{version}")
    return msgspec.json.decode(body, type=Workflow)


def template_of(connection: Connection, name: str, version: int) -> Bound:
    """A version of a template with its workflow; raises `NotFound`."""
    columns = TEMPLATES.c.workflow, TEMPLATES.c.workflow_version
    row = connection.execute(_body(TEMPLATES, name, version).add_columns(*columns)).one_or_none()
    if row is None:
        raise NotFound("template", f"{name}/{version}")
    return Bound(
        msgspec.json.decode(row.body, type=Template), workflow_of(connection, row.workflow, row.workflow_version)
    )


def all_newest(connection: Connection) -> list[Template]:
    """Every template, in its newest version."""
    query = select(TEMPLATES.c.name, func.max(TEMPLATES.c.version).label("version")).group_by(TEMPLATES.c.name)
    found = connection.execute(query.order_by(TEMPLATES.c.name)).all()
    return [template_of(connection, row.name, row.version).template for row in found]


def _body(table: Table, name: str, version: int) -> Select[Any]:
    return select(table.c.body).where(table.c.name == name, table.c.version == version)


def _by(work: Work) -> dict[str, str | int]:
    return {"created_by": work.who.identity, "created_ms": work.now_ms}
