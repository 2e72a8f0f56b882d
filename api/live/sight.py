"""Who sees which changes: what they may read, and what they have asked for."""

from __future__ import annotations

from dataclasses import dataclass

from models.identity import ALL_LINES, Principal
from sipe.contracts.changes import PLANT_WIDE, Change


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one stream shows of all changes."""

    principal: Principal
    kinds: frozenset[str] = frozenset()
    """These only; none is all of them."""
    line: str | None = None
    station: str | None = None

    def sees(self, change: Change) -> bool:
        """Whether this change is shown."""
        return (
            (not self.kinds or change.kind in self.kinds)
            and self.line in {None, change.line_of_it}
            and self.station in {None, change.station}
            and may_know(self.principal, change)
        )


def may_know(principal: Principal, change: Change) -> bool:
    """Whether somebody may know of a change.

    People, of what is on their lines; a device, of what is at its station or about its whole line; everybody, of what
    belongs to no line. Of a change that does not say where it belongs, only who may read everywhere.
    """
    line = change.line_of_it
    if line is None:
        return change.kind.startswith(PLANT_WIDE) or ALL_LINES in principal.lines_for("read")
    return principal.may("read", line) and principal.station in {None, change.station or principal.station}
