"""Refusals: what was asked for is not done, nothing has changed, and whoever asked is told why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Flaw(Protocol):
    """What is wrong in one place, in one word and in a sentence."""

    @property
    def path(self) -> str:
        """Where."""

    @property
    def code(self) -> str:
        """What, for programs."""

    @property
    def detail(self) -> str:
        """What, for people."""


class Refused(Exception):
    """Not as things stand: `reason` is one word of a fixed set, for programs; the text is a sentence, for people."""

    problems: tuple[Flaw, ...] = ()
    """Everything that is in the way, where that is more than one thing."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def need_reason(reason: str, what: str) -> None:
    """Raise `Refused` unless something was said; `what` is what it is needed for, such as 'to hold an order'."""
    if not reason.strip():
        raise Refused("reason_missing", f"{what} takes a reason")


class NotNow(Refused):
    """Nothing is wrong with what was asked for, and the same again later may well be done."""

    def __init__(self, reason: str, detail: str, retry_after_s: int) -> None:
        super().__init__(reason, detail)
        self.retry_after_s = retry_after_s


class TooMuch(NotNow):
    """More than the share of whoever asks."""


class NotFound(Refused):
    """There is no such thing, or none that this person or station may know of."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__("not_found", f"there is no {kind} {key}")


class Stale(Refused):
    """Somebody else changed it since it was read: read it again, and decide anew."""

    def __init__(self, on: str, version: int) -> None:
        super().__init__("stale", f"{on} has changed: it is at version {version} now")


class Forbidden(Refused):
    """Not this person, whatever the state of things."""


class Invalid(Refused):
    """What was sent is wrong, field by field."""

    def __init__(self, detail: str, problems: Sequence[Flaw]) -> None:
        super().__init__("invalid", detail)
        self.problems = tuple(problems)
