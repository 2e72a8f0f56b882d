"""The user output of NBR 14522 in a serial-output test: what the sheet wants of its blocks, and what is noted."""

from __future__ import annotations

from edge.client.shapes import Contract
from edge.protocols.ssu_verdict import BlocksVerdict, ExpectedBlocks
from edge.stations.bench_verdict import limits_of
from edge.stations.recorder import Notes
from sipe.contracts.events import DefectFound, TestMeasured

FORMATS = {"nbr14522-normal": "normal", "nbr14522-extended": "extended", "nbr14522-mixed": "mixed"}
"""The formats of blocks, by what the sheet calls the output."""
SERIAL_MAX = (1 << 32) - 1
OCTETS, INTERVAL, PROOF = "expected_octets", "demand_interval_s", "serial_proof"
BY_BLOCK, BY_POSITION = "mixed_block", "position"


class NotSaid(Exception):
    """Why the sheet cannot be worked by; for the operator."""


def blocks_expected(contract: Contract, output: str, serial: str) -> ExpectedBlocks:
    """What the sheet wants to hear; raises `NotSaid`.

    The serial is heard where the sheet has it proved by the mixed block; else the unit is that which was scanned, and
    that it is at this position is all that is known.
    """
    told = {parameter.id: parameter.value for parameter in (*contract.protocol, *contract.parameters)}
    proof = str(told.get(PROOF, BY_POSITION))
    if proof != BY_POSITION and (proof, output) != (BY_BLOCK, "nbr14522-mixed"):
        raise NotSaid(f"the sheet has the serial proved by {proof}, and {output} does not say it: call the engineer")
    interval = limits_of(contract).get(INTERVAL)
    rows = [row for table in contract.tables if table.id == OCTETS for row in table.rows]
    return ExpectedBlocks(
        tuple((int(row["octet"]), int(row.get("bit_mask", "FF"), 16), int(row["expected_hex"], 16)) for row in rows),
        serial=_number(serial) if proof == BY_BLOCK else None,
        interval_max_s=interval.high if interval else None,
        times=int(told.get("equal_readings", 2)),
        listen_ms=1_000 * float(told.get("listening_time_s", 11)),
    )


def note_blocks(notes: Notes, serial: str, contract: Contract, verdict: BlocksVerdict) -> None:
    """Note what was heard, and what was wrong."""
    for failure in verdict.failures:
        notes.say(DefectFound, serial=serial, step=contract.step, code=failure, by="station")
    what = {"serial": serial, "step": contract.step}
    notes.say(TestMeasured, **what, test="blocks", value=verdict.blocks, unit="1", passed=not verdict.failures)
    interval = limits_of(contract).get(INTERVAL)
    if verdict.last is not None:
        high, value = interval.high if interval else None, verdict.last.seconds_left
        passed = high is None or value <= high
        notes.say(TestMeasured, **what, test="seconds_left", value=value, unit="s", high=high, passed=passed)


def _number(serial: str) -> str:
    """A serial as a block says it: a number of 32 bits; raises `NotSaid`."""
    if not (serial.isascii() and serial.isdigit() and int(serial) <= SERIAL_MAX):
        raise NotSaid(f"{serial} is no serial that a mixed block can say: it is a number up to {SERIAL_MAX}")
    return str(int(serial))
