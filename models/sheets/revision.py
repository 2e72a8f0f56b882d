"""Revisions of a technical sheet: what each is, and what may become of it.

    draft ─submit─▶ submitted ─quorum of every level─▶ approved ─a newer one is approved─▶ obsolete
      ▲                 │                                  └────revoke────▶ revoked
      └── returned, no_consensus, withdrawn ◀─┴─▶ rejected

What was submitted never changes: a revision that came back is edited as a draft and submitted in its next round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from models.approval.case import Case
from models.refusal import Refused

Status = Literal[
    "draft", "submitted", "approved", "rejected", "returned", "no_consensus", "withdrawn", "obsolete", "revoked"
]

EDITABLE: frozenset[Status] = frozenset({"draft", "returned", "no_consensus", "withdrawn"})
"""Only the author changes these, and submits them."""
REVISABLE: frozenset[Status] = frozenset({"approved", "rejected", "revoked"})
"""From these a new revision is begun; while one is under way there is no second."""


class Ref(NamedTuple):
    """Which revision of which sheet."""

    number: str
    revision: int

    def __str__(self) -> str:
        return f"sheet/{self.number}/{self.revision}"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision as it stands."""

    ref: Ref
    product: str
    step: str
    template: str
    template_version: int
    status: Status
    author: str
    values: dict[str, Any] = field(repr=False)
    digest: str | None
    """Of what was submitted last."""
    round: int
    level: str | None
    """The level that is open, when one is."""
    version: int
    created_ms: int
    changed_ms: int

    def check_left_behind(self, author_active: bool) -> None:
        """Raise `Refused` unless somebody else may go on with it: its author is gone, and nobody else is at it."""
        if self.status not in EDITABLE:
            raise Refused("not_editable", f"{self.ref} is {self.status}; what was submitted never changes")
        if author_active:
            raise Refused("author_active", f"{self.author} writes {self.ref} and is active: ask them")

    def check_editable(self, person: str) -> None:
        """Raise `Refused` unless this person may change what is on it, or submit it."""
        if self.status not in EDITABLE:
            raise Refused("not_editable", f"{self.ref} is {self.status}; what was submitted never changes")
        if person != self.author:
            raise Refused("not_the_author", f"{self.author} writes {self.ref}, not {person}")


def status_of(case: Case) -> Status:
    """What an approval makes of the revision that it is about."""
    return "submitted" if case.status == "open" else case.status
