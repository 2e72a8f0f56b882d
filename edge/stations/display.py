"""What the operator sees: four states and a stop, in words that say what to do."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

State = Literal["waiting", "working", "passed", "failed", "stopped"]
"""`stopped`: no unit may come now, and the text says why."""


class Display(Struct, frozen=True, kw_only=True):
    """What stands on the screen; `order` and `serial` while there are any."""

    state: State
    text: str
    order: str | None = None
    serial: str | None = None
    then: str = ""
    """What the operator does next."""


class Operator(Protocol):
    """Whoever stands at the station: scans, and looks at the screen."""

    async def scan(self) -> str:
        """The next line of the scanner."""

    def show(self, display: Display) -> None:
        """Change the screen."""
