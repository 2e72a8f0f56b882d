"""Workflows: which levels a document goes through, one after the other, and who decides at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from sipe.contracts.fields import DocumentName, DurationMs, Text

Names = Annotated[frozenset[DocumentName], Meta(max_length=100)]
Voices = Annotated[int, Meta(ge=1, le=100)]
Separation = Literal["author", "earlier_levels"]
"""Who may not decide: whoever wrote the document, or has decided at an earlier level of the same round."""

OnTimeLimit = Literal["escalate", "return", "reject"]
"""What becomes of a document whose level was open for too long; escalated, it stays open and says so."""


class WorkflowError(ValueError):
    """A workflow that cannot work; names the level and what is wrong with it."""


class Person(NamedTuple):
    """What is known of a person when something is decided."""

    id: str
    roles: frozenset[str]
    active: bool = True


class Delegation(NamedTuple):
    """`to` may decide for `by` in [from_ms, until_ms), where the level allows it."""

    by: str
    to: str
    from_ms: int
    until_ms: int

    def holds(self, by: str, to: str, at_ms: int) -> bool:
        """Whether it lets `to` decide for `by` at an instant."""
        return (self.by, self.to) == (by, to) and self.from_ms <= at_ms < self.until_ms


Directory = Mapping[str, Person]
"""People by id, as they are when something is decided."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level: its approvers are the people named and those who hold one of the roles."""

    name: DocumentName
    meaning: Text
    """What a signature here says, such as 'checked against the drawing'."""
    roles: Names = frozenset()
    people: Names = frozenset()
    approvals_min: Voices = 1
    rejections_min: Voices = 1
    """So many rejections reject the document; fewer are held against it, and the others may still agree."""
    separation: Annotated[frozenset[Separation], Meta(max_length=2)] = frozenset({"author"})
    delegation: bool = False
    time_limit_ms: DurationMs | None = None
    on_time_limit: OnTimeLimit = "escalate"

    def __post_init__(self) -> None:
        problems = {
            "names neither roles nor people": not (self.roles or self.people),
            "needs no approval": self.approvals_min < 1,
            "is rejected by nobody": self.rejections_min < 1,
            f"needs {self.approvals_min} approvals of {len(self.people)} people": (
                not self.roles and len(self.people) < self.approvals_min
            ),
            "has no time": self.time_limit_ms is not None and self.time_limit_ms < 1,
        }
        for problem in (words for words, is_so in problems.items() if is_so):
            raise WorkflowError(f"level {self.name!r} {problem}")

    def names(self, person: Person) -> bool:
        """Whether the person is an approver here."""
        return person.active and (person.id in self.people or bool(self.roles & person.roles))


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A version of a workflow; it never changes, and a document keeps the one that it was submitted with."""

    name: DocumentName
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    levels: Annotated[tuple[Level, ...], Meta(max_length=20)] = field(default=())

    def __post_init__(self) -> None:
        names = [level.name for level in self.levels]
        if not names:
            raise WorkflowError(f"workflow {self.name!r} has no level")
        if len(set(names)) < len(names):
            raise WorkflowError(f"workflow {self.name!r} has two levels of one name")
