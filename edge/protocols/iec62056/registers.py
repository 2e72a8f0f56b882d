"""What a simulated meter holds, and to whom it shows it."""

from __future__ import annotations

from edge.protocols.iec62056.data import DataSet, data_sets

UNKNOWN_ADDRESS, NO_ACCESS, UNKNOWN_COMMAND, WRONG_PASSWORD, NOT_ALLOWED = "ER01", "ER02", "ER03", "ER04", "ER05"
"""The texts of this meter's errors; every maker has others."""


class Refusal(Exception):
    """A command is understood and not done; the text goes to the client."""


class Registers:
    """Contents by address; one is what stands in parentheses, `0.4*kWh`, and a list is several of them.

    Whoever simulates more than a table makes another of these: each method may raise `Refusal`.
    """

    def __init__(self, contents: dict[str, str | list[str]], password: str = "") -> None:
        """Without a password everybody may write."""
        self.contents = contents
        self.password = password

    def admits(self, code: str, secret: str) -> bool:
        """Whether a password (P1), or the result of an algorithm (P2), is the right one."""
        return code == "P1" and secret == self.password

    def read(self, address: str, argument: str) -> str | list[str]:
        """What an address holds."""
        if address not in self.contents:
            raise Refusal(UNKNOWN_ADDRESS)
        return self.contents[address]

    def write(self, address: str, content: str | list[str]) -> None:
        """Keep what an address has to hold."""
        if address not in self.contents:
            raise Refusal(UNKNOWN_ADDRESS)
        self.contents[address] = content

    def execute(self, address: str, argument: str) -> None:
        """Do something."""
        raise Refusal(UNKNOWN_COMMAND)

    def readout(self) -> tuple[DataSet, ...]:
        """What the meter says by itself: all."""
        sets: tuple[DataSet, ...] = ()
        for address, content in self.contents.items():
            sets += sets_of(address, content)
        return sets


def sets_of(address: str, content: str | list[str]) -> tuple[DataSet, ...]:
    """The data sets of a content; the first has the address."""
    contents = [content] if isinstance(content, str) else content
    return data_sets(address + "".join([f"({each})" for each in contents]))


def content_of(sets: tuple[DataSet, ...]) -> list[str]:
    """The contents of data sets; raises `Refusal` for what could not be sent again."""
    try:
        return [DataSet("", each.value, each.unit).encode()[1:-1] for each in sets]
    except ValueError:
        raise Refusal(NOT_ALLOWED) from None
