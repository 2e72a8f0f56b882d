"""Single sampling plans: how many units of a lot are inspected, and how many may be nonconforming.

Source: ISO 2859-1:1999, 10.1 to 10.3 and 11.1. The numbers are those of the tables; what is derived is the meaning of
a lot of one unit, which table 1 leaves out and which is inspected as a whole.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from models import refusal
from models.sampling.tables import AQLS, CODE_LETTERS, LEVELS, MASTER_TABLES, Level, Row, Severity

Refusal = Literal[
    "lot_size", "level", "aql", "severity", "nonconforming", "sample_size", "serial_doubled", "other_severity",
    "discontinued", "not_discontinued",
]  # fmt: skip
Judgement = Literal["accepted", "rejected"]


class Refused(refusal.Refused):
    """What sampling cannot do, with the reason in one word and in a sentence."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(reason, detail)


class Plan(NamedTuple):
    """A sampling plan; `letter` is that of the row where the arrows ended, not always that of the lot.

    The sample is the lot where the table asks for as many units or more; its acceptance number stays what it is.
    """

    letter: str
    sample_size: int
    accept: int
    reject: int
    aql: float
    severity: Severity
    whole_lot: bool


def code_letter(lot_size: int, level: Level) -> str:
    """Table 1; raises `Refused`."""
    if lot_size < 1:
        raise Refused("lot_size", f"a lot has at least one unit, not {lot_size}")
    if level not in LEVELS:
        raise Refused("level", f"there is no inspection level {level!r}, only {', '.join(LEVELS)}")
    return next(letters[level] for largest, letters in CODE_LETTERS if largest is None or lot_size <= largest)


def plan(lot_size: int, level: Level, aql: float, severity: Severity) -> Plan:
    """The plan of the master table for a lot, its arrows followed; raises `Refused`."""
    letter = code_letter(lot_size, level)
    if aql not in AQLS:
        raise Refused("aql", f"the tables have no column for an AQL of {aql}")
    if severity not in MASTER_TABLES:
        raise Refused("severity", f"there is no {severity!r} inspection")
    row, accept = _followed(MASTER_TABLES[severity], letter, AQLS.index(aql))
    sample_size = min(row.sample_size, lot_size)
    return Plan(row.letter, sample_size, accept, accept + 1, aql, severity, row.sample_size >= lot_size)


def judge(plan: Plan, nonconforming: int) -> Judgement:
    """What the sample says of its lot; raises `Refused`.

    Nonconformities are counted where the AQL is so meant, and there may be more of them than units.
    """
    if nonconforming < 0:
        raise Refused("nonconforming", f"{nonconforming} units cannot be nonconforming")
    return "accepted" if nonconforming <= plan.accept else "rejected"


def accept_one_step_tighter(plan: Plan) -> int | None:
    """The acceptance number of the same normal sample at the next smaller AQL; None where its row has no such plan.

    Wherever a normal plan accepts with two or more, its row has one; the switching rules ask for no other.
    """
    column = AQLS.index(plan.aql) - 1
    row = next(row for row in MASTER_TABLES["normal"] if row.letter == plan.letter)
    cell = row.cells[column] if column >= 0 else "v"
    return cell if isinstance(cell, int) else None


def _followed(rows: tuple[Row, ...], letter: str, column: int) -> tuple[Row, int]:
    """The first plan in the direction of the arrow, with the sample size that belongs to it."""
    at = next(index for index, row in enumerate(rows) if row.letter == letter)
    step = -1 if rows[at].cells[column] == "^" else 1
    while isinstance(cell := rows[at].cells[column], str):
        at += step
    return rows[at], cell
