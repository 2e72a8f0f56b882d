"""Parameterization: the parameters of the approved sheet and the serial go into the meter, and are read back.

Nothing is taken from anywhere but the contract, and nothing counts as written that was not read back as the sheet says
it is compared. Whether a meter took its parameters is said by `parameters_applied`, with the digest of the setup sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple, Protocol

from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.stations.recorder import Notes, line_of
from sipe.contracts.events import ParametersApplied
from sipe.errors import SipeError

TABLE = "meter_parameters"
SERIAL_REGISTER = "serial_register"

ReadBack = Literal["exact", "number", "none"]


class MeterError(SipeError):
    """The meter cannot be worked on: it refuses, or says nothing; the text is for the operator."""


class Meter(Protocol):
    """What speaks with a meter; each of its methods raises `MeterError`."""

    async def open(self) -> None:
        """Sign on, and be let in to write."""

    async def write(self, register: str, value: str) -> None:
        """Write a register; returns when the meter says that it has."""

    async def read(self, register: str) -> str:
        """The value of a register, as the meter says it."""

    async def close(self) -> None:
        """Let the meter go; never raises."""


class Written(NamedTuple):
    """What goes into a register, and how it is compared when it is read back."""

    register: str
    value: str
    read_back: ReadBack = "exact"


class Parameterization:
    """The job of a parameterization station."""

    def __init__(self, meter: Meter, *, begins_units: bool = False) -> None:
        self._meter = meter
        self.begins_units = begins_units

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        """Write everything, then read all of it back, the serial last."""
        if contract.setup_digest is None:
            return "this step has no approved parameters: call the engineer"
        failure = line_of(await self._written(list(written_by(contract, unit.serial))))
        notes.say(
            ParametersApplied,
            serial=unit.serial,
            order=contract.order,
            setup_digest=contract.setup_digest,
            accepted=not failure,
            detail=failure,
        )
        return failure

    async def _written(self, registers: list[Written]) -> str:
        try:
            await self._meter.open()
            for one in registers:
                await self._meter.write(one.register, one.value)
            for one in registers:
                if one.read_back != "none":
                    found = await self._meter.read(one.register)
                    if not is_same(one, found):
                        return f"{one.register} was written as {one.value!r} and is {found!r}"
        except MeterError as error:
            return str(error)
        finally:
            await self._meter.close()
        return ""


def written_by(contract: Contract, serial: str) -> Iterator[Written]:
    """What a contract wants in the meter, in the order of the sheet, and the serial behind it."""
    for table in contract.tables:
        if table.id == TABLE:
            for row in table.rows:
                yield Written(str(row["register"]), str(row["value"]), row.get("read_back", "exact"))
    for parameter in contract.parameters:
        if parameter.id == SERIAL_REGISTER:
            yield Written(str(parameter.value), serial)


def is_same(wanted: Written, found: str) -> bool:
    """Whether what was read back is what was written: exactly, or as the same number, however it is written."""
    if wanted.read_back == "number":
        try:
            return Decimal(found) == Decimal(wanted.value)
        except InvalidOperation:
            return False
    return found == wanted.value
