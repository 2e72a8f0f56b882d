"""Each kind of meter at each kind of port, heard by the gateway's own decoders, readers and stations."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert
from virtual_time import run_virtually, virtual_ms

from edge.channels.byte_channel import ByteChannel
from edge.channels.opening import open_channel
from edge.channels.settings import Line, SerialSettings, TcpSettings
from edge.client.shapes import Contract
from edge.desk.desk import Unit
from edge.desk.journal import Visited
from edge.drivers.conversation import Conversation, TookTooLong
from edge.protocols.nbr14522.frames import NOT_IMPLEMENTED, Response
from edge.protocols.nbr14522.reader import Reader
from edge.protocols.pulses import PulseInput
from edge.protocols.session import Done, LinkLost, Outcome, Refused
from edge.protocols.ssu import SsuDecoder
from edge.protocols.ssu_blocks import Block, ExtendedBlock, NormalBlock
from edge.protocols.ssu_events import DEMAND_INTERVAL, Ended, Missed, Pulses, SsuEvents
from edge.sim.bus import Bus, Talker
from edge.sim.emitters import CLOSED, Emitter, pulses, user_output
from edge.sim.faults import FAULTS, Fault, silence, unharmed
from edge.sim.kinds import KINDS, Kind, Wanted
from edge.sim.playing import loop_ms, played
from edge.sim.ports import DirectPort, Port, PtyPort, TcpPort
from edge.stations.recorder import Notes
from edge.stations.serial_output import SerialOutputTest
from sipe.clock import ManualClock
from sipe.errors import UsageError

WAIT_S = 30.0
SERIAL = "0103050709"
KIND = {kind.name: kind for kind in KINDS}
CONTRACT = {
    "order": "OP-1", "product": "SM-1", "routing_revision": 1, "station": "manaus.final.line-1.serial-1",
    "step": "serial-output", "setup_digest": "0" * 64, "sheet": None, "parameters": [],
    "protocol": [{"id": "pima_rate_bd", "value": 2400}], "tests": [], "files": {}, "labels": [], "instructions": [],
    "tables": [{"id": "expected_quantities", "key": "scope_index", "units": {}, "rows": [
        {"scope_index": "10/2", "quantity": "active", "presence": "required", "max_kwh": 5},
    ]}],
}  # fmt: skip


def virtually(
    talkers: list[Talker], story: Callable[[ByteChannel], Any], *, to_port: Fault = unharmed, line: Line | None = None
) -> Any:
    """What comes of a story with a channel to these meters, in virtual time; without a line the port goes with them."""

    async def run() -> Any:
        port = DirectPort()
        async with played(Bus(talkers, loop_ms(), to_port=to_port), port):
            settings = SerialSettings(name="line", port="direct")
            async with ByteChannel(settings, port.connect, None, monotonic_ms=virtual_ms) as channel:
                while not channel.tally.connects:
                    await asyncio.sleep(0.001)
                if line is not None:
                    await channel.set_line(line)
                return await story(channel)

    return run_virtually(run())


def serial_output(talkers: list[Talker], **more: Any) -> str:
    """What the station for the serial output says."""

    async def story(channel: ByteChannel) -> str:
        visit = Visited(1, "key", "working", "OP-1", SERIAL, None, 0, None, None, "", None, "")
        job, notes = SerialOutputTest(channel, virtual_ms), Notes(ManualClock())
        return await job.work(Unit(SERIAL, visit), convert(CONTRACT, Contract), notes)

    return str(virtually(talkers, story, **more))


@pytest.mark.parametrize(
    ("serials", "fault", "failure"),
    [
        ([SERIAL], ("rate", 1.02), ""),
        ([SERIAL], ("gap", 10.0), ""),
        ([SERIAL], ("double", 1e-9), ""),
        ([SERIAL], ("rate", 2.0), "FRAMING_ERRORS: "),
        ([SERIAL], ("silence", 1.0), "SILENT: "),
        ([SERIAL], ("flip", 0.12), "CRC: "),
        (["0103050708"], ("rate", 1.0), "WRONG_SERIAL: "),
    ],
)
def test_a_station_hears_pima_as_it_is_said(serials: list[str], fault: tuple[str, float], failure: str) -> None:
    talkers = [KIND["pima"].talker(Wanted(serial=serial)) for serial in serials]
    harm = FAULTS[fault[0]](Random(4), fault[1])
    assert serial_output(talkers, to_port=harm, line=Line(rate_bd=2400)).startswith(failure or ("",))
    assert bool(serial_output([KIND["pima"].talker(Wanted(serial=serials[0]))], line=Line(rate_bd=2400))) == (
        failure == "WRONG_SERIAL: "
    )


def blocks_of(kind: type[NormalBlock | ExtendedBlock], bits: int, seconds: float, interval_s: int) -> list[Any]:
    async def story(channel: ByteChannel) -> list[Any]:
        decoder, events, found = SsuDecoder(), SsuEvents(), []
        end_ms = virtual_ms() + seconds * 1000
        while virtual_ms() < end_ms:
            chunk = await anext(channel)
            for block in decoder.feed(chunk.data):
                if isinstance(block, Block):
                    found += events.take(block)
        return found

    talker = Talker(Emitter(user_output(kind, interval_s=interval_s, active_hz=7, reactive_hz=2)), 110, bits)
    found: list[Any] = virtually([talker], story, line=Line(rate_bd=110))
    return found


@pytest.mark.parametrize(("kind", "bits"), [(NormalBlock, 11), (ExtendedBlock, 10)])
def test_the_user_output_is_found_out_and_counted(kind: Any, bits: int) -> None:
    """Three intervals of a minute: their ends are told, and every pulse once."""
    found = blocks_of(kind, bits, 200.5, 60)
    assert not any(isinstance(one, Missed) for one in found)
    assert found.count(Ended(DEMAND_INTERVAL)) == 3
    counted = {register: sum(one.count for one in found if isinstance(one, Pulses) and one.register == register)
               for register in (1, 3)}  # fmt: skip
    last = 3 * 60 + 19  # the block of the last whole second
    assert counted == {1: 7 * last, 3: 2 * last}


def reading(reader: Reader, channel: ByteChannel, line: Line | None, clock: Callable[[], int]) -> Conversation:
    return Conversation(reader, channel, clock, line, 20_000)


async def read(channel: ByteChannel, clock: Callable[[], int], code: str = "14") -> Outcome:
    reader = Reader()
    reader.read(code)
    return await reading(reader, channel, None, clock).outcome()


@pytest.mark.parametrize("fault", [unharmed, silence(3, 1), FAULTS["drop"](Random(1), 0.002)])
def test_a_reader_of_nbr_14522_reads_a_meter(fault: Fault) -> None:
    outcome = virtually([KIND["nbr14522"].talker(Wanted())], lambda channel: read(channel, virtual_ms), to_port=fault)
    assert isinstance(outcome, Done)
    (response,) = outcome.data
    assert isinstance(response, Response)
    assert response.meter == SERIAL[-8:]


def test_what_a_meter_has_not_it_refuses_and_one_that_is_not_there_is_lost() -> None:
    talker = KIND["nbr14522"].talker
    refused = virtually([talker(Wanted())], lambda channel: read(channel, virtual_ms, "21"))
    assert refused == Refused(NOT_IMPLEMENTED)
    lost = virtually([talker(Wanted())], lambda channel: read(channel, virtual_ms), to_port=silence(1))
    assert lost == LinkLost("no_enq")


def test_what_was_said_before_one_asks_is_no_answer() -> None:
    """A meter that was there a moment ago, and is not any more: two ENQs of it wait in the channel."""

    async def story(channel: ByteChannel) -> Outcome:
        while channel.tally.bytes_in < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        return await read(channel, virtual_ms)

    assert virtually([KIND["nbr14522"].talker(Wanted())], story, to_port=silence(3)) == LinkLost("no_enq")


def test_what_has_no_end_is_ended() -> None:
    async def story(channel: ByteChannel) -> None:
        reader = Reader(enq_ms=1_000_000)
        reader.read("14")
        with pytest.raises(TookTooLong):
            await reading(reader, channel, None, virtual_ms).outcome()

    virtually([KIND["nbr14522"].talker(Wanted())], story, to_port=silence(1))


@given(seed=st.integers(0, 50))
def test_pulses_bounce_and_are_counted_once(seed: int) -> None:
    async def story(channel: ByteChannel) -> int:
        pulse_input = PulseInput(debounce_ms=20)
        pulse_input.read(False, virtual_ms())
        end_ms = virtual_ms() + 10_200
        while virtual_ms() < end_ms:
            chunk = await anext(channel)
            for byte in chunk.data:
                pulse_input.read(byte == CLOSED[0], chunk.at_ms)
        return pulse_input.count

    counted = virtually([Talker(Emitter(pulses(Random(seed))), 115_200)], story)
    assert counted == 20


@given(steps=st.lists(st.floats(0.1, 3_000.0), min_size=1, max_size=30), said=st.binary(max_size=8))
def test_however_late_one_looks_the_same_is_heard(steps: list[float], said: bytes) -> None:
    """Looking late makes late what is heard, and not another thing."""

    def bus() -> Bus:
        wire = Bus([KIND["iec62056-21"].talker(Wanted()), KIND["pima"].talker(Wanted())], 0.0)
        wire.say(b"\xaf?!\x8d\n" + said, 10.0, 300)
        return wire

    now_ms, seldom, often, heard, found = 10.0, bus(), bus(), b"", b""
    for step_ms in steps:
        now_ms += step_ms
        often.advance(now_ms)
        heard += often.take(300)
    seldom.advance(now_ms)
    found = seldom.take(300)
    assert heard == found


@asynccontextmanager
async def at(kind: Kind, port: Port, **wanted: Any) -> AsyncIterator[ByteChannel]:
    async with played(Bus([kind.talker(Wanted(**wanted))], loop_ms()), port):
        settings: Any = SerialSettings(name="line", port=port.where, line=Line(rate_bd=kind.rate_bd))
        if isinstance(port, TcpPort):
            settings = TcpSettings(name="line", host="127.0.0.1", port=port.port)
        channel: Any = open_channel(settings)
        async with channel:
            yield channel


@pytest.mark.parametrize("port", ["pty", "tcp"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_meter_of_the_table_is_at_every_port(kind: Kind, port: str, tmp_path: Path) -> None:
    """Those that speak unasked are heard, and the others answer a request or say that they are there."""
    begins = {"iec62056-21": b"\xafS", "nbr14522": b"\x05", "pima": b"\x01\x03\x05"}.get(kind.name, b"")

    async def story() -> bytes:
        place: Port = PtyPort(tmp_path / "meter") if port == "pty" else TcpPort()
        async with at(kind, place) as channel, asyncio.timeout(WAIT_S):
            while not channel.tally.connects:
                await asyncio.sleep(0.01)
            heard = b""
            while begins not in heard or not heard:
                await channel.write(b"\xaf?!\x8d\n")
                with_what_comes = asyncio.ensure_future(anext(channel))
                await asyncio.wait({with_what_comes}, timeout=2)
                if not with_what_comes.cancel():
                    heard += with_what_comes.result().data
            return heard

    assert begins in asyncio.run(story())


class TestPorts:
    def test_a_pseudo_terminal_knows_the_rate_that_was_set(self) -> None:
        async def story() -> None:
            port = PtyPort()
            await port.open(lambda data: None)
            try:
                for rate_bd in (110, 300, 2400, 9600, 115_200):
                    with serial.Serial(port.where, rate_bd):
                        assert port.rate_bd == rate_bd
            finally:
                await port.close()

        asyncio.run(story())

    def test_what_nobody_reads_stops_nobody(self) -> None:
        async def story() -> None:
            for port in (PtyPort(), TcpPort()):
                await port.open(lambda data: None)
                for _ in range(100):
                    port.say(bytes(4096))
                await port.close()

        asyncio.run(story())

    def test_the_next_connection_takes_the_place_of_the_one_before(self) -> None:
        async def story() -> None:
            port, heard = TcpPort(), bytearray()
            await port.open(heard.extend)
            async with asyncio.timeout(WAIT_S):
                first, gone = await asyncio.open_connection("127.0.0.1", port.port)
                _, writer = await asyncio.open_connection("127.0.0.1", port.port)
                with suppress(ConnectionResetError):
                    assert await first.read() == b""
                writer.write(b"hello")
                while heard != b"hello":
                    await asyncio.sleep(0.01)
            gone.close()
            writer.close()
            await port.close()

        asyncio.run(story())

    def test_a_place_that_is_taken_is_said(self, tmp_path: Path) -> None:
        async def story() -> None:
            taken = TcpPort()
            await taken.open(lambda data: None)
            with pytest.raises(UsageError, match="nobody can listen there"):
                await TcpPort(port=taken.port).open(lambda data: None)
            await taken.close()
            (tmp_path / "file").write_text("mine")
            port = PtyPort(tmp_path / "file")
            with pytest.raises(UsageError, match="no link can be made there"):
                await port.open(lambda data: None)
            assert (tmp_path / "file").read_text() == "mine"

        asyncio.run(story())

    def test_a_closed_port_leaves_no_file_open(self, tmp_path: Path) -> None:
        async def story() -> list[str]:
            before = sorted(os.listdir("/proc/self/fd"))
            for _ in range(3):
                port = PtyPort(tmp_path / "meter")
                await port.open(lambda data: None)
                await port.close()
            assert sorted(os.listdir("/proc/self/fd")) == before
            return os.listdir(tmp_path)

        assert asyncio.run(story()) == []
        assert termios.B300  # the rates are those of this system
