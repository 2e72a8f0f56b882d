"""What the pairs of scope and index in PIMA packets stand for: data, to be added to where a contract says more.

Celesc E-321.0017 gives the four of scope 10. The pairs of tariff periods and of alarms (Copel ETC 3.11, edition of
2018) and those of scope 15 (grouped and instantaneous values, which each maker chooses) are not public: hand them to
the decoder beside these.
"""

from __future__ import annotations

from edge.protocols.records import Record

MANDATORY = "mandatory"
IF_PRESENT = "if_present"
"""Sent by a meter that has such a register, even where its display hides it; by others never."""


class Quantity(Record):
    """A quantity of so many digits; the pair with another number of digits is another quantity."""

    FIELDS = ("pair", "name", "unit", "digits", "presence")

    def __init__(self, pair: tuple[int, int], name: str, unit: str, digits: int, presence: str) -> None:
        """`pair` is scope and index."""
        self.pair = pair
        self.name = name
        self.unit = unit
        self.digits = digits
        self.presence = presence


QUANTITIES = (
    Quantity((10, 2), "active_energy", "kWh", 6, MANDATORY),
    Quantity((10, 7), "reactive_energy_inductive", "kvarh", 6, IF_PRESENT),
    Quantity((10, 12), "reactive_energy_capacitive", "kvarh", 6, IF_PRESENT),
    Quantity((10, 81), "active_energy_reverse", "kWh", 6, IF_PRESENT),
)

WATT_HOURS = (
    Quantity((10, 2), "active_energy", "Wh", 10, MANDATORY),
    Quantity((10, 7), "reactive_energy_inductive", "varh", 10, IF_PRESENT),
    Quantity((10, 12), "reactive_energy_capacitive", "varh", 10, IF_PRESENT),
    Quantity((10, 81), "active_energy_reverse", "Wh", 10, IF_PRESENT),
)
"""Data of five bytes are seen in the field and said to be in Wh. Under which pairs is not certain: no default."""


def find(quantities: tuple[Quantity, ...], pair: tuple[int, int], size_bytes: int) -> Quantity | None:
    """The quantity that data of so many bytes is of; None when it is not known."""
    for quantity in quantities:
        if quantity.pair == pair and quantity.digits == 2 * size_bytes:
            return quantity
    return None
