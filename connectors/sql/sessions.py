"""Refresh tokens: each is used once and gives the next; all that follow from one sign-in or enrolment are a family.

Whoever uses a token a second time has a copy, or is the one whose copy was used: which of them, nobody can tell, so the
family ends. A person who has lost an answer signs in again. A device on a bad line would have to be enrolled again by
somebody, so it may show the token that it traded last once more, as long as what it got for it was never shown: then
that is worth nothing any more, and shown it ends the family, so of a thief and the device both are out soon.
Standard: RFC 9700, 4.14.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from connectors.sql import people
from connectors.sql.schema.identity import DEVICES, REFRESH_TOKENS, TOKEN_FAMILIES
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Secrets, digest
from connectors.sql.work import Store, Work
from models.audit import Who
from models.identity import DEVICE_ROLE, Principal, Role, Unproven, line_of

PERSON_MS = 12 * 3_600_000
"""A person signs in again after a shift and what may follow it, however often they refresh."""
DEVICE_MS = 30 * 86_400_000
"""A device that was off for longer enrols again."""
NOBODY = Who("nobody", "none", "none")
"""Who has proven nothing, as the trail names them."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who has proven who they are, and the token that they go on with once their access token has ended."""

    principal: Principal
    refresh: str = field(repr=False)
    refresh_until_ms: int


def begin(work: Work, secrets: Secrets, *, person: str | None = None, device: str | None = None) -> Session:
    """A family of tokens for somebody who has just proven who they are; their row is locked."""
    family = secrets.name()
    owner = {"person": person, "device": device}
    work.run(TOKEN_FAMILIES.insert().values(id=family, authenticated_ms=work.now_ms, **owner))
    row = work.run(select(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id == family)).one()
    session = _next(work, row, 1, secrets.token())
    if session is None:
        raise Unproven("sign_in", "whoever this is, may no longer sign in")
    return session


def refresh(store: Store, secrets: Secrets, token: str) -> Session:
    """The next token for a token, which is used up by it; raises `Unproven`, always in the same words."""
    session = store.work(NOBODY, _rotate, digest(token), secrets.token())
    if session is None:
        raise Unproven("refresh", "this refresh token is not valid, or no longer: sign in or enrol again")
    return session


def sign_out(work: Work, token: str) -> None:
    """End a family by any of its tokens, used or not; nothing happens when there is no such token."""
    row = work.one(select(REFRESH_TOKENS.c.family).where(REFRESH_TOKENS.c.digest == digest(token)))
    family = None if row is None else _family(work, row.family)
    if family is not None and family.revoked_ms is None:
        _revoke(work, family, "signed_out")
        work.note("signed_out", owner_of(family), after={"family": family.id})


def revoke_all(work: Work, reason: str, *, person: str | None = None, device: str | None = None) -> int:
    """End every family of a person or a device, whose row is locked; how many there were."""
    owner = TOKEN_FAMILIES.c.person == person if device is None else TOKEN_FAMILIES.c.device == device
    live = update(TOKEN_FAMILIES).where(owner, TOKEN_FAMILIES.c.revoked_ms.is_(None))
    return work.run(live.values(revoked_ms=work.now_ms, revoked_reason=reason)).rowcount


def prune(work: Work) -> int:
    """Delete the tokens that have ended, and the families that have none left; how many tokens there were."""
    gone = work.run(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.expires_ms <= work.now_ms)).rowcount
    # A family that stands without a token never gets one again: it began together with its first.
    ended = work.run(select(TOKEN_FAMILIES.c.id).where(TOKEN_FAMILIES.c.id.not_in(select(REFRESH_TOKENS.c.family))))
    work.run(delete(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id.in_(ended.scalars().all())))
    return gone


def owner_of(family: Row[Any]) -> str:
    """Whose family it is, as the trail says it."""
    return f"person/{family.person}" if family.person is not None else f"device/{family.device}"


def _rotate(work: Work, shown: str, fresh: str) -> Session | None:
    of_token = select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == shown)
    if (token := work.one(of_token)) is None:
        return None
    family = _family(work, token.family)  # whoever shows a token of this family now waits here
    token = work.one(of_token)
    if family is None or token is None or family.revoked_ms is not None:
        return None
    newest, traded = _numbers(work, family)
    is_again = family.device is not None and token.number == traded
    if token.number != newest and not is_again:
        _revoke(work, family, "reuse")
        work.note("refresh_reused", owner_of(family), after={"family": family.id, "number": token.number})
        return None
    if token.expires_ms <= work.now_ms:
        return None
    session = _next(work, family, newest + 1, fresh)
    if session is None:
        _revoke(work, family, "inactive")
        return None
    if is_again:
        work.note("refresh_repeated", owner_of(family), after={"family": family.id, "number": token.number})
    work.run(update(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == shown).values(used_ms=work.now_ms))
    return session


def _numbers(work: Work, family: Row[Any]) -> tuple[int, int | None]:
    """The numbers of the newest token of a family, and of the newest one that was traded."""
    of_family = REFRESH_TOKENS.c.family == family.id
    newest = work.run(select(func.max(REFRESH_TOKENS.c.number)).where(of_family)).scalar_one()
    is_traded = REFRESH_TOKENS.c.used_ms.is_not(None)
    return newest, work.run(select(func.max(REFRESH_TOKENS.c.number)).where(of_family, is_traded)).scalar_one()


def _next(work: Work, family: Row[Any], number: int, fresh: str) -> Session | None:
    """The family's newest token, with its owner as they are now; None when they may no longer do anything."""
    principal = _principal(work.connection, family, f"{family.id}.{number}")
    until_ms = family.authenticated_ms + PERSON_MS if family.device is None else work.now_ms + DEVICE_MS
    if principal is None or until_ms <= work.now_ms:
        return None
    times = {"issued_ms": work.now_ms, "expires_ms": until_ms}
    work.run(REFRESH_TOKENS.insert().values(digest=digest(fresh), family=family.id, number=number, **times))
    return Session(principal=principal, refresh=fresh, refresh_until_ms=until_ms)


def _principal(connection: Connection, family: Row[Any], token: str) -> Principal | None:
    proven = {"token": token, "authenticated_ms": family.authenticated_ms}
    if family.device is None:
        of_person = select(PEOPLE.c.active).where(PEOPLE.c.id == family.person)
        if not connection.execute(of_person).scalar_one():
            return None
        roles = frozenset(people.roles_of(connection, family.person))
        return Principal(identity=family.person, kind="person", roles=roles, **proven)
    device = connection.execute(select(DEVICES).where(DEVICES.c.id == family.device)).one()
    if device.revoked_ms is not None:
        return None
    at = Role(DEVICE_ROLE, line_of(device.station))
    return Principal(identity=device.id, kind="device", roles=frozenset({at}), station=device.station, **proven)


def _family(work: Work, family: str) -> Row[Any] | None:
    return work.one(select(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id == family).with_for_update())


def _revoke(work: Work, family: Row[Any], reason: str) -> None:
    ended = {"revoked_ms": work.now_ms, "revoked_reason": reason}
    work.run(update(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id == family.id).values(ended))
