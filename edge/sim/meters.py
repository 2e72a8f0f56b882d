"""Meters that answer, as settings describe them: some keep other values than they were given, or fall silent."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from edge.protocols.iec62056.blocks import Readout
from edge.protocols.iec62056.messages import Identification, Request
from edge.protocols.iec62056.meter import SAYS_ERROR, Meter, MeterSettings
from edge.protocols.iec62056.registers import Registers
from edge.protocols.nbr14522.meter import Meter as Nbr14522Meter

PASSWORD = "00000000"  # noqa: S105 - of a meter that is not there
RATE_ID = "5"
READS_INSTANTANEOUS = "14"
_NEVER = bytes(6)
"""The time of a meter whose clock was never set."""

Written = Callable[[str, str | list[str]], None]


def nobody_looks(address: str, content: str | list[str]) -> None:
    """Somebody writes, and nobody is told."""


class Stubborn(Registers):
    """Registers of which some keep what they choose, and say nothing of it."""

    def __init__(
        self,
        contents: dict[str, str | list[str]],
        password: str = "",
        keeps: Mapping[str, str] | None = None,
        on_write: Written = nobody_looks,
    ) -> None:
        """`on_write` is told of each write: the address, and what it holds now."""
        super().__init__(contents, password)
        self._keeps = keeps or {}
        self._on_write = on_write

    def write(self, address: str, content: str | list[str]) -> None:
        """See `Registers`."""
        super().write(address, self._keeps.get(address, content))
        self._on_write(address, self.contents[address])


def contents_of(serial: str) -> dict[str, str | list[str]]:
    """What a meter holds that comes out of assembly: its numbers, date and time, a ratio and a register."""
    return {
        "0.0.0": serial,
        "C.1.0": serial,
        "0.9.1": "000000",
        "0.9.2": "000101",
        "0.4.2": "1",
        "1.8.0": "000000.0*kWh",
    }


def iec62056(
    registers: Registers, *, maker: str = "SIP", rate_id: str = RATE_ID, address: str = "", refusal: str = SAYS_ERROR
) -> Meter:
    """A meter of IEC 62056-21 with these registers; `refusal` is what it says to a wrong password.

    Raises `ValueError` for what it could not say.
    """
    identification = Identification(maker, rate_id, "METER")
    for message in (identification, Request(address), Readout(registers.readout())):
        message.encode()
    return Meter(identification, registers, MeterSettings(address=address, wrong_password=refusal))


def nbr14522(serial: str) -> Nbr14522Meter:
    """A meter of NBR 14522 that has 127 V on three phases, and nothing else."""
    return Nbr14522Meter(serial, {READS_INSTANTANEOUS: [_NEVER + struct.pack("<3f", 127.0, 127.0, 127.0)]})
