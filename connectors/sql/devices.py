"""Devices: how a station's computer gets a name and a token of its own.

Somebody makes a code for a station and types it at the device, which trades it for its first refresh token. A code is
for one device, and for a quarter of an hour. Standard: IEC 62443-3-3 SR 1.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from connectors.sql import sessions
from connectors.sql.schema.identity import DEVICES, ENROLMENT_CODES
from connectors.sql.secrecy import Secrets, digest_of_code
from connectors.sql.sessions import NOBODY, Session
from connectors.sql.work import Store, Work
from models.identity import Unproven
from models.refusal import Refused, need_reason
from sipe.contracts.fields import STATION_PATTERN

CODE_MS = 15 * 60_000


class Device(NamedTuple):
    """A device as it is known; revoked, it may do nothing any more."""

    id: str
    station: str
    enrolled_ms: int
    revoked_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Code:
    """A code, as it is shown once to whoever asked for it."""

    text: str = field(repr=False)
    station: str
    until_ms: int


def offer(work: Work, secrets: Secrets, station: str) -> Code:
    """A code for a device of a station; raises `Refused` when this names no station."""
    if not re.match(STATION_PATTERN, station):
        raise Refused("station", "a station is named site.area.line.station")
    code = Code(text=secrets.code(), station=station, until_ms=work.now_ms + CODE_MS)
    by = {"created_by": work.who.identity, "created_ms": work.now_ms, "expires_ms": code.until_ms}
    work.run(ENROLMENT_CODES.insert().values(digest=digest_of_code(code.text), station=station, **by))
    work.note("enrolment_offered", f"station/{station}", after={"until_ms": code.until_ms})
    return code


def enrol(store: Store, secrets: Secrets, code: str) -> Session:
    """Trade a code for a device's first token; raises `Unproven`, always in the same words."""
    session = store.work(NOBODY, _enrol, secrets, digest_of_code(code))
    if session is None:
        raise Unproven("enrolment", "this code is not valid, or no longer: have a new one made")
    return session


def revoke(work: Work, device: str, reason: str) -> None:
    """Let a device do nothing any more, once its access token has ended; raises `NotFound`, `Refused`."""
    row = work.lock(select(DEVICES).where(DEVICES.c.id == device), "device", device)
    need_reason(reason, "to revoke a device")
    if row.revoked_ms is not None:
        return
    work.run(update(DEVICES).where(DEVICES.c.id == device).values(revoked_ms=work.now_ms))
    sessions.revoke_all(work, "device_revoked", device=device)
    work.note("device_revoked", f"device/{device}", before={"station": row.station}, reason=reason)


def listed(connection: Connection, station: str | None = None) -> list[Device]:
    """Every device, or those of a station, the ones that were revoked, too."""
    query = select(DEVICES).order_by(DEVICES.c.station, DEVICES.c.enrolled_ms, DEVICES.c.id)
    query = query if station is None else query.where(DEVICES.c.station == station)
    return [Device(row.id, row.station, row.enrolled_ms, row.revoked_ms) for row in connection.execute(query)]


def _enrol(work: Work, secrets: Secrets, digest: str) -> Session | None:
    of_code = ENROLMENT_CODES.c.digest == digest
    row = work.one(select(ENROLMENT_CODES).where(of_code).with_for_update())
    if row is None:
        return None
    if row.used_ms is not None or row.expires_ms <= work.now_ms:
        why = "used" if row.used_ms is not None else "expired"
        work.note("enrolment_refused", f"station/{row.station}", reason=why)
        return None
    device = secrets.name("device-")
    work.run(DEVICES.insert().values(id=device, station=row.station, enrolled_ms=work.now_ms))
    work.run(update(ENROLMENT_CODES).where(of_code).values(used_ms=work.now_ms, device=device))
    session = sessions.begin(work, secrets, device=device)
    after = {"station": row.station, "token": session.principal.token, "offered_by": row.created_by}
    work.note("device_enrolled", f"device/{device}", after=after)
    return session
