"""People: who there is, which roles they hold, and what they prove with who they are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.conventions import cursor_of, key_of
from api.http.route import Act, Answer, Page, Read, Routes, Write
from api.v1.identity import Badge, HeldRole, Secret
from api.v1.shapes import Display, DocumentName, Limit, LinePath, Reason
from connectors.sql import credentials, erasure, people
from connectors.sql.people import Known
from models.approval.workflow import Delegation
from models.identity import Role
from sipe.contracts.fields import TimeMs

routes = Routes("people")

ROLES_MAX = 50


class GivenRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role, on one line or, without one, on all of them."""

    name: DocumentName
    line: LinePath | None = None


Roles = Annotated[list[GivenRole], Meta(max_length=ROLES_MAX)]


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody new. The id is a number of the staff register, as it can never be forgotten."""

    id: DocumentName
    display: Display
    roles: Roles = msgspec.field(default_factory=list)


class ChangedPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays."""

    roles: Roles | None = None
    active: bool | None = None
    reason: Reason = ""


class NewSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password or a PIN."""

    value: Secret


class NewBadge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A badge."""

    badge: Badge


class Forgetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, and the administrator's own password or PIN."""

    reason: Reason
    secret: Secret


class NewDelegation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides in one's place, and when."""

    to: DocumentName
    from_ms: TimeMs
    until_ms: TimeMs
    reason: Reason = ""


class PersonNow(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    id: str
    display: str
    active: bool
    roles: list[HeldRole]
    version: int


@routes.read("/v1/people", scope="people:write", answer=Page[PersonNow], cursor=str, limit=Limit)
def list_people(call: Read) -> Page[PersonNow]:
    """Everybody, in the order of their ids."""
    limit: int = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], str) if "cursor" in call.query else ""
    found = people.listed(call.connection, after, limit + 1)
    more = len(found) > limit
    return Page(items=[person_now(one) for one in found[:limit]], next=cursor_of(found[limit - 1].id) if more else None)


@routes.read("/v1/people/{person}", scope="people:write", answer=PersonNow)
def show_person(call: Read, person: DocumentName) -> PersonNow:
    """A person."""
    return person_now(people.one(call.connection, person))


@routes.write("POST", "/v1/people", scope="people:write", body=NewPerson, answer=PersonNow, status=HTTPStatus.CREATED)
def add_person(call: Write) -> Answer:
    """Add somebody; they can sign in once they have a password, or a badge and a PIN."""
    new: NewPerson = call.body
    people.add(call.work, new.id, new.display, _roles(new.roles), call.services.secrets.name("op-"))
    added = person_now(people.one(call.work.connection, new.id))
    return Answer(value=added, status=HTTPStatus.CREATED, headers={"Location": f"/v1/people/{new.id}"})


@routes.write("PUT", "/v1/people/{person}", scope="people:write", body=ChangedPerson, answer=PersonNow, if_match=True)
def change_person(call: Write, person: DocumentName) -> PersonNow:
    """Give somebody other roles, let them go, or let them come back; what they signed stays signed."""
    new: ChangedPerson = call.body
    roles = None if new.roles is None else _roles(new.roles)
    expected = call.version or 0
    people.change(call.work, person, expected=expected, roles=roles, active=new.active, reason=new.reason)
    return person_now(people.one(call.work.connection, person))


@routes.act(
    "PUT",
    "/v1/people/{person}/password",
    scope="people:write",
    body=NewSecret,
    status=HTTPStatus.NO_CONTENT,
    lane="proving",
)
def set_password(call: Act, person: DocumentName) -> None:
    """Give somebody a password; they are signed out everywhere."""
    credentials.set_password(call.services.store, call.services.secrets, call.who, person, call.body.value)


@routes.act(
    "PUT",
    "/v1/people/{person}/pin",
    scope="people:write",
    body=NewSecret,
    status=HTTPStatus.NO_CONTENT,
    lane="proving",
)
def set_pin(call: Act, person: DocumentName) -> None:
    """Give somebody who has a badge a PIN; they are signed out everywhere."""
    credentials.set_pin(call.services.store, call.services.secrets, call.who, person, call.body.value)


@routes.write("PUT", "/v1/people/{person}/badge", scope="people:write", body=NewBadge, status=HTTPStatus.NO_CONTENT)
def set_badge(call: Write, person: DocumentName) -> None:
    """Give somebody a badge in the place of the one before, whose PIN goes with it."""
    credentials.set_badge(call.work, person, call.body.badge)


@routes.write("POST", "/v1/people/{person}/badge/losses", scope="people:write", status=HTTPStatus.NO_CONTENT)
def take_badge(call: Write, person: DocumentName) -> None:
    """Take somebody's badge and its PIN away, such as when it is lost."""
    credentials.take_badge(call.work, person)


@routes.write(
    "POST",
    "/v1/people/{person}/erasure",
    scope="people:write",
    body=Forgetting,
    answer=PersonNow,
    if_match=True,
    signed=True,
)
def forget_person(call: Write, person: DocumentName) -> PersonNow:
    """Forget a person for good: name, badge, secrets and pseudonym go, what they signed stays."""
    expected = call.version or 0
    erasure.forget(call.work, call.services.secrets, person, expected=expected, reason=call.body.reason)
    return person_now(people.one(call.work.connection, person))


@routes.write(
    "POST",
    "/v1/me/delegations",
    scope="sheets:decide",
    body=NewDelegation,
    answer=NewDelegation,
    status=HTTPStatus.CREATED,
)
def delegate(call: Write) -> NewDelegation:
    """Let somebody decide for oneself for a while."""
    new: NewDelegation = call.body
    people.one(call.work.connection, new.to)
    given = Delegation(call.principal.identity, new.to, new.from_ms, new.until_ms)
    people.delegate(call.work, given, new.reason)
    return new


def person_now(one: Known) -> PersonNow:
    """A person, as administrators are told."""
    roles = [HeldRole(name=role.name, line=role.line) for role in one.roles]
    return PersonNow(id=one.id, display=one.display, active=one.active, roles=roles, version=one.version)


def _roles(given: list[GivenRole]) -> list[Role]:
    return [Role(role.name, role.line or "") for role in given]
