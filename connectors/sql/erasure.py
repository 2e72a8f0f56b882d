"""Forgetting a person: what tells who they are goes, what they have signed stays. Standard: LGPD art. 16, 18 IV and VI.

Gone for good, from the moment of the commit: the display name, the badge, the password and the PIN, every token, and
the pseudonym. The pseudonym is all that ClickHouse and Kafka know of operators, and this store held the only link from
it to a person: with a new one drawn in its place, no key leads from those events to anybody, and they stay countable.
The new one was never used anywhere, and says nothing. What remains is to compare times: a unit's steps name the
person's id here, and whoever reads both stores could match them with an operator's events.

Kept: the person's id, as the key that signatures, decisions, delegations and the audit trail name; a signature without
its signer is void, and a sealed trail cannot be edited. So ids are numbers of the staff register and no names: what
they stand for is forgotten where the register forgets it. The roles are taken away, and the trail tells which. Backups
hold the old rows until they are as old as they get; whoever restores one forgets the same people again: the trail after
the backup says who they were.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from connectors.sql import people, sessions
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Work
from models.refusal import need_reason


def forget(work: Work, secrets: Secrets, person: str, *, expected: int, reason: str) -> None:
    """Forget a person for good; once more changes nothing. Raises `NotFound`, `Stale`, `Refused`."""
    row = work.lock(select(PEOPLE).where(PEOPLE.c.id == person), "person", person)
    if row.forgotten_ms is not None:
        return
    need_reason(reason, "to forget somebody")
    people.change(work, person, expected=expected, roles=(), active=False, reason=reason)
    sessions.revoke_all(work, "forgotten", person=person)
    credentials: dict[str, Any] = {"badge_digest": None, "password_hash": None, "pin_hash": None}
    credentials |= {"password_by": None, "pin_by": None, "failures": 0}
    left = {"display": "", "pseudonym": secrets.name("op-"), "locked_until_ms": None, "forgotten_ms": work.now_ms}
    work.run(update(PEOPLE).where(PEOPLE.c.id == person).values(**credentials, **left))
    work.note("person_forgotten", f"person/{person}", reason=reason)
