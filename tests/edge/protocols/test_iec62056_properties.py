"""Whatever registers hold is read and written, however the line cuts and harms the bytes, and nothing else is."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from two_sessions import TwoSessions

from edge.protocols.iec62056.characters import PARITIES
from edge.protocols.iec62056.client import Client
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import Identification
from edge.protocols.iec62056.meter import Meter, MeterSettings
from edge.protocols.iec62056.registers import UNKNOWN_ADDRESS, WRONG_PASSWORD, Refusal, Registers, sets_of
from edge.protocols.iec62056.side import Line
from edge.protocols.session import Done, LinkLost, Outcome, Refused

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "()/!*")
ADDRESSES = ("C.1.0", "1.8.0", "0.9.1")

values = st.text(PRINTABLE, max_size=30).filter(lambda text: not text.startswith("ER"))
units = st.sampled_from(["", "kWh", "m3"])
contents = st.builds(lambda value, unit: f"{value}*{unit}" if unit else value, values, units)
registers = st.dictionaries(
    st.text(string.ascii_letters + string.digits + ".:-", min_size=1, max_size=16), contents, min_size=1, max_size=4
)
identifications = st.builds(Identification, st.sampled_from(["SIP", "SIp"]), st.sampled_from(" ABF0567"), st.just("M"))


def harming(random: Random, share: float) -> Callable[[bytes], bytes]:
    """In so many of the messages one bit is changed, or one byte is lost."""

    def harmed(data: bytes) -> bytes:
        if random.random() >= share:
            return data
        at = random.randrange(len(data))
        changed = b"" if random.random() < 0.5 else bytes([data[at] ^ 1 << random.randrange(8)])
        return data[:at] + changed + data[at + 1 :]

    return harmed


@given(
    held=registers, identification=identifications, parity=st.sampled_from(PARITIES), longest=st.integers(1, 30),
    seed=st.integers(0, 1_000), with_address=st.booleans(), new=contents,
)  # fmt: skip
def test_whatever_registers_hold_is_read_and_written(
    *, held: dict[str, str], identification: Identification, parity: str, longest: int, seed: int, with_address: bool,
    new: str,
) -> None:  # fmt: skip
    line = Line(parity=parity)
    meter = Meter(identification, Registers(dict(held)), MeterSettings(answers_with_address=with_address), line)
    client = Client(line=line)
    two = TwoSessions(client, meter, seed=seed, longest_piece=longest)
    client.readout()
    assert two.run() == Done(meter.registers.readout())
    client.program()
    assert isinstance(two.run(), Done)
    for address, content in held.items():
        shown = address if with_address else ""
        client.read(address)
        assert two.run() == Done(sets_of(shown, content))
        ((to_write),) = sets_of("", new)
        client.write(address, to_write.value, to_write.unit)
        assert two.run() == Done()
        client.read(address)
        assert two.run() == Done(sets_of(shown, new))
    assert meter.registers.contents == dict.fromkeys(held, new)


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.1, 0.3, 0.6]))
def test_of_a_harmed_message_no_value_is_taken(seed: int, share: float) -> None:
    """One byte of a message is changed in one bit, or lost: the value that is given is the meter's, or none is."""
    random = Random(seed)
    held: dict[str, str | list[str]] = {"C.1.0": "0103050709", "1.8.0": "0032907.841*kWh", "P.01": ["11", "22", "33"]}
    meter = Meter(Identification("SIP", "5", "METER"), Registers(held))
    client = Client()
    two = TwoSessions(client, meter, seed=seed, to_answering=harming(random, share), to_asking=harming(random, share))
    client.readout()
    assert two.run() in (Done(meter.registers.readout()), LinkLost("silent"), LinkLost("broken"))
    for value in ("1", "22"):
        client.program()
        if isinstance(two.run(), Done):
            check_commands(client, two, held, value)
        two.rest(61_000)  # until the meter has left programming mode, if it is in it


def check_commands(client: Client, two: TwoSessions, held: dict[str, str | list[str]], value: str) -> None:
    """Each is done rightly, or the link is lost."""
    before, after = held["P.01"], ["a", "bb", value]
    asks: list[tuple[Callable[[], None], Callable[[], Outcome]]] = [
        (lambda: client.read("1.8.0"), lambda: Done((DataSet("", "0032907.841", "kWh"),))),
        (lambda: client.read("P.01", code="R3"), lambda: Done(sets_of("", held["P.01"]))),
        (lambda: client.write_blocks("P.01", after), Done),
        (lambda: client.read("P.01"), lambda: Done(sets_of("", after))),
        (lambda: client.write("C.1.0", value), Done),
    ]
    for ask, expected in asks:
        ask()
        outcome = two.run()
        assert held["P.01"] in (before, after)
        if isinstance(outcome, LinkLost):
            return
        assert outcome == expected()
    assert held["C.1.0"] == value


class Jig(Registers):
    """Registers of which one is executed."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(ADDRESSES, "0"), "right")
        self.executed = 0

    def execute(self, address: str, argument: str) -> None:
        if address != "RESET":
            raise Refusal(UNKNOWN_ADDRESS)
        self.executed += 1


class ProgrammingMode(RuleBasedStateMachine):
    """A client does what it likes, in any order; the line loses a message now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.jig = Jig()
        self.meter = Meter(Identification("SIP", "5", "METER"), self.jig)
        self.client = Client()
        self.two = TwoSessions(self.client, self.meter, to_answering=self._harmed, to_asking=self._harmed)
        self.held: dict[str, str | list[str]] = dict.fromkeys(ADDRESSES, "0")
        self.executed = 0
        self.idle_ms = 0.0
        self.loses = 0

    def _harmed(self, data: bytes) -> bytes:
        self.loses -= 1
        return b"" if self.loses == 0 else data

    def _run(self, expected: Outcome) -> None:
        """After a minute the meter is no longer in programming mode."""
        if self.idle_ms >= 60_000:
            expected = LinkLost("inactive")
        assert self.two.run() == expected
        self.idle_ms = 0.0
        self.loses = 0

    @rule(at=st.integers(1, 4))
    def a_message_is_lost(self, at: int) -> None:
        self.loses = at

    @rule(duration_ms=st.sampled_from([100.0, 2_000.0, 30_000.0, 61_000.0]))
    def nobody_speaks(self, duration_ms: float) -> None:
        self.two.rest(duration_ms)
        self.idle_ms += duration_ms

    @rule(is_right=st.booleans())
    def programs(self, is_right: bool) -> None:
        self.idle_ms = 0.0
        self.loses = 0
        self.client.program("right" if is_right else "wrong")
        self._run(Done() if is_right else Refused(WRONG_PASSWORD))
        assert self.client.is_programming == is_right

    @rule()
    def reads_out(self) -> None:
        self.idle_ms = 0.0
        self.loses = 0
        self.client.readout()
        self._run(Done(self.jig.readout()))
        assert not self.client.is_programming

    @precondition(lambda self: self.client.is_programming)
    @rule(address=st.sampled_from([*ADDRESSES, "2.8.0"]), code=st.sampled_from(["R1", "R3", "R5"]))
    def reads(self, address: str, code: str) -> None:
        self.client.read(address, code=code)
        held = self.held.get(address)
        self._run(Refused(UNKNOWN_ADDRESS) if held is None else Done(sets_of("", held)))

    @precondition(lambda self: self.client.is_programming)
    @rule(address=st.sampled_from([*ADDRESSES, "2.8.0"]), value=st.sampled_from(["1", "22"]))
    def writes(self, address: str, value: str) -> None:
        self.client.write(address, value)
        if address in self.held and self.idle_ms < 60_000:
            self.held[address] = value
        self._run(Done() if address in self.held else Refused(UNKNOWN_ADDRESS))

    @precondition(lambda self: self.client.is_programming)
    @rule(address=st.sampled_from(ADDRESSES), blocks=st.lists(st.sampled_from(["a", "bb"]), min_size=2, max_size=3))
    def writes_blocks(self, address: str, blocks: list[str]) -> None:
        self.client.write_blocks(address, blocks)
        if self.idle_ms < 60_000:
            self.held[address] = list(blocks)
        self._run(Done())

    @precondition(lambda self: self.client.is_programming)
    @rule()
    def executes(self) -> None:
        self.loses = 0
        self.client.execute("RESET")
        self.executed += self.idle_ms < 60_000
        self._run(Done())

    @precondition(lambda self: self.client.is_programming)
    @rule()
    def speaks_out_of_turn(self) -> None:
        self.client.read("C.1.0")
        with pytest.raises(ValueError, match="one thing"):
            self.client.write("C.1.0", "3")
        self._run(Done(sets_of("", self.held["C.1.0"])))

    @precondition(lambda self: not self.client.is_programming)
    @rule()
    def speaks_too_early(self) -> None:
        with pytest.raises(ValueError, match="`program` comes first"):
            self.client.write("C.1.0", "3")

    @rule()
    def signs_off(self) -> None:
        self.loses = 0
        self.client.sign_off()
        expected: Outcome = Done()
        if self.client.is_programming:
            self._run(expected)
        else:
            assert self.two.run() == expected
        assert not self.client.is_programming

    @invariant()
    def the_meter_holds_what_was_written(self) -> None:
        assert self.jig.contents == self.held
        assert self.jig.executed == self.executed

    @invariant()
    def both_are_at_the_same_rate_when_they_talk(self) -> None:
        if self.client.is_programming and self.meter.is_programming:
            assert self.two.asking.rate_bd == self.two.answering.rate_bd == 9600


TestProgrammingMode = ProgrammingMode.TestCase
TestProgrammingMode.settings = settings(stateful_step_count=25)
