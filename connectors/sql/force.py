"""What is in force: an approved sheet from its approval until a newer one, or a revocation, takes its place.

With a sheet its setup sheets end; a revocation stops the units that were made by it as well.
"""

from __future__ import annotations

from sqlalchemy import select, update

from connectors.sql import setups, sheets, stops
from connectors.sql.schema.sheets import APPROVED_SHEETS
from connectors.sql.work import Work
from models.refusal import Refused, need_reason
from models.sheets.revision import Ref, Revision, Status


def put_in_force(work: Work, approved: Revision) -> None:
    """Make an approved revision the one in force; the one before it is obsolete now, and so are its setup sheets."""
    number = approved.ref.number
    in_force = APPROVED_SHEETS.c.number == number, APPROVED_SHEETS.c.in_force == 1
    if (row := work.one(select(APPROVED_SHEETS.c.revision).where(*in_force))) is not None:
        _take_out(work, sheets.read(work.connection, Ref(number, row.revision)), "obsolete", f"see {approved.ref}")
    about = {"number": number, "revision": approved.ref.revision, "digest": approved.digest}
    work.run(APPROVED_SHEETS.insert().values(in_force=1, approved_ms=work.now_ms, **about))
    work.tell("sheet_approved", str(approved.ref), digest=approved.digest, product=approved.product, step=approved.step)


def revoke(work: Work, ref: Ref, expected: int | None, reason: str) -> Revision:
    """Take a sheet out of force for good: units under way are held, those that are done are recalled."""
    found = sheets.lock(work, ref, expected)
    if found.status != "approved":
        raise Refused("not_approved", f"{ref} is {found.status}; only what is in force is revoked")
    need_reason(reason, "to revoke a sheet")
    changed = _take_out(work, found, "revoked", reason)
    stopped = stops.stop_made_by(work, ref, reason)
    work.tell("sheet_revoked", str(ref), product=found.product, step=found.step, reason=reason, stopped_qty=stopped)
    return changed


def _take_out(work: Work, found: Revision, status: Status, reason: str) -> Revision:
    of_row = APPROVED_SHEETS.c.number == found.ref.number, APPROVED_SHEETS.c.revision == found.ref.revision
    work.run(update(APPROVED_SHEETS).where(*of_row).values(in_force=None))
    setups.drop(work, found.ref, f"{found.ref} is {status}: {reason}")
    return sheets.mark(work, found, status, reason)
