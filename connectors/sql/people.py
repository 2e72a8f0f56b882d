"""People, their roles and delegations, as the store knows them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, or_, select, update

from connectors.sql.schema.people import DELEGATIONS, PEOPLE, PERSON_ROLES
from connectors.sql.schema.trail import AUDIT_HEAD
from connectors.sql.work import Work
from models.approval.workflow import Delegation, Person
from models.identity import Role
from models.refusal import NotFound, Refused, Stale
from sipe.contracts.fields import DOCUMENT_NAME_PATTERN


def add(work: Work, person: str, display: str, roles: Iterable[Role], pseudonym: str) -> None:
    """Somebody new; raises `Refused` when there is such a person already, or the id cannot stand in an address.

    The trail does not say the display name: an entry never changes, and a name may have to be forgotten.
    """
    if not re.match(DOCUMENT_NAME_PATTERN, person):
        raise Refused("person_id", "a person's id is letters, digits, points, dashes and underscores, 64 at most")
    if work.one(select(PEOPLE.c.id).where(PEOPLE.c.id == person)):
        raise Refused("exists", f"there is a person {person} already")
    values = {"id": person, "display": display, "pseudonym": pseudonym, "active": 1, "version": 1}
    work.run(PEOPLE.insert().values(**values, created_ms=work.now_ms))
    given = _write_roles(work, person, roles)
    work.note("person_added", f"person/{person}", after={"roles": given})


def add_first(work: Work, person: str, display: str, role: Role, pseudonym: str) -> None:
    """Somebody with a role that nobody active holds on all lines; raises `Refused` when somebody does."""
    work.run(select(AUDIT_HEAD).with_for_update())  # two at once: the second one waits, and sees the first
    if found := holder(work.connection, role):
        raise Refused("exists", f"there is an active {role.name} already: {found}")
    add(work, person, display, [role], pseudonym)


def change(
    work: Work,
    person: str,
    *,
    expected: int,
    roles: Iterable[Role] | None = None,
    active: bool | None = None,
    reason: str = "",
) -> int:
    """Give other roles, or let somebody go or come back; the new version. What they signed stays signed.

    Raises `NotFound`, `Stale`, and `Refused` when somebody who was forgotten is to come back.
    """
    columns = PEOPLE.c.active, PEOPLE.c.version, PEOPLE.c.forgotten_ms
    row = work.lock(select(*columns).where(PEOPLE.c.id == person), "person", person)
    if row.version != expected:
        raise Stale(f"person/{person}", row.version)
    now_active = bool(row.active) if active is None else active
    if now_active and row.forgotten_ms is not None:
        raise Refused("forgotten", f"{person} was forgotten: whoever comes back is somebody new")
    work.run(update(PEOPLE).where(PEOPLE.c.id == person).values(active=int(now_active), version=row.version + 1))
    before = {"active": bool(row.active), "roles": _text(roles_of(work.connection, person))}
    if roles is not None:
        work.run(PERSON_ROLES.delete().where(PERSON_ROLES.c.person == person))
        _write_roles(work, person, roles)
    after = {"active": now_active, "roles": _text(roles_of(work.connection, person))}
    work.note("person_changed", f"person/{person}", before=before, after=after, reason=reason)
    return int(row.version) + 1


def roles_of(connection: Connection, person: str) -> list[Role]:
    """What a person may do, and where."""
    return _roles(connection, [person]).get(person, [])


def holder(connection: Connection, role: Role) -> str | None:
    """Somebody active who holds a role there; None when nobody does."""
    holders = select(PEOPLE.c.id).join(PERSON_ROLES, PERSON_ROLES.c.person == PEOPLE.c.id)
    held = holders.where(PERSON_ROLES.c.role == role.name, PERSON_ROLES.c.line == role.line, PEOPLE.c.active == 1)
    return connection.execute(held.order_by(PEOPLE.c.id).limit(1)).scalar_one_or_none()


class Known(NamedTuple):
    """A person as administrators see them; forgotten, their name is empty."""

    id: str
    display: str
    active: bool
    roles: tuple[Role, ...]
    version: int


def one(connection: Connection, person: str) -> Known:
    """A person; raises `NotFound`."""
    if not (found := _known(connection, select(PEOPLE).where(PEOPLE.c.id == person))):
        raise NotFound("person", person)
    return found[0]


def pseudonym_of(connection: Connection, person: str) -> str:
    """What somebody is called outside of this store; raises `NotFound`."""
    found = connection.execute(select(PEOPLE.c.pseudonym).where(PEOPLE.c.id == person)).scalar_one_or_none()
    if found is None:
        raise NotFound("person", person)
    return str(found)


def listed(connection: Connection, after: str, limit: int) -> list[Known]:
    """People in the order of their ids, behind one of them."""
    return _known(connection, select(PEOPLE).where(PEOPLE.c.id > after).order_by(PEOPLE.c.id).limit(limit))


def directory(connection: Connection, roles: Collection[str], people: Collection[str]) -> dict[str, Person]:
    """Everybody who holds one of the roles, or is named, as they are now."""
    holds = select(PERSON_ROLES.c.person).where(PERSON_ROLES.c.role.in_(roles))
    wanted = or_(PEOPLE.c.id.in_(people), PEOPLE.c.id.in_(holds))
    query = (
        select(PEOPLE.c.id, PEOPLE.c.active, PERSON_ROLES.c.role)
        .select_from(PEOPLE.outerjoin(PERSON_ROLES, PERSON_ROLES.c.person == PEOPLE.c.id))
        .where(wanted)
    )
    found: dict[str, Person] = {}
    for row in connection.execute(query):
        known = found.get(row.id, Person(row.id, frozenset(), bool(row.active)))
        found[row.id] = known._replace(roles=known.roles | {row.role}) if row.role else known
    return found


def delegate(work: Work, delegation: Delegation, reason: str) -> None:
    """Let somebody decide for somebody else for a while."""
    if delegation.by == delegation.to or not delegation.from_ms < delegation.until_ms:
        raise Refused("no_delegation", "a delegation is to somebody else, and ends after it begins")
    work.run(DELEGATIONS.insert().values(**delegation._asdict(), reason=reason))
    work.note("delegated", f"person/{delegation.by}", after=delegation._asdict(), reason=reason)


def delegations(connection: Connection, by: str) -> list[Delegation]:
    """What a person has let others decide."""
    query = select(DELEGATIONS).where(DELEGATIONS.c.by == by)
    return [Delegation(row.by, row.to, row.from_ms, row.until_ms) for row in connection.execute(query)]


def _known(connection: Connection, query: Select[Any]) -> list[Known]:
    rows = connection.execute(query).all()
    roles = _roles(connection, [row.id for row in rows])
    return [Known(row.id, row.display, bool(row.active), tuple(roles.get(row.id, ())), row.version) for row in rows]


def _roles(connection: Connection, people: Collection[str]) -> dict[str, list[Role]]:
    found: dict[str, list[Role]] = {}
    for row in connection.execute(select(PERSON_ROLES).where(PERSON_ROLES.c.person.in_(people))):
        found.setdefault(row.person, []).append(Role(row.role, row.line))
    return {person: sorted(roles) for person, roles in found.items()}


def _write_roles(work: Work, person: str, roles: Iterable[Role]) -> list[str]:
    given = sorted(set(roles))
    if given:
        work.run(PERSON_ROLES.insert(), [{"person": person, "role": role.name, "line": role.line} for role in given])
    return _text(given)


def _text(roles: Sequence[Role]) -> list[str]:
    return [f"{role.name}@{role.line}" if role.line else role.name for role in roles]
