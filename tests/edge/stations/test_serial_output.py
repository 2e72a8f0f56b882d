"""What a closed meter says decides, and every way in which it is wrong has its name; time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from msgspec import convert

from edge.channels.intake import Chunk
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.desk.journal import Visited
from edge.protocols.pima import encode_packet, item_of_value
from edge.protocols.quantities import QUANTITIES
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


def outcome(said: Iterable[tuple[int, bytes]], serial: str = SERIAL, broken_ms: int = 100_000) -> tuple[str, Notes]:
    """Why a unit failed, and what was noted of it; at `broken_ms` another connection is made."""
    clock = ManualClock(1_000)
    visit = Visited(1, "key", "working", "OP-1", serial, None, 0, None, None, "", None, "")
    job, notes = SerialOutputTest(Wire(clock, said, broken_ms), clock.now_ms), Notes(clock)
    failure = asyncio.run(job.work(Unit(serial, visit), convert(CONTRACT, Contract), notes))
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
