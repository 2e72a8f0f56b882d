"""Who somebody is and what they may do: roles, scopes, and the principal that a request is made by.

A scope is a verb on a kind of thing. Which roles hold which is said once, in `HOLDERS`; where a person holds it, is
said by the lines of their roles. What no role holds is done by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from models.audit import Who
from models.refusal import Forbidden, Refused

RoleName = Literal["station", "operator", "supervisor", "planner", "quality", "engineer", "admin"]
Kind = Literal["person", "device"]
Scope = Literal[
    "read",
    "events:write",
    "units:move",
    "units:stop",
    "units:dispose",
    "leases:take",
    "leases:close",
    "setups:write",
    "setups:tick",
    "orders:write",
    "products:write",
    "sheets:write",
    "sheets:decide",
    "sheets:revoke",
    "templates:write",
    "stations:mode",
    "bypass:grant",
    "people:write",
    "devices:write",
    "equipment:write",
    "seals:replace",
    "lots:write",
    "lots:inspect",
    "lots:release",
    "audit:read",
]

ROLES: frozenset[str] = frozenset(get_args(RoleName))
ALL_LINES = ""
"""The line of a role that is held everywhere."""
DEVICE_ROLE = "station"

HOLDERS: Mapping[Scope, frozenset[str]] = MappingProxyType(
    {
        "read": ROLES,
        "events:write": frozenset({"station"}),
        "units:move": frozenset({"station", "operator", "supervisor"}),
        "units:stop": frozenset({"supervisor", "quality"}),
        "units:dispose": frozenset({"quality"}),
        "leases:take": frozenset({"station"}),
        "leases:close": frozenset({"station", "supervisor"}),
        "setups:write": frozenset({"engineer", "supervisor"}),
        "setups:tick": frozenset({"operator", "supervisor", "engineer"}),
        "orders:write": frozenset({"planner"}),
        "products:write": frozenset({"engineer"}),
        "sheets:write": frozenset({"engineer"}),
        "sheets:decide": ROLES - {"station"},  # the workflow says at which level whose voice counts
        "sheets:revoke": frozenset({"quality"}),
        "templates:write": frozenset({"quality"}),  # not those who write the sheets that are approved by them
        "stations:mode": frozenset({"engineer"}),
        "bypass:grant": frozenset({"supervisor"}),
        "people:write": frozenset({"admin"}),
        "devices:write": frozenset({"admin"}),
        "equipment:write": frozenset({"engineer", "quality"}),
        "seals:replace": frozenset({"supervisor", "quality"}),
        "lots:write": frozenset({"planner", "supervisor", "quality"}),
        "lots:inspect": frozenset({"quality"}),
        "lots:release": frozenset({"quality"}),  # and of these nobody who has measured a unit of the lot
        "audit:read": frozenset({"admin", "quality"}),
    }
)
"""Who may do what. Whoever administers people makes nothing, and whoever makes something administers nobody."""

OF_OTHER_ROLES: frozenset[Scope] = frozenset({"read", "sheets:decide"})
"""What a role beside the seven brings, such as process-engineer: it names approvers in workflows, and nothing else."""

ON_NO_LINE: frozenset[Scope] = frozenset({"read", "sheets:write", "sheets:decide", "sheets:revoke"})
"""These may be done without saying on which line, by whoever may do them on one: a sheet belongs to a product."""


class Role(NamedTuple):
    """A role, on one line or (empty) on all of them."""

    name: str
    line: str = ALL_LINES


ADMIN = Role("admin")
"""Whoever lets others in."""


class Unproven(Refused):
    """Who asks has not shown who they are: they sign in, or enrol, again."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody or something that has proven who it is."""

    identity: str
    kind: Kind
    roles: frozenset[Role]
    station: str | None = None
    """Where a device stands; a person stands nowhere."""
    token: str
    """Names the token that proved it, and is no secret: the audit trail says it."""
    authenticated_ms: int
    """When a password, a PIN or an enrolment code was last shown."""

    def __post_init__(self) -> None:
        if (self.kind == "device") != (self.station is not None):
            raise ValueError("a device stands at a station, and a person does not")

    @property
    def lines(self) -> frozenset[str]:
        """The lines of its roles; `ALL_LINES` among them when one is held everywhere."""
        return frozenset(role.line for role in self.roles)

    def lines_for(self, scope: Scope) -> frozenset[str]:
        """Where it may do something; `ALL_LINES` among them is everywhere, and nothing is nowhere."""
        return frozenset(role.line for role in self.roles if self._serves(role, scope))

    def may(self, scope: Scope, line: str | None = None) -> bool:
        """Whether it may do something on a line, or, where none is said, everywhere.

        Of what is `ON_NO_LINE`, one line is enough when none is said.
        """
        lines = self.lines_for(scope)
        if line is None:
            return bool(lines) and (ALL_LINES in lines or scope in ON_NO_LINE)
        return ALL_LINES in lines or line in lines

    def check_anywhere(self, scope: Scope) -> None:
        """Raise `Forbidden` unless it may do something somewhere; where, is for whoever knows what it is about."""
        if not self.lines_for(scope):
            raise Forbidden("forbidden", f"{self.identity} may not do {scope}")

    def check(self, scope: Scope, *, line: str | None = None, station: str | None = None) -> None:
        """Raise `Forbidden` unless it may do something on that line and at that station.

        A device acts at its own station and nowhere else, and says so; a person acts on the lines of a role that holds
        the scope. Standard: IEC 62443-3-3 SR 2.1; OWASP API1 and API5.
        """
        named = {line, line_of(station) if station is not None else line}
        for at in (named - {None}) or {None}:
            if not self.may(scope, at):
                where = f" on {at}" if at else ""
                raise Forbidden("forbidden", f"{self.identity} may not do {scope}{where}")
        unsaid = station is None and scope in ON_NO_LINE
        if self.kind == "device" and station != self.station and not unsaid:
            where = "without saying where" if station is None else f"at {station}"
            raise Forbidden("forbidden", f"{self.identity} stands at {self.station}, and does no {scope} {where}")

    def as_who(self, scope: Scope) -> Who:
        """How the audit trail names it: with the roles by which it holds a scope."""
        names = sorted({role.name for role in self.roles if self._serves(role, scope)})
        return Who(self.identity, ",".join(names) or self.kind, self.token)

    def _serves(self, role: Role, scope: Scope) -> bool:
        if (role.name == DEVICE_ROLE) != (self.kind == "device"):
            return False  # a person who was given the role of stations is none
        return role.name in HOLDERS[scope] or (role.name not in ROLES and scope in OF_OTHER_ROLES)


def line_of(station: str) -> str:
    """The line that a station is on: site.area.line of site.area.line.station."""
    return station.rpartition(".")[0]
