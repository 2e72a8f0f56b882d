"""Templates, workflows and sheets as files, to be taken elsewhere: one canonical JSON form, and its digest.

Canonical is: keys sorted, no blanks, UTF-8, whole numbers without a point. So the same content is the same text on
every machine, and its SHA-256 tells whether somebody has changed it on the way.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from models.approval.workflow import Workflow
from models.refusal import Invalid
from models.sheets.compare import plain
from models.sheets.template import Template, flaws
from sipe.contracts.fields import Sha256

_sorted = msgspec.json.Encoder(order="sorted")
Format = Literal[1]
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
_Version = Annotated[int, Meta(ge=1, le=1_000_000)]


class Flaw(NamedTuple):
    """What is wrong with a file, and where: a JSON pointer (RFC 6901)."""

    path: str
    code: str
    detail: str


class VersionRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of something."""

    name: _Name
    version: _Version


class TemplateRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a template, and what it says."""

    name: _Name
    version: _Version
    digest: Sha256


class TemplateFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a template, and the workflow that its sheets go through."""

    kind: Literal["sipe-template"] = "sipe-template"
    format: Format = 1
    template: Template
    workflow: VersionRef
    digest: Sha256


class WorkflowFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a workflow."""

    kind: Literal["sipe-workflow"] = "sipe-workflow"
    format: Format = 1
    workflow: Workflow
    digest: Sha256


class FiledDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class SheetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision of a sheet, with the template it was filled in by and what was decided about it."""

    kind: Literal["sipe-sheet"] = "sipe-sheet"
    format: Format = 1
    number: _Name
    revision: _Version
    product: _Name
    step: _Name
    status: str
    author: str
    template: TemplateRef
    values: dict[str, Any]
    sheet_digest: Sha256 | None
    decisions: Annotated[tuple[FiledDecision, ...], Meta(max_length=10_000)] = ()
    digest: Sha256


File = TemplateFile | WorkflowFile | SheetFile
F = TypeVar("F", TemplateFile, WorkflowFile, SheetFile)
_UNSEALED = "0" * 64


def template_file(template: Template, workflow: str, workflow_version: int) -> TemplateFile:
    """A template as a file."""
    ref = VersionRef(workflow, workflow_version)
    return _sealed(TemplateFile(template=template, workflow=ref, digest=_UNSEALED))


def workflow_file(workflow: Workflow) -> WorkflowFile:
    """A workflow as a file."""
    return _sealed(WorkflowFile(workflow=workflow, digest=_UNSEALED))


def sheet_file(**told: Any) -> SheetFile:
    """A sheet as a file; takes what it says, but its digest."""
    return _sealed(SheetFile(**told, digest=_UNSEALED))


def template_digest(template: Template) -> str:
    """Tells two contents of one version of a template apart."""
    return hashlib.sha256(canonical(template)).hexdigest()


def canonical(value: object) -> bytes:
    """The canonical JSON form."""
    builtins = plain(json.loads(_sorted.encode(value)))
    return json.dumps(builtins, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(file: File) -> str:
    """SHA-256, in hexadecimal, of the canonical form of all that a file says but its digest."""
    told = json.loads(_sorted.encode(file))
    del told["digest"]
    return hashlib.sha256(canonical(told)).hexdigest()


def check_whole(file: File) -> None:
    """Raise `Invalid` when a file is not what was exported, or a template in it cannot work."""
    if file.digest != digest_of(file):
        raise Invalid("the file was changed after it was exported", [Flaw("/digest", "digest", "it is another one's")])
    if isinstance(file, TemplateFile) and (found := list(flaws(file.template))):
        raise Invalid("the template cannot work", [Flaw(f"/template{at}", "cannot_work", words) for at, words in found])


def pointer(path: str) -> str:
    """A JSON pointer from a path such as `load_points[1].point`, or `$.template.sections[0]`."""
    parts = re.findall(r"[^.\[\]]+", path.removeprefix("$"))
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _sealed(file: F) -> F:
    return msgspec.structs.replace(file, digest=digest_of(file))
