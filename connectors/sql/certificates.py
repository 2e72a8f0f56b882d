"""Benches and reference standards: until when each is good, by which certificate."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, select, update

from connectors.sql.schema.release import CERTIFICATES
from connectors.sql.work import Work
from models.refusal import Refused, Stale, need_reason
from models.release.lot import Bench, References, Standard

Kind = Literal["bench", "standard"]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A bench or a standard is good in [valid_from_ms, valid_until_ms); a bench with the standard on it."""

    id: int = 0
    kind: Kind
    equipment: str
    certificate: str
    standard: str | None = None
    valid_from_ms: int
    valid_until_ms: int
    withdrawn_reason: str = ""
    version: int = 1


_FIELDS = Certificate.__struct_fields__


def add(work: Work, given: Certificate) -> Certificate:
    """A certificate of a bench or a standard; raises `Refused`."""
    if (given.kind == "bench") != (given.standard is not None):
        raise Refused("standard_of_bench", "a bench names the standard that is on it, and a standard names none")
    if not given.valid_from_ms < given.valid_until_ms:
        raise Refused("validity", f"{given.certificate} ends before it begins")
    alike = CERTIFICATES.c.kind == given.kind, CERTIFICATES.c.equipment == given.equipment
    if work.one(select(CERTIFICATES.c.id).where(*alike, CERTIFICATES.c.certificate == given.certificate)):
        raise Refused("exists", f"{given.equipment} has a certificate {given.certificate} already")
    row = {name: getattr(given, name) for name in _FIELDS if name != "id"} | {"withdrawn_reason": "", "version": 1}
    number = work.insert(CERTIFICATES, row | {"by": work.who.identity, "created_ms": work.now_ms})
    added = read(work.connection, number)
    work.note("certificate_added", _on(added), after=added)
    work.tell("certificate_added", _on(added), certificate=added.certificate, valid_until_ms=added.valid_until_ms)
    return added


def withdraw(work: Work, certificate_id: int, expected: int | None, from_ms: int, reason: str) -> Certificate:
    """Have it end earlier, also in the past: what was measured from then on was measured with nothing that counts."""
    query = select(CERTIFICATES).where(CERTIFICATES.c.id == certificate_id)
    before = _certificate(work.lock(query, "certificate", certificate_id))
    if expected is not None and before.version != expected:
        raise Stale(_on(before), before.version)
    need_reason(reason, "to withdraw a certificate")
    if from_ms >= before.valid_until_ms:
        raise Refused("validity", f"{before.certificate} ends before that already")
    changed = {"valid_until_ms": from_ms, "withdrawn_reason": reason, "version": before.version + 1}
    work.run(update(CERTIFICATES).where(CERTIFICATES.c.id == certificate_id).values(changed))
    after = read(work.connection, certificate_id)
    work.note("certificate_withdrawn", _on(after), before=before, after=after, reason=reason)
    work.tell("certificate_withdrawn", _on(after), certificate=after.certificate, valid_until_ms=from_ms, reason=reason)
    return after


def read(connection: Connection, certificate_id: int) -> Certificate:
    """A certificate as it stands; there has to be one."""
    return _certificate(connection.execute(select(CERTIFICATES).where(CERTIFICATES.c.id == certificate_id)).one())


def page(connection: Connection, kind: Kind | None, equipment: str | None, after: int, limit: int) -> list[Certificate]:
    """Certificates in the order in which they were added, behind one of them."""
    query = select(CERTIFICATES).where(CERTIFICATES.c.id > after)
    if kind is not None:
        query = query.where(CERTIFICATES.c.kind == kind)
    if equipment is not None:
        query = query.where(CERTIFICATES.c.equipment == equipment)
    return [_certificate(row) for row in connection.execute(query.order_by(CERTIFICATES.c.id).limit(limit))]


def references(connection: Connection) -> References:
    """Every bench and standard, in all their periods."""
    found = [_certificate(row) for row in connection.execute(select(CERTIFICATES).order_by(CERTIFICATES.c.id))]
    good = [one for one in found if one.valid_from_ms < one.valid_until_ms]
    return References(
        tuple(_bench(one) for one in good if one.kind == "bench"),
        tuple(
            Standard(one.equipment, one.valid_from_ms, one.valid_until_ms, one.certificate)
            for one in good
            if one.kind == "standard"
        ),
    )


def _bench(one: Certificate) -> Bench:
    return Bench(one.equipment, one.standard or "", one.valid_from_ms, one.valid_until_ms)


def _on(certificate: Certificate) -> str:
    return f"{certificate.kind}/{certificate.equipment}"


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate(**{name: getattr(row, name) for name in _FIELDS})
