"""The driver against a meter whose line does what lines do: what it says is what the meter holds, or it says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from played_meter import WAIT_S, Bench
from virtual_time import run_virtually

from edge.channels.opening import open_channel
from edge.channels.settings import TcpSettings
from edge.drivers.iec62056 import Iec62056Driver, Settings
from edge.drivers.registry import DRIVERS, meter_of
from edge.protocols.iec62056.blocks import Command
from edge.protocols.iec62056.characters import SOFTWARE, sent
from edge.protocols.iec62056.messages import Ack
from edge.sim import faults
from edge.sim.bus import Talks
from edge.sim.characters import Character
from edge.sim.faults import Fault, both, silence
from edge.sim.meters import iec62056
from edge.sim.ports import PtyPort, TcpPort
from edge.sim.power import LosesPower
from edge.stations.parameterization import MeterError
from sipe.errors import UsageError

VALUE = "000127"
WRONG = "11111111"
QUICK = Settings(answer_ms=1_600)


def on(bench: Bench, story: Callable[[Iec62056Driver], Coroutine[Any, Any, Any]]) -> Any:
    """What comes of a story with the driver, in virtual time or, at a real port, in real time."""

    async def run() -> Any:
        async with bench.driver() as driver:
            try:
                return await story(driver)
            finally:
                await driver.close()

    return run_virtually(run()) if bench.port is None or bench.port.where == "this process" else asyncio.run(run())


async def written_and_read(driver: Iec62056Driver) -> str:
    await driver.open()
    await driver.write("0.9.1", VALUE)
    return await driver.read("0.9.1")


def failure(bench: Bench, story: Callable[[Iec62056Driver], Coroutine[Any, Any, Any]] = written_and_read) -> str:
    with pytest.raises(MeterError) as told:
        on(bench, story)
    return str(told.value)


@pytest.mark.parametrize("rate_id", ["0", "3", "5", "6", "A", "F", " "])
@pytest.mark.parametrize("maker", ["SIP", "SIp"])
def test_what_is_written_is_read_in_modes_a_to_c_at_each_rate(maker: str, rate_id: str) -> None:
    bench = Bench(maker=maker, rate_id=rate_id)
    assert on(bench, written_and_read) == VALUE
    assert bench.registers.contents["0.9.1"] == VALUE


def test_a_unit_goes_with_its_value_both_ways() -> None:
    async def story(driver: Iec62056Driver) -> tuple[str, str]:
        await driver.open()
        before = await driver.read("1.8.0")
        await driver.write("1.8.0", "000007.0*kWh")
        return before, await driver.read("1.8.0")

    assert on(Bench(), story) == ("000000.4*kWh", "000007.0*kWh")


def test_a_unit_after_the_other_and_the_line_is_left_at_300() -> None:
    bench = Bench()

    async def story(driver: Iec62056Driver) -> list[str]:
        found = []
        for _ in range(3):
            found.append(await written_and_read(driver))
            await driver.close()
            assert bench.port is not None
            assert bench.port.rate_bd == 300
        return found

    assert on(bench, story) == [VALUE] * 3


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("told", [False, True])
def test_a_head_that_gives_back_what_is_sent(*, echo: bool, told: bool) -> None:
    """That it is not told that there is an echo it takes for noise, or for the meter's own words, and asks again."""
    bench = Bench(echo=echo, settings=Settings(echo=told))
    assert on(bench, written_and_read) == VALUE


@pytest.mark.parametrize("log_in", ["P1", "P2"])
def test_the_password_goes_out_as_the_settings_say(log_in: Any) -> None:
    bench = Bench(settings=Settings(log_in=log_in))
    if log_in == "P1":
        assert on(bench, written_and_read) == VALUE
    else:
        assert failure(bench) == "the meter refuses sign-on: ER04"


@pytest.mark.parametrize(
    ("bench", "words"),
    [
        (Bench(told_password=WRONG), "the meter refuses sign-on: ER04"),
        (Bench(told_password=WRONG, refusal="break"), "the meter refuses sign-on: break"),
        (Bench(told_password=WRONG, refusal="nak"), "sign-on: the meter does not take it (NAK): check the password"),
        (Bench(told_password=None), "the meter refuses 0.9.1: ER02"),
        (Bench(settings=Settings(maker="WAS")), "this is a meter of SIP, and one of WAS has to be here"),
        (Bench(settings=Settings(address="7")), "sign-on: the meter says nothing"),
        (Bench(to_port=silence(1)), "sign-on: the meter says nothing"),
        (Bench(to_meters=silence(1)), "sign-on: the meter says nothing"),
        (Bench(to_port=silence(4)), "0.9.1: the meter says nothing"),
        (Bench(rate_id="F", settings=Settings(rate_max_bd=300)), "sign-on: the meter goes on at a rate"),
        (Bench(settings=Settings(limit_ms=1_000)), "sign-on: nothing came of it in 1000 ms"),
    ],
)  # fmt: skip
def test_why_it_came_to_nothing_is_said_in_words(bench: Bench, words: str) -> None:
    assert failure(bench).startswith(words)
    is_written = words.startswith("0.9.1: the meter says nothing")  # what was lost is its answer
    assert bench.registers.contents["0.9.1"] == (VALUE if is_written else "000000")


def test_another_value_than_was_written_is_read() -> None:
    bench = Bench(settings=Settings(write_code="W5", read_code="R5"), keeps={"0.9.1": "0"})
    assert on(bench, written_and_read) == bench.registers.contents["0.9.1"] == "0"


@pytest.mark.parametrize(
    ("register", "value", "words"),
    [
        ("9.9.9", "1", "the meter refuses 9.9.9: ER01"),
        ("0.9.1", "12(7", "0.9.1: value '12(7'"),
        ("0.9.1", "x" * 129, "0.9.1: value"),
        ("A" * 17, "1", "A" * 17 + ": address"),
    ],
)
def test_what_no_meter_takes_is_the_orders_fault(register: str, value: str, words: str) -> None:
    async def story(driver: Iec62056Driver) -> None:
        await driver.open()
        await driver.write(register, value)

    bench = Bench()
    assert failure(bench, story).startswith(words)
    assert bench.registers.contents["0.9.1"] == "000000"


def test_nobody_works_on_a_meter_that_was_not_opened() -> None:
    async def read(driver: Iec62056Driver) -> str:
        return await driver.read("0.9.1")

    async def after_closing(driver: Iec62056Driver) -> None:
        await driver.open()
        await driver.close()
        await driver.write("0.9.1", VALUE)

    assert failure(Bench(), read) == failure(Bench(), after_closing) == "nobody has signed on"


def test_a_meter_that_was_left_alone_has_gone() -> None:
    async def story(driver: Iec62056Driver) -> None:
        await driver.open()
        await asyncio.sleep(61)
        await driver.read("0.9.1")

    assert failure(Bench(), story).startswith("0.9.1: nobody spoke for so long")


@pytest.mark.parametrize("at_send", range(1, 6))
def test_power_that_goes_in_any_message_fails_the_unit_and_the_next_try_is_good(at_send: int) -> None:
    def cut(make: Callable[[], Talks]) -> Talks:
        return LosesPower(make, at_send=at_send, off_ms=500, rate_bd=300)

    bench = Bench(wraps=cut)

    async def story(driver: Iec62056Driver) -> str:
        try:
            await written_and_read(driver)
        except MeterError:
            assert at_send > 2
        else:
            assert at_send <= 2  # until it is let in to write, a meter is signed on to again
        await driver.close()
        return await written_and_read(driver)

    assert on(bench, story) == VALUE


def test_what_is_given_up_midway_lets_the_meter_go_all_the_same() -> None:
    bench = Bench()

    async def story(driver: Iec62056Driver) -> str:
        await driver.open()
        asking = asyncio.create_task(driver.read("1.8.0"))
        await asyncio.sleep(0.25)  # the question is on the line
        asking.cancel()
        await asyncio.wait({asking})
        await driver.close()
        return await written_and_read(driver)  # else the meter would hear nothing at 300 Bd for a minute

    assert on(bench, story) == VALUE


def test_what_the_unit_before_said_is_no_answer() -> None:
    """An ACK and a whole answer wait in the channel when the driver begins."""
    bench = Bench(told_password=WRONG)

    async def story(driver: Iec62056Driver) -> None:
        assert bench.port is not None
        bench.port.say(sent(Command("B0").encode() + Ack().encode() * 5, SOFTWARE))
        await written_and_read(driver)

    assert failure(bench, story) == "the meter refuses sign-on: ER04"


@pytest.mark.parametrize(("maker", "rate_id"), [("XYZ", "3"), ("XYz", "3"), ("SIp", "5")])
def test_of_two_meters_that_speak_over_each_other_one_is_heard_or_none(maker: str, rate_id: str) -> None:
    other = Bench(maker=maker, rate_id=rate_id)
    bench = Bench(others=(other.meter(),))
    try:
        found = [on(bench, written_and_read)]
    except MeterError:
        found = []
    held = [one.registers.contents["0.9.1"] for one in (bench, other)]
    assert [value for value in held if value != "000000"] == found


def test_two_meters_that_speak_as_one_are_written_as_one() -> None:
    """Nothing on the line tells them apart, and so a line with several wants an address; but nothing said is wrong."""
    other = Bench()
    bench = Bench(others=(other.meter(),))
    assert on(bench, written_and_read) == VALUE
    assert bench.registers.contents["0.9.1"] == other.registers.contents["0.9.1"] == VALUE


def test_two_meters_are_told_apart_by_the_address() -> None:
    bench = Bench(settings=Settings(address="12"))
    bench.wraps = lambda make: iec62056(bench.registers, address="0012")
    other = Bench()
    bench.others = (iec62056(other.registers, address="13"),)
    assert on(bench, written_and_read) == VALUE
    assert other.registers.contents["0.9.1"] == "000000"


harms = st.lists(
    st.tuples(
        st.sampled_from(["drop", "double", "flip", "parity", "noise"]), st.sampled_from([0.003, 0.02, 0.1])
    ) | st.tuples(st.just("gap"), st.sampled_from([1.0, 40.0]))
    | st.tuples(st.just("rate"), st.sampled_from([0.98, 1.02, 1.1, 2.0]))
    | st.tuples(st.just("late"), st.sampled_from([100.0, 1_000.0]))
    | st.tuples(st.just("silence"), st.integers(2, 9)),
    min_size=1, max_size=3,
)  # fmt: skip


@settings(max_examples=60)
@example(named=[("rate", 0.98), ("parity", 0.02)], ways="both", seed=5888, echo=True, keeps={})
@example(named=[("double", 0.02), ("double", 0.02), ("flip", 0.003)], ways="both", seed=1462, echo=True, keeps={})
@example(named=[("double", 0.1), ("rate", 0.98), ("gap", 40.0)], ways="port", seed=4005, echo=False, keeps={})
@given(named=harms, ways=st.sampled_from(["meters", "port", "both"]), seed=st.integers(0, 10_000), echo=st.booleans(),
       keeps=st.sampled_from([{}, {"C.1": "A1"}]))  # fmt: skip
def test_whatever_the_line_does_nothing_is_said_that_the_meter_does_not_hold(
    *, named: list[tuple[str, float]], ways: str, seed: int, echo: bool, keeps: dict[str, str]
) -> None:
    """What `read` gives is what the register holds then, and what is written and read back right is in the meter.

    A character twice that comes four times, or not at all, leaves parity and block check as they were: then a wrong
    value is read, and what was written is not said to be right.
    """
    is_seen_by_check = not {"double", "drop"} & {name for name, _ in named}
    bench = Bench(echo=echo, keeps=keeps, settings=QUICK)
    if ways != "port":
        bench.to_meters = faults.by_seed(named, seed, "to meters")
    if ways != "meters":
        bench.to_port = faults.by_seed(named, seed, "to port")
    wanted = {"0.9.1": VALUE, "C.1": "A0", "0.0.0": "WA000001"}

    async def story(driver: Iec62056Driver) -> bool:
        await driver.open()
        for register, value in wanted.items():
            await driver.write(register, value)
        found = {}
        for register in wanted:
            found[register] = await driver.read(register)
            assert found[register] == bench.registers.contents[register] or not is_seen_by_check
        return found == wanted

    try:
        is_good = on(bench, story)
    except MeterError:
        return
    is_held = wanted.items() <= bench.registers.contents.items()
    assert is_held >= is_good
    assert is_held == is_good or not is_seen_by_check
    assert not (is_good and keeps)


def only(at: int, fault: Fault) -> Fault:
    """A fault of the burst with this number, counted from 1."""
    count = iter(range(1, 1_000))

    def harmed(burst: list[Character]) -> list[Character]:
        return fault(burst) if next(count) == at else burst

    return harmed


@pytest.mark.parametrize("name", ["drop", "double", "parity", "flip"])
@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("way", ["to_meters", "to_port"])
def test_one_message_that_is_harmed_costs_a_try_and_no_unit(name: str, at: int, way: str) -> None:
    """Each message of the session in turn is harmed by each fault, once, in some of its characters or all."""
    bench = Bench()
    setattr(bench, way, only(at, faults.FAULTS[name](Random(at), 0.5)))
    assert on(bench, written_and_read) == VALUE
    assert bench.registers.contents["0.9.1"] == VALUE


@pytest.mark.long
@pytest.mark.parametrize("fault", ["", "drop", "parity", "silence", "rate"])
def test_over_a_real_pseudo_terminal(tmp_path: Path, fault: str) -> None:
    """Its rate is what the driver sets, and the meter hears nothing at another."""
    chance = Random(7)
    harm = {
        "": faults.unharmed, "drop": only(4, faults.dropping(chance, 0.5)),
        "parity": only(3, faults.wrong_parity(chance, 1.0)), "silence": silence(3, 1), "rate": faults.off_rate(2.0),
    }[fault]  # fmt: skip
    bench = Bench(maker="SIp", port=PtyPort(tmp_path / "meter"), to_port=harm, echo=True)
    if fault == "rate":
        assert failure(bench).startswith("sign-on: ")
        assert bench.registers.contents["0.9.1"] == "000000"
    else:
        assert on(bench, written_and_read) == VALUE
        assert bench.registers.contents["0.9.1"] == VALUE
    assert not (tmp_path / "meter").is_symlink()


@pytest.mark.long
@pytest.mark.parametrize("fault", ["", "noise", "silence"])
def test_over_tcp(fault: str) -> None:
    """Nobody sets a rate there: the server goes along with the meter."""
    harm = {"": faults.unharmed, "noise": both(only(3, faults.noise(Random(3), 0.1))), "silence": silence(2)}[fault]
    bench = Bench(maker="SIp", port=TcpPort(), to_port=harm, settings=Settings(sets_rate=False))
    if fault == "silence":
        assert failure(bench).startswith("sign-on: the meter says nothing")
    else:
        assert on(bench, written_and_read) == VALUE
        assert bench.registers.contents["0.9.1"] == VALUE


@pytest.mark.parametrize("is_awaited", [False, True])
def test_a_line_that_breaks_midway_is_not_gone_on_with(*, is_awaited: bool) -> None:
    """The next connection is another line: its rate is the first again, and bytes are missing."""
    port = TcpPort()
    bench = Bench(maker="SIp", port=port, settings=Settings(sets_rate=False))

    async def story(driver: Iec62056Driver) -> None:
        await driver.open()
        port._hang_up()
        async with asyncio.timeout(WAIT_S):
            while is_awaited and driver._channel.tally.connects < 2:
                await asyncio.sleep(0.01)
        await driver.write("0.9.1", VALUE)

    assert failure(bench, story).startswith(
        "0.9.1: the line is down: channel line " + "was connected anew" * is_awaited
    )
    assert bench.registers.contents["0.9.1"] == "000000"


class TestSettings:
    def test_a_driver_is_chosen_by_name(self, tmp_path: Path) -> None:
        password = tmp_path / "password"
        password.write_text("12345678\n")
        password.chmod(0o600)
        channel: Any = open_channel(TcpSettings(name="line", host="127.0.0.1", port=1))
        table = {"driver": "iec62056-21", "password_file": str(password), "write_code": "W5", "sets_rate": False}
        assert isinstance(meter_of(table, channel), Iec62056Driver)

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ({}, "meter.driver: there is no None; there are "),
            ({"driver": "magic"}, "meter.driver: there is no 'magic'; there are iec62056-21"),
            ({"driver": "iec62056-21", "tries": 0}, "meter (iec62056-21): Expected `int` >= 1 - at `$.tries`"),
            ({"driver": "iec62056-21", "rate": 9600}, "meter (iec62056-21): Object contains unknown field `rate`"),
            ({"driver": "iec62056-21"}, "channel line: the rate cannot be changed over plain TCP"),
            ({"driver": "iec62056-21", "password_file": "/absent"}, "password_file: /absent cannot be read"),
        ],
    )
    def test_what_is_wrong_is_named(self, table: dict[str, Any], words: str) -> None:
        channel: Any = open_channel(TcpSettings(name="line", host="127.0.0.1", port=1))
        with pytest.raises(UsageError) as told:
            meter_of(table, channel)
        assert str(told.value).startswith(words)

    def test_a_password_that_no_meter_takes_is_not_shown(self) -> None:
        channel: Any = open_channel(TcpSettings(name="line", host="127.0.0.1", port=1))
        with pytest.raises(UsageError) as told:
            Iec62056Driver(Settings(sets_rate=False), channel, lambda: 0, "se(cret")
        assert "se(cret" not in str(told.value)

    def test_no_default_forbids_another(self) -> None:
        assert replace(Settings(), maker="WAS", address="0 A", read_code="R5").read_code == "R5"

    @pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
    def test_every_driver_of_the_table_can_be_made(self, driver: Any) -> None:
        channel: Any = open_channel(TcpSettings(name="line", host="127.0.0.1", port=1))
        meter = meter_of({"driver": driver.name, "sets_rate": False}, channel)
        asyncio.run(meter.close())  # which never raises
