"""Templates, workflows and sheets as files: what leaves the store, and what comes in from another one."""

from __future__ import annotations

from sqlalchemy import Connection

from connectors.sql import approvals, sheets, templates
from connectors.sql.schema.sheets import TEMPLATES, WORKFLOWS
from connectors.sql.versions import newest
from connectors.sql.work import Work
from models.refusal import Invalid, NotFound, Refused
from models.sheets.check import problems
from models.sheets.exchange import (
    FiledDecision,
    Flaw,
    SheetFile,
    TemplateFile,
    TemplateRef,
    WorkflowFile,
    check_whole,
    pointer,
    sheet_file,
    template_digest,
    template_file,
    workflow_file,
)
from models.sheets.revision import Ref, Revision


def template(connection: Connection, name: str, version: int) -> TemplateFile:
    """A version of a template as a file; raises `NotFound`."""
    bound = templates.template_of(connection, name, version)
    return template_file(bound.template, bound.workflow.name, bound.workflow.version)


def workflow(connection: Connection, name: str, version: int) -> WorkflowFile:
    """A version of a workflow as a file; raises `NotFound`."""
    return workflow_file(templates.workflow_of(connection, name, version))


def sheet(connection: Connection, ref: Ref) -> SheetFile:
    """A revision of a sheet as a file, with everything that was decided about it; raises `NotFound`."""
    found = sheets.read(connection, ref)
    bound = templates.template_of(connection, found.template, found.template_version)
    decisions = [
        FiledDecision(
            round=one.round,
            level=one.decision.level,
            kind=one.decision.kind,
            person=one.decision.person,
            principal=one.decision.principal,
            meaning=one.meaning,
            reason=one.decision.reason,
            digest=one.digest,
            at_ms=one.decision.at_ms,
        )
        for one in approvals.signed(connection, ref)
    ]
    return sheet_file(
        number=ref.number,
        revision=ref.revision,
        product=found.product,
        step=found.step,
        status=found.status,
        author=found.author,
        template=TemplateRef(found.template, found.template_version, template_digest(bound.template)),
        values=found.values,
        sheet_digest=found.digest,
        decisions=tuple(decisions),
    )


def take_template(work: Work, file: TemplateFile) -> bool:
    """Publish a template from a file; whether it is new here. Raises `Invalid`, and `Refused` when it is not the next.

    The same version with the same content may come again, and changes nothing.
    """
    check_whole(file)
    given = file.template
    if given.version == newest(work.connection, TEMPLATES.c.name, TEMPLATES.c.version, given.name):
        here = templates.template_of(work.connection, given.name, given.version)
        if template(work.connection, given.name, given.version).digest == file.digest:
            return False
        if here.template == given:
            raise Refused("other_workflow", f"{given.name}/{given.version} is here with another workflow")
    templates.add_template(work, given, file.workflow.name, file.workflow.version)
    return True


def take_workflow(work: Work, file: WorkflowFile) -> bool:
    """Publish a workflow from a file; whether it is new here."""
    check_whole(file)
    given = file.workflow
    version = newest(work.connection, WORKFLOWS.c.name, WORKFLOWS.c.version, given.name)
    if given.version == version and workflow(work.connection, given.name, version).digest == file.digest:
        return False
    templates.add_workflow(work, given)
    return True


def take_sheet(work: Work, file: SheetFile) -> Revision:
    """Begin a sheet from a file: a draft of whoever brings it, whatever it was where it comes from.

    Raises `Invalid` for what cannot stand on a sheet (what is missing may be filled in here), and `Refused` unless the
    newest version of its template is the one that it was filled in by.
    """
    check_whole(file)
    ref = file.template
    version = newest(work.connection, TEMPLATES.c.name, TEMPLATES.c.version, ref.name)
    if version == 0:
        raise NotFound("template", ref.name)
    known = templates.template_of(work.connection, ref.name, version).template
    if (version, template_digest(known)) != (ref.version, ref.digest):
        raise Refused("other_template", f"it is of another {ref.name}/{ref.version} than the {version} in use here")
    wrong = [one for one in problems(known, file.values) if one.code != "missing"]
    if wrong:
        found = [Flaw(pointer(f"values.{one.path}"), one.code, one.detail) for one in wrong]
        raise Invalid(f"{len(wrong)} of what is filled in cannot stand", found)
    about = {"template": ref.name, "product": file.product, "step": file.step}
    begun = sheets.begin(work, file.number, file.values, **about)
    came = {"digest": file.digest, "number": file.number, "revision": file.revision, "status": file.status}
    work.note("sheet_imported", str(begun.ref), after=came)
    return begun
