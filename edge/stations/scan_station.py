"""A scan station: a unit that may come has passed, and so is where it is. Assembly and packing work like this."""

from __future__ import annotations

from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.stations.recorder import Notes


class Scanned:
    """The job of a scan station."""

    def __init__(self, *, begins_units: bool = False) -> None:
        self.begins_units = begins_units

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        """Nothing is left to be done."""
        return ""
