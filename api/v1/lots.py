"""Lots of finished units: formed, drawn from, inspected, judged and released, and the files that go with them."""

from __future__ import annotations

from http import HTTPStatus
from secrets import token_hex
from typing import Any

import msgspec

from api.http.conventions import cursor_of, key_of
from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.lot_shapes import (
    AtTheGate,
    CustomerName,
    Findings,
    Joining,
    Leaving,
    LotNow,
    LotSummary,
    NewJudgement,
    NewLot,
    ReleaseSignature,
    Resumption,
    SamplingNow,
    Why,
    lot_now,
    sampling_now,
)
from api.v1.shapes import DocumentName, Limit, refuse_other_lines
from connectors.sql import lots, releases, samples, samplings
from connectors.sql.releases import CSV, JSON, MANIFEST
from models.identity import Scope
from models.problem import FieldProblem
from models.release.gate import Verdict, obstacles
from models.release.progress import Inspected, Status

routes = Routes("lots")


@routes.write("POST", "/v1/release-lots", scope="lots:write", body=NewLot, answer=LotNow, status=HTTPStatus.CREATED)
def add_lot(call: Write) -> Answer:
    """Begin a lot, without a unit."""
    new: NewLot = call.body
    lot = lots.add(call.work, new.id, new.product, new.customer)
    where = {"Location": f"/v1/release-lots/{lot.id}"}
    return Answer(value=lot_now(call.work.connection, lot), status=HTTPStatus.CREATED, headers=where)


@routes.read(
    "/v1/release-lots",
    scope="read",
    answer=Page[LotSummary],
    status=Status,
    product=DocumentName,
    cursor=str,
    limit=Limit,
)
def lot_list(call: Read) -> Page[LotSummary]:
    """Lots by their ids; by status or product."""
    limit = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], str) if "cursor" in call.query else ""
    found = lots.page(call.connection, call.query.get("status"), call.query.get("product"), after, limit)
    items = [LotSummary(**{name: getattr(one, name) for name in LotSummary.__struct_fields__}) for one in found]
    return Page(items=items, next=cursor_of(found[-1].id) if len(found) == limit else None)


@routes.read("/v1/release-lots/{lot}", scope="read", answer=LotNow)
def release_lot(call: Read, lot: DocumentName) -> LotNow:
    """A lot as it stands."""
    return lot_now(call.connection, lots.read(call.connection, lot))


@routes.write("POST", "/v1/release-lots/{lot}/units", scope="lots:write", body=Joining, answer=LotNow, if_match=True)
def join_lot(call: Write, lot: DocumentName) -> LotNow:
    """Units that are done join a lot."""
    refuse_other_lines(call, "lots:write", call.body.serials)
    return lot_now(call.work.connection, lots.join(call.work, lot, call.version, call.body.serials))


@routes.write("POST", "/v1/release-lots/{lot}/removals", scope="lots:write", body=Leaving, answer=LotNow, if_match=True)
def leave_lot(call: Write, lot: DocumentName) -> LotNow:
    """Units stay behind; while the sample is under way, only those that are not done any more."""
    refuse_other_lines(call, "lots:write", call.body.serials)
    given = call.body
    return lot_now(call.work.connection, lots.take_out(call.work, lot, call.version, given.serials, given.reason))


@routes.write("POST", "/v1/release-lots/{lot}/cancel", scope="lots:write", body=Why, answer=LotNow, if_match=True)
def cancel_lot(call: Write, lot: DocumentName) -> LotNow:
    """Give a lot up before its sample is drawn."""
    _check_lines(call, "lots:write", lot)
    return lot_now(call.work.connection, lots.cancel(call.work, lot, call.version, call.body.reason))


@routes.write("POST", "/v1/release-lots/{lot}/draws", scope="lots:inspect", answer=LotNow, if_match=True)
def draw_sample(call: Write, lot: DocumentName) -> LotNow:
    """Draw the sample of a lot, with a seed that nobody chooses."""
    _check_lines(call, "lots:inspect", lot)
    samples.draw(call.work, lot, call.version, token_hex(16))
    return _after(call, lot)


@routes.write(
    "POST", "/v1/release-lots/{lot}/inspections", scope="lots:inspect", body=Findings, answer=LotNow, if_match=True
)
def inspect_units(call: Write, lot: DocumentName) -> LotNow:
    """Keep what was found of units of the sample; those that do not conform go into quarantine."""
    _check_lines(call, "lots:inspect", lot)
    given = [Inspected(one.serial, one.conforms, one.findings) for one in call.body.units]
    samples.inspect(call.work, lot, call.version, given)
    return _after(call, lot)


@routes.write(
    "POST",
    "/v1/release-lots/{lot}/judgements",
    scope="lots:release",
    body=NewJudgement,
    answer=LotNow,
    if_match=True,
    signed=True,
)
def judge_lot(call: Write, lot: DocumentName) -> LotNow:
    """Accept or reject a lot, as its sample says, and sign it."""
    _check_lines(call, "lots:release", lot)
    given: NewJudgement = call.body
    judged = samples.conclude(call.work, lot, call.version, given.judgement, steady=given.steady)
    return lot_now(call.work.connection, judged)


@routes.write("POST", "/v1/release-lots/{lot}/screenings", scope="lots:inspect", body=Why, answer=LotNow, if_match=True)
def screen_lot(call: Write, lot: DocumentName) -> LotNow:
    """Have every unit of a rejected lot inspected."""
    _check_lines(call, "lots:inspect", lot)
    samples.screen(call.work, lot, call.version, call.body.reason)
    return _after(call, lot)


@routes.read("/v1/release-lots/{lot}/gate", scope="read", answer=AtTheGate)
def lot_at_the_gate(call: Read, lot: DocumentName) -> AtTheGate:
    """Whether a lot may leave as it is, and everything that is in the way."""
    found = releases.verdict(call.connection, lot)
    return AtTheGate(lot=lot, may_leave=found.released, problems=_problems(found))


@routes.write(
    "POST",
    "/v1/release-lots/{lot}/release",
    scope="lots:release",
    body=ReleaseSignature,
    answer=LotNow,
    if_match=True,
    signed=True,
)
def release(call: Write, lot: DocumentName) -> LotNow:
    """Let a lot leave, and sign it; refused with unit and reason as long as anything is in the way."""
    _check_lines(call, "lots:release", lot)
    return lot_now(call.work.connection, releases.release(call.work, lot, call.version))


@routes.read("/v1/release-lots/{lot}/delivery/manifest.json", scope="read", answer=dict[str, Any])
def delivery_manifest(call: Read, lot: DocumentName) -> Answer:
    """What went with a lot: its files with their digests, and the sheet it was released by."""
    return _file(call, lot, MANIFEST)


@routes.read("/v1/release-lots/{lot}/delivery/units.json", scope="read", answer=dict[str, Any])
def delivery_units(call: Read, lot: DocumentName) -> Answer:
    """The units of a lot with their seals and errors, as its customer got them."""
    return _file(call, lot, JSON)


@routes.read("/v1/release-lots/{lot}/delivery/units.csv", scope="read", answer=str, media="text/csv; charset=utf-8")
def delivery_table(call: Read, lot: DocumentName) -> Answer:
    """The units of a lot with their seals and errors, as a table for spreadsheets (RFC 4180)."""
    return _file(call, lot, CSV)


@routes.read("/v1/samplings/{product}", scope="read", answer=SamplingNow, customer=CustomerName)
def sampling(call: Read, product: DocumentName) -> SamplingNow:
    """How severely the next lot of a product is inspected for a customer."""
    return sampling_now(samplings.read(call.connection, product, call.query.get("customer", "")))


@routes.write(
    "POST",
    "/v1/samplings/{product}/resumptions",
    scope="lots:release",
    body=Resumption,
    answer=SamplingNow,
    signed=True,
)
def resume_sampling(call: Write, product: DocumentName) -> SamplingNow:
    """Inspect lots again, tightened, after too many were rejected and the process was improved."""
    call.principal.check("lots:release")  # of every line: a product is made on many
    given: Resumption = call.body
    return sampling_now(samplings.resume(call.work, product, given.customer, given.reason))


def _check_lines(call: Write, scope: Scope, lot: str) -> None:
    for line in lots.lines_of(call.work.connection, lot):
        call.principal.check(scope, line=line)


def _after(call: Write, lot: str) -> LotNow:
    return lot_now(call.work.connection, lots.read(call.work.connection, lot))


def _problems(found: Verdict) -> list[FieldProblem]:
    return [FieldProblem(path=one.path, code=one.code, detail=one.detail) for one in obstacles(found)]


def _file(call: Read, lot: str, name: str) -> Answer:
    """The bytes as they were kept, so that their digest is the one in the manifest."""
    file = releases.file_of(call.connection, lot, name)
    headers = {"Content-Disposition": f'attachment; filename="{lot}-{name}"', "X-Content-Type-Options": "nosniff"}
    value = msgspec.Raw(file.body.encode()) if file.media == "application/json" else file.body
    return Answer(value=value, headers=headers)
