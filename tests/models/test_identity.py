"""Who may do what and where: the table says it, a line bounds it, and a device stays at its station."""

from __future__ import annotations

from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from models.identity import (
    ALL_LINES,
    HOLDERS,
    ON_NO_LINE,
    ROLES,
    Principal,
    Role,
    Scope,
    line_of,
)
from models.refusal import Forbidden

LINE, OTHER_LINE = "manaus.final.line-1", "manaus.final.line-2"
STATION, NEXT_STATION, FAR_STATION = f"{LINE}.cal-1", f"{LINE}.packing", f"{OTHER_LINE}.cal-1"
PROVEN_BY = "f.1"
SCOPES: tuple[Scope, ...] = get_args(Scope)


def person(*roles: Role) -> Principal:
    return Principal(identity="ana", kind="person", roles=frozenset(roles), token=PROVEN_BY, authenticated_ms=1)


def device(station: str = STATION) -> Principal:
    roles = frozenset({Role("station", line_of(station))})
    return Principal(identity="d-1", kind="device", roles=roles, station=station, token=PROVEN_BY, authenticated_ms=1)


def allowed(principal: Principal, scope: Scope, *, line: str | None = None, station: str | None = None) -> bool:
    try:
        principal.check(scope, line=line, station=station)
    except Forbidden:
        return False
    return True


def test_every_scope_has_holders_of_the_seven_roles_and_every_role_a_scope() -> None:
    assert set(HOLDERS) == set(SCOPES)
    assert len(ROLES) == 7
    assert all(holders and holders <= ROLES for holders in HOLDERS.values())
    assert frozenset().union(*HOLDERS.values()) == ROLES


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", sorted(ROLES - {"station"}))
def test_a_person_may_do_what_the_table_says_and_nothing_else(scope: Scope, name: str) -> None:
    assert allowed(person(Role(name)), scope, line=LINE) == (name in HOLDERS[scope])


def test_who_administers_makes_nothing() -> None:
    may = {scope for scope in SCOPES if allowed(person(Role("admin")), scope)}
    assert may == {"people:write", "devices:write", "audit:read", "read", "sheets:decide"}


def test_a_role_counts_on_its_line_only() -> None:
    there = person(Role("operator", LINE))
    assert allowed(there, "units:move", line=LINE)
    assert allowed(there, "units:move", station=STATION)
    assert not allowed(there, "units:move", line=OTHER_LINE)
    assert not allowed(there, "units:move", station=FAR_STATION)
    assert not allowed(there, "units:move", line=LINE, station=FAR_STATION)
    assert not allowed(there, "units:move")  # that would be everywhere
    assert allowed(person(Role("operator")), "units:move")


def test_a_refusal_says_who_may_not_do_what_and_where() -> None:
    with pytest.raises(Forbidden, match=f"^ana may not do orders:write on {LINE}$") as caught:
        person(Role("operator")).check("orders:write", station=STATION)
    assert caught.value.reason == "forbidden"
    with pytest.raises(Forbidden, match=f"^d-1 stands at {STATION}, and does no units:move at {NEXT_STATION}$"):
        device().check("units:move", station=NEXT_STATION)


def test_who_may_do_it_on_one_line_may_do_it_somewhere() -> None:
    person(Role("planner", LINE)).check_anywhere("orders:write")
    device().check_anywhere("units:move")
    for other in (person(Role("admin")), person(), device()):
        with pytest.raises(Forbidden, match="may not do orders:write"):
            other.check_anywhere("orders:write")


def test_a_role_here_and_another_there_are_not_both_here() -> None:
    mixed = person(Role("operator", LINE), Role("supervisor", OTHER_LINE))
    assert not allowed(mixed, "bypass:grant", station=STATION)
    assert allowed(mixed, "bypass:grant", station=FAR_STATION)
    assert mixed.lines == {LINE, OTHER_LINE}
    assert mixed.lines_for("bypass:grant") == {OTHER_LINE}
    assert mixed.lines_for("people:write") == frozenset()


def test_the_admin_of_a_line_administers_nobody() -> None:
    assert not allowed(person(Role("admin", LINE)), "people:write")
    assert allowed(person(Role("admin", LINE)), "devices:write", station=STATION)


def test_a_sheet_is_on_no_line_unless_one_is_said() -> None:
    engineer = person(Role("engineer", LINE))
    assert allowed(engineer, "sheets:write")
    assert not allowed(engineer, "sheets:write", line=OTHER_LINE)


def test_another_role_serves_workflows_only() -> None:
    assert {scope for scope in SCOPES if allowed(person(Role("process-engineer")), scope)} == {"read", "sheets:decide"}


def test_a_person_with_the_role_of_stations_is_no_station() -> None:
    assert not any(allowed(person(Role("station")), scope) for scope in SCOPES)


def test_who_has_no_role_may_do_nothing() -> None:
    assert not any(allowed(person(), scope) for scope in SCOPES)


def test_a_device_acts_at_its_own_station_and_says_so() -> None:
    assert allowed(device(), "units:move", station=STATION)
    assert allowed(device(), "events:write", station=STATION, line=LINE)
    assert allowed(device(), "read")
    for elsewhere in (NEXT_STATION, FAR_STATION, "", f"{STATION}.", STATION.upper()):
        assert not allowed(device(), "units:move", station=elsewhere)
        assert not allowed(device(), "read", station=elsewhere)
    assert not allowed(device(), "units:move")
    assert not allowed(device(), "units:move", line=LINE)
    assert not allowed(device(), "read", line=OTHER_LINE)
    assert not allowed(device(), "setups:tick", station=STATION)


@pytest.mark.parametrize(("kind", "station"), [("device", None), ("person", STATION)])
def test_a_device_stands_somewhere_and_a_person_nowhere(kind: str, station: str | None) -> None:
    with pytest.raises(ValueError, match="a device stands"):
        Principal(
            identity="x",
            kind=kind,  # type: ignore[arg-type]  # one of them
            roles=frozenset(),
            station=station,
            token=PROVEN_BY,
            authenticated_ms=1,
        )


def test_the_trail_says_the_roles_by_which_it_was_allowed() -> None:
    ana = person(Role("engineer"), Role("operator"), Role("planner"))
    assert ana.as_who("setups:tick").role == "engineer,operator"
    assert (ana.as_who("people:write").role, ana.as_who("read").token) == ("person", "f.1")


roles = st.frozensets(
    st.builds(
        Role, st.sampled_from([*sorted(ROLES), "process-engineer"]), st.sampled_from([ALL_LINES, LINE, OTHER_LINE])
    )
)
places = st.sampled_from([None, LINE, OTHER_LINE])


@given(roles=roles, more=roles, scope=st.sampled_from(SCOPES), line=places)
def test_another_role_never_takes_anything_away(
    roles: frozenset[Role], more: frozenset[Role], scope: Scope, line: str | None
) -> None:
    fewer, all_of_them = person(*roles), person(*roles, *more)
    assert all_of_them.may(scope, line) >= fewer.may(scope, line)
    if fewer.may(scope):
        assert scope in ON_NO_LINE or (fewer.may(scope, LINE) and fewer.may(scope, "some.other.line"))


@given(roles=roles, scope=st.sampled_from(SCOPES), line=places, station=st.sampled_from([None, STATION, FAR_STATION]))
def test_what_is_checked_was_allowed_at_each_place_that_was_named(
    roles: frozenset[Role], scope: Scope, line: str | None, station: str | None
) -> None:
    places = {line, station and line_of(station)} - {None} or {None}
    assert allowed(person(*roles), scope, line=line, station=station) == all(
        person(*roles).may(scope, place) for place in places
    )
