"""Technical sheets: written, submitted, decided upon, and revoked."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.http.conventions import cursor_of, key_of
from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.shapes import DocumentName, OwnSecret, Reason, Version
from connectors.sql import approvals, force, leases, sheets, templates
from models.approval.case import Kind
from models.sheets.compare import changes
from models.sheets.revision import Ref, Revision, Status

routes = Routes("sheets")

PAGE_MAX = 200
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]


class NewSheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sheet to be begun: what it is about, and what is filled in so far."""

    number: DocumentName
    template: DocumentName
    product: DocumentName
    step: DocumentName
    values: dict[str, Any] = {}


class Values(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is filled in."""

    values: dict[str, Any]


class NewDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision, at the level that was seen open; whoever decides proves once more who they are."""

    kind: Kind
    level: DocumentName
    reason: Reason = ""
    principal: DocumentName | None = None
    """On whose behalf, where that person delegated it."""
    secret: OwnSecret


class Because(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A revision of a sheet as it stands."""

    number: str
    revision: int
    product: str
    step: str
    template: str
    template_version: int
    status: Status
    author: str
    values: dict[str, Any]
    digest: str | None
    round: int
    level: str | None
    may_decide: list[str]
    """Who may still decide at the open level."""
    version: int
    created_ms: int
    changed_ms: int


class RevokedSheet(Sheet, frozen=True, kw_only=True):
    """A sheet that is not in force any more."""

    leases_until_ms: int | None
    """Until when stations that nobody reaches may still work by it, at most; what they build is held."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it was signed: by whom, when, about which content, and what the signature says."""

    round: int
    level: str
    kind: str
    person: str
    principal: str | None
    meaning: str
    reason: str
    digest: str
    at_ms: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A value that another revision says differently."""

    path: str
    before: Any
    after: Any


@routes.write("POST", "/v1/sheets", scope="sheets:write", body=NewSheet, answer=Sheet, status=HTTPStatus.CREATED)
def begin_sheet(call: Write) -> Answer:
    """Begin a sheet, as a draft."""
    new = call.body
    about = {"template": new.template, "product": new.product, "step": new.step}
    found = sheets.begin(call.work, new.number, new.values, **about)
    return _created(call, found)


@routes.read(
    "/v1/sheets", scope="read", answer=Page[Sheet], status=Status, product=DocumentName, cursor=str, limit=Limit
)
def sheet_list(call: Read) -> Page[Sheet]:
    """Sheets, newest revision of each number last; by status or product."""
    limit = call.query.get("limit", 50)
    after = Ref(*key_of(call.query["cursor"], tuple[str, int])) if "cursor" in call.query else None
    found = sheets.page(call.connection, call.query.get("status"), call.query.get("product"), after, limit)
    more = cursor_of(found[-1].ref) if len(found) == limit else None
    return Page(items=[sheet_now(call.connection, one) for one in found], next=more)


@routes.read("/v1/sheets/{number}/{revision}", scope="read", answer=Sheet)
def sheet(call: Read, number: DocumentName, revision: Version) -> Sheet:
    """A revision of a sheet."""
    return sheet_now(call.connection, sheets.read(call.connection, Ref(number, revision)))


@routes.write("PUT", "/v1/sheets/{number}/{revision}", scope="sheets:write", body=Values, answer=Sheet, if_match=True)
def save_sheet(call: Write, number: DocumentName, revision: Version) -> Sheet:
    """Keep what the author has filled in so far."""
    return sheet_now(
        call.work.connection, sheets.save(call.work, Ref(number, revision), call.body.values, call.version)
    )


@routes.write("POST", "/v1/sheets/{number}/revisions", scope="sheets:write", answer=Sheet, status=HTTPStatus.CREATED)
def revise_sheet(call: Write, number: DocumentName) -> Answer:
    """Begin the next revision, with what the newest one says."""
    return _created(call, sheets.revise(call.work, number))


@routes.write("POST", "/v1/sheets/{number}/{revision}/submit", scope="sheets:write", answer=Sheet, if_match=True)
def submit_sheet(call: Write, number: DocumentName, revision: Version) -> Sheet:
    """Submit a draft for approval; from now on it never changes."""
    return sheet_now(call.work.connection, sheets.put_up(call.work, Ref(number, revision), call.version))


@routes.write(
    "POST",
    "/v1/sheets/{number}/{revision}/decisions",
    scope="sheets:decide",
    body=NewDecision,
    answer=Sheet,
    if_match=True,
    signed=True,
)
def decide_sheet(call: Write, number: DocumentName, revision: Version) -> Sheet:
    """Approve, reject, return or withdraw a submitted sheet, and sign it."""
    given = call.body
    voice = approvals.Voice(given.kind, given.level, given.reason, given.principal or "")
    return sheet_now(call.work.connection, approvals.give(call.work, Ref(number, revision), voice, call.version))


@routes.read("/v1/sheets/{number}/{revision}/decisions", scope="read", answer=Page[Signature])
def sheet_decisions(call: Read, number: DocumentName, revision: Version) -> Page[Signature]:
    """Everything that was decided about a revision, in every round."""
    ref = sheets.read(call.connection, Ref(number, revision)).ref
    return Page(items=[_signature(one) for one in approvals.signed(call.connection, ref)])


@routes.read("/v1/sheets/{number}/{revision}/changes", scope="read", answer=Page[Difference], since=Version)
def sheet_changes(call: Read, number: DocumentName, revision: Version) -> Page[Difference]:
    """What a revision says differently than an earlier one (by default the one before)."""
    after = sheets.read(call.connection, Ref(number, revision))
    since = call.query.get("since", revision - 1)
    if since < 1:
        return Page(items=[])
    before = sheets.read(call.connection, Ref(number, since))
    template = templates.template_of(call.connection, after.template, after.template_version).template
    found = changes(template, before.values, after.values)
    return Page(items=[Difference(path=one.path, before=one.before, after=one.after) for one in found])


@routes.write(
    "POST",
    "/v1/sheets/{number}/{revision}/revoke",
    scope="sheets:revoke",
    body=Because,
    answer=RevokedSheet,
    if_match=True,
)
def revoke_sheet(call: Write, number: DocumentName, revision: Version) -> RevokedSheet:
    """Take an approved sheet out of force: units made by it are held or recalled."""
    revoked = force.revoke(call.work, Ref(number, revision), call.version, call.body.reason)
    until_ms = leases.running_until(call.work.connection, revoked.ref, call.work.now_ms)
    return RevokedSheet(**msgspec.structs.asdict(sheet_now(call.work.connection, revoked)), leases_until_ms=until_ms)


@routes.write(
    "POST", "/v1/sheets/{number}/{revision}/takeover", scope="sheets:write", body=Because, answer=Sheet, if_match=True
)
def take_sheet_over(call: Write, number: DocumentName, revision: Version) -> Sheet:
    """Go on with a draft, or what came back, whose author is no longer active."""
    found = sheets.take_over(call.work, Ref(number, revision), call.version, call.body.reason)
    return sheet_now(call.work.connection, found)


@routes.read("/v1/inbox", scope="sheets:decide", answer=Page[Sheet])
def inbox(call: Read) -> Page[Sheet]:
    """The sheets that wait for a decision of yours."""
    found = [sheets.read(call.connection, ref) for ref in approvals.waiting(call.connection)]
    mine = [one for one in found if call.principal.identity in approvals.who_may(call.connection, one)]
    return Page(items=[sheet_now(call.connection, one) for one in mine])


def _created(call: Write, found: Revision) -> Answer:
    where = {"Location": f"/v1/sheets/{found.ref.number}/{found.ref.revision}"}
    return Answer(value=sheet_now(call.work.connection, found), status=HTTPStatus.CREATED, headers=where)


def sheet_now(connection: Any, found: Revision) -> Sheet:
    """A revision, as it is shown."""
    may_decide = approvals.who_may(connection, found) if found.status == "submitted" else []
    names = (name for name in Sheet.__struct_fields__ if name not in {"number", "revision", "may_decide"})
    told = {name: getattr(found, name) for name in names}
    return Sheet(number=found.ref.number, revision=found.ref.revision, may_decide=may_decide, **told)


def _signature(one: approvals.Signed) -> Signature:
    said = one.decision
    return Signature(
        round=one.round,
        level="" if said.kind == "withdraw" else said.level,
        kind=said.kind,
        person=said.person,
        principal=said.principal or None,
        meaning=one.meaning,
        reason=said.reason,
        digest=one.digest,
        at_ms=said.at_ms,
    )
