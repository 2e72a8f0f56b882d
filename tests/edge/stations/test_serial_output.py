"""What a closed meter says decides, and every way in which it is wrong has its name; time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import convert

from edge.channels.intake import Chunk
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.desk.journal import Visited
from edge.protocols.pima import encode_packet, item_of_value
from edge.protocols.quantities import QUANTITIES
from edge.protocols.ssu_blocks import Block, ExtendedBlock, NormalBlock
from edge.protocols.ssu_mixed import MixedBlock
from edge.stations.recorder import Notes
from edge.stations.serial_output import SerialOutputTest
from sipe.clock import ManualClock
from sipe.contracts import events

SERIAL = "0103050709"
ACTIVE, _, _, REVERSE = QUANTITIES
ROWS = [
    {"scope_index": "10/2", "quantity": "active", "presence": "required", "max_kwh": 5},
    {"scope_index": "10/81", "quantity": "reverse", "presence": "optional"},
    {"scope_index": "10/7", "quantity": "reactive", "presence": "forbidden"},
]
CONTRACT = {
    "order": "OP-1", "product": "SM-1", "routing_revision": 1, "station": "manaus.final.line-1.serial-1",
    "step": "serial-output", "setup_digest": "0" * 64, "sheet": None, "parameters": [],
    "protocol": [{"id": "pima_rate_bd", "value": 2400}], "tests": [], "files": {}, "labels": [], "instructions": [],
    "tables": [{"id": "expected_quantities", "key": "scope_index", "units": {}, "rows": ROWS}],
}  # fmt: skip


class Wire:
    """What comes over the line, each at its time; behind it there is silence, which takes its time as well."""

    def __init__(self, clock: ManualClock, said: Iterable[tuple[int, bytes]], broken_ms: int) -> None:
        self._clock = clock
        self._said = list(said)
        self._broken_ms = broken_ms

    def __aiter__(self) -> Wire:
        return self

    async def __anext__(self) -> Chunk:
        now_ms = self._clock.now_ms()
        if self._said and self._said[0][0] <= now_ms + 50:
            at_ms, data = self._said.pop(0)
            self._clock.set(max(now_ms, at_ms))
            return Chunk(at_ms, 1 if at_ms < self._broken_ms else 2, data)
        self._clock.advance(50)
        raise TimeoutError


def packet(value: int | None = 1, serial: str = SERIAL, quantity: int = 0) -> bytes:
    return encode_packet(serial, item_of_value(QUANTITIES[quantity], value))


def outcome(
    said: Iterable[tuple[int, bytes]],
    serial: str = SERIAL,
    broken_ms: int = 100_000,
    sheet: dict[str, Any] = CONTRACT,
) -> tuple[str, Notes]:
    """Why a unit failed, and what was noted of it; at `broken_ms` another connection is made."""
    clock = ManualClock(1_000)
    visit = Visited(1, "key", "working", "OP-1", serial, None, 0, None, None, "", None, "")
    job, notes = SerialOutputTest(Wire(clock, said, broken_ms), clock.now_ms), Notes(clock)
    failure = asyncio.run(job.work(Unit(serial, visit), convert(sheet, Contract), notes))
    return failure, notes


def test_a_good_meter_passes_with_what_it_said() -> None:
    failure, notes = outcome([(2_000, packet(1)), (2_500, packet(7, quantity=3)), (4_000, packet(2))])
    assert failure == ""
    measured = {fact.fields["test"]: fact.fields for fact in notes.facts if fact.kind is events.TestMeasured}
    assert (measured["active_energy"]["value"], measured["active_energy"]["high"]) == (2, 5)
    assert measured["active_energy_reverse"]["passed"]


def test_the_serial_of_the_cover_is_heard_whatever_its_zeros() -> None:
    assert outcome([(2_000, packet()), (4_000, packet())], serial="103050709")[0] == ""


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([], "SILENT"),
        ([(2_000, b"\x00\x80\xf8" * 20)], "FRAMING_ERRORS"),
        ([(2_000, packet(serial="0103050708")), (4_000, packet(serial="0103050708"))], "WRONG_SERIAL"),
        ([(2_000, packet()), (2_500, packet(serial="0103050708")), (4_000, packet())], "TWO_SERIALS"),
        ([(2_000, packet())], "MISSING_QUANTITY"),
        ([(2_000, packet()), (3_000, packet(quantity=1)), (4_000, packet())], "UNEXPECTED_QUANTITY"),
        ([(2_000, packet(6)), (4_000, packet(6))], "NOT_IN_ORDER"),
        ([(2_000, packet()[:-1] + b"\x00"), (4_000, packet()[:-1] + b"\x00")], "CRC"),
    ],
)
def test_what_is_wrong_is_named_for_the_operator_and_as_a_defect(said: list[tuple[int, bytes]], code: str) -> None:
    failure, notes = outcome(said)
    assert f"{code}: " in failure
    assert code in {fact.fields["code"] for fact in notes.facts if fact.kind is events.DefectFound}


def test_what_was_heard_before_the_unit_came_is_not_its() -> None:
    other = packet(serial="0103050708")
    assert outcome([(500, other), (900, other), (2_000, packet()), (4_000, packet())])[0] == ""


def test_two_halves_over_two_connections_are_no_packet() -> None:
    halves = [(2_000, packet()[:8]), (2_020, packet()[8:]), (4_000, packet()[:8]), (4_020, packet()[8:])]
    assert outcome(halves)[0] == ""
    assert "MISSING_QUANTITY: " in outcome(halves, broken_ms=4_010)[0]


@pytest.mark.parametrize("serial", ["WA000001", "12345678901", "\uff11\uff12\uff13"])
def test_a_serial_that_no_meter_can_say_is_said_so(serial: str) -> None:
    assert "no serial that PIMA can say" in outcome([], serial=serial)[0]


def sheet(output: str, proof: str = "position", serial: str = SERIAL) -> dict[str, Any]:
    """A sheet of the user output, whose third octet has to say off-peak."""
    octets = [{"octet": 3, "bit_mask": "0F", "expected_hex": "02"}] if output != "nbr14522-mixed" else []
    return CONTRACT | {
        "protocol": [{"id": "output_protocol", "value": output}],
        "parameters": [{"id": "serial_proof", "value": proof}, {"id": "listening_time_s", "value": 15}],
        "tables": [{"id": "expected_octets", "key": "octet", "units": {}, "rows": octets}],
        "tests": [{"id": "demand_interval_s", "limits": [{"id": "demand_interval_s", "unit": "s", "high": 900}]}],
    }


def each_second(*blocks: Block) -> list[tuple[int, bytes]]:
    return [(2_000 + 1_000 * at, block.encode()) for at, block in enumerate(blocks)]


def mixed(serial: int = 103_050_709, seconds: int = 14) -> list[tuple[int, bytes]]:
    return each_second(*[MixedBlock(clock_s=at, property_raw=serial, seconds_left=600 - at) for at in range(seconds)])


@pytest.mark.parametrize(("kind", "output"), [(NormalBlock, "nbr14522-normal"), (ExtendedBlock, "nbr14522-extended")])
def test_a_user_output_without_a_serial_passes_by_its_blocks(kind: type[NormalBlock], output: str) -> None:
    blocks = [kind(seconds_left=600 - at, active_pulses=at) for at in range(4)]
    failure, notes = outcome(each_second(*blocks), serial="WA000001", sheet=sheet(output))
    assert failure == ""
    measured = {fact.fields["test"]: fact.fields["value"] for fact in notes.facts}
    assert measured == {"blocks": 2, "seconds_left": 599}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([], "SILENT"),
        ([(2_000, b"\x00\x80\xf8" * 20)], "FRAMING_ERRORS"),
        (each_second(NormalBlock(seconds_left=600)), "CRC"),
        (each_second(*[NormalBlock(seconds_left=600 - at, period="peak") for at in range(4)]), "NOT_IN_ORDER"),
        (each_second(*[NormalBlock(seconds_left=1_000 - at) for at in range(4)]), "NOT_IN_ORDER"),
        (each_second(*[NormalBlock(seconds_left=at) for at in (600, 400, 200)]), "CRC"),
    ],
)
def test_what_is_wrong_with_blocks_is_named(said: list[tuple[int, bytes]], code: str) -> None:
    failure, notes = outcome(said, sheet=sheet("nbr14522-normal"))
    assert f"{code}: " in failure
    assert code in {fact.fields["code"] for fact in notes.facts if fact.kind is events.DefectFound}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (mixed(), ""),
        (mixed(103_050_708), "WRONG_SERIAL"),
        (mixed(seconds=6) + [(9_000 + at, one) for at, one in mixed(7, seconds=3)], "TWO_SERIALS"),
        (mixed(seconds=5), "MISSING_QUANTITY"),
    ],
)
def test_the_serial_of_a_mixed_block_has_to_be_that_of_the_cover(said: list[tuple[int, bytes]], code: str) -> None:
    failure, _ = outcome(said, sheet=sheet("nbr14522-mixed", proof="mixed_block"))
    assert (f"{code}: " in failure) if code else failure == ""


@pytest.mark.parametrize(
    ("output", "proof", "serial", "told"),
    [
        ("pulses", "position", SERIAL, "this station does not hear pulses"),
        ("nbr14522-normal", "mixed_block", SERIAL, "nbr14522-normal does not say it"),
        ("nbr14522-mixed", "packet", SERIAL, "proved by packet"),
        ("nbr14522-mixed", "mixed_block", "WA000001", "no serial that a mixed block can say"),
        ("nbr14522-mixed", "mixed_block", "4294967296", "no serial that a mixed block can say"),
    ],
)
def test_a_sheet_that_cannot_be_worked_by_is_said_so(output: str, proof: str, serial: str, told: str) -> None:
    assert told in outcome([], serial=serial, sheet=sheet(output, proof))[0]
