"""A client of IEC 62056-21 in programming mode: what is tried again, what is refused, and what is done once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from metered_line import ALL, NORMAL, Jig, flipped, lost, meter, once, only, programmed, replaced_by
from two_sessions import Damage, TwoSessions, unharmed

from edge.protocols.iec62056.blocks import Answer, Command
from edge.protocols.iec62056.characters import SOFTWARE, sent
from edge.protocols.iec62056.client import Algorithm, Client
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.meter import SAYS_BREAK, SAYS_ERROR, SAYS_NAK, Meter, MeterSettings
from edge.protocols.iec62056.registers import NO_ACCESS, UNKNOWN_ADDRESS, WRONG_PASSWORD
from edge.protocols.session import Done, LinkLost, Outcome, Refused, Send, Wait


def sent_at(client: Client, now_ms: int) -> int:
    """When the client sends, which waits for nothing but the time."""
    while not isinstance(action := client.resume(b"", now_ms), Send):
        assert isinstance(action, Wait)
        now_ms = action.until_ms or 0
    return now_ms


@pytest.mark.parametrize("rate_id", [" ", "A", "0", "5", "6"])
def test_programming_in_modes_a_b_and_c(rate_id: str) -> None:
    client = Client()
    two = TwoSessions(client, meter(rate_id))
    client.program(NORMAL)
    assert two.run() == Done(() if rate_id.isdecimal() else ALL)
    steps: list[tuple[Callable[[], None], Outcome]] = [
        (lambda: client.read("C.1.0"), Done((DataSet("", "0103050709"),))),
        (lambda: client.write("C.1.0", "0103050710"), Done()),
        (lambda: client.read("C.1.0"), Done((DataSet("", "0103050710"),))),
        (lambda: client.write("1.8.0", "5", "kWh", code="W5"), Done()),
        (lambda: client.read("1.8.0", code="R5"), Done((DataSet("", "5", "kWh"),))),
        (lambda: client.read("2.8.0", code="R2"), Refused(UNKNOWN_ADDRESS)),
        (lambda: client.write("2.8.0", "1", code="W2"), Refused(UNKNOWN_ADDRESS)),
        (lambda: client.execute("RESET", "1"), Done()),
        (lambda: client.execute("EXPLODE"), Refused("ER07")),
        (client.sign_off, Done()),
    ]
    for ask, outcome in steps:
        ask()
        assert two.run() == outcome
    two.rest(1_000)
    assert isinstance(two.answering.session, Meter)
    assert not two.answering.session.is_programming
    assert two.asking.rate_bd == two.answering.rate_bd == 300
    assert two.asking.sent[-1] == sent(b"\x01B0\x03q", SOFTWARE)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [(SAYS_ERROR, Refused(WRONG_PASSWORD)), (SAYS_BREAK, Refused("break")), (SAYS_NAK, LinkLost("nak"))],
)
def test_a_wrong_password(said: str, outcome: Outcome) -> None:
    jig = Jig("12345678")
    client = Client()
    two = TwoSessions(client, meter(jig=jig, settings=MeterSettings(wrong_password=said)))
    client.program(NORMAL)
    assert two.run() == outcome
    assert not client.is_programming
    assert two.asking.rate_bd == 300
    client.program("12345678")
    assert two.run() == Done()


def test_a_password_by_a_secure_algorithm() -> None:
    class Secure(Algorithm):
        def result(self, operand: str) -> str:
            return f"result of {operand}"

    client = Client()
    two = TwoSessions(client, meter(settings=MeterSettings(operand="4711")))
    client.program(algorithm=Secure())
    assert two.run() == Done()
    assert two.asking.sent[-1][1:3] == sent(b"P2", SOFTWARE)
    client.write("C.1.0", "1")
    assert two.run() == Done()


def test_without_the_password_there_is_reading_alone() -> None:
    client = Client()
    two = TwoSessions(client, meter())
    client.program()
    assert two.run() == Done()
    client.read("C.1.0")
    assert two.run() == Done((DataSet("", "0103050709"),))
    client.write("C.1.0", "1")
    assert two.run() == Refused(NO_ACCESS)
    client.execute("RESET")
    assert two.run() == Refused(NO_ACCESS)


def test_a_nak_is_a_problem_of_the_line_and_is_tried_again() -> None:
    jig = Jig(NORMAL)
    client, two = programmed(jig, to_answering=once(flipped, 2))
    client.write("C.1.0", "777")
    assert two.run() == Done()
    assert two.answering.sent[-3:] == [b"\x95", b"\x95", b"\x06"]
    assert (jig.contents["C.1.0"], jig.writes) == ("777", 1)
    client, two = programmed(to_answering=flipped)
    client.write("C.1.0", "777")
    assert two.run() == LinkLost("nak")
    assert len(two.asking.sent) == 4  # three tries and a break
    assert not client.is_programming


def test_the_text_of_an_error_is_the_meters_answer_and_is_not_tried_again() -> None:
    client, two = programmed()
    client.write("2.8.0", "1")
    assert two.run() == Refused(UNKNOWN_ADDRESS)
    assert len(two.asking.sent) == 1
    assert client.is_programming


def test_after_a_broken_answer_the_command_is_given_again() -> None:
    """A NAK would make a meter that has not heard the command repeat its answer to the one before."""
    client, two = programmed(to_asking=once(flipped))
    client.read("1.8.0")
    assert two.run() == Done((DataSet("", "0000000.4", "kWh"),))
    assert two.asking.sent[1:] == two.asking.sent[:1]
    client, two = programmed(to_asking=flipped)
    client.read("1.8.0")
    assert two.run() == LinkLost("broken")


def test_a_lost_answer_is_asked_for_again_and_writes_are_written_twice() -> None:
    jig = Jig(NORMAL)
    client, two = programmed(jig, to_asking=once(lost))
    client.write("C.1.0", "777")
    assert two.run() == Done()
    assert jig.writes == 2
    client, two = programmed(to_asking=lost)
    client.read("C.1.0")
    assert two.run() == LinkLost("silent")


def test_a_late_answer_is_not_the_answer_to_the_next_question() -> None:
    """The first answer comes behind the second question, which is answered too; neither says what it answers."""
    client, two = programmed()
    answer = sent(Answer((DataSet("", "0103050709"),)).encode(), SOFTWARE)
    client.read("C.1.0")
    asked_ms = sent_at(client, int(two.now_ms))
    assert client.resume(b"", asked_ms) == Wait(asked_ms + 2_000)
    again_ms = sent_at(client, asked_ms + 2_000)
    assert client.resume(answer, again_ms + 100) == Done((DataSet("", "0103050709"),))
    client.read("1.8.0")
    assert client.resume(b"", again_ms + 100) == Wait(again_ms + 2_100)
    assert client.resume(answer, again_ms + 1_600) == Wait(again_ms + 3_600)
    asked_ms = sent_at(client, again_ms + 3_600)
    assert client.resume(b"", asked_ms) == Wait(asked_ms + 2_000)


def test_an_answer_that_says_it_is_of_another_address_is_none() -> None:
    client, two = programmed(settings=MeterSettings(answers_with_address=True))
    client.read("1-0:1.8.0*255")
    assert two.run() == Refused(UNKNOWN_ADDRESS)
    client.read("1.8.0")
    assert two.run() == Done((DataSet("1.8.0", "0000000.4", "kWh"),))
    other = Command("R1", (DataSet("C.1.0", ""),))
    client, two = programmed(settings=MeterSettings(answers_with_address=True), to_answering=replaced_by(other))
    client.read("1.8.0")
    assert two.run() == LinkLost("silent")


@pytest.mark.parametrize("harm", [lost, flipped])
def test_a_command_is_executed_once_at_most_once_it_may_have_been(harm: Damage) -> None:
    jig = Jig(NORMAL)
    client, two = programmed(jig, to_asking=harm)
    client.execute("RESET")
    assert two.run() == LinkLost("unknown")
    assert jig.executed == [("RESET", "")]
    jig = Jig(NORMAL)
    client, two = programmed(jig, to_answering=once(flipped))  # the meter has said that it did not understand
    client.execute("RESET", "1")
    assert two.run() == Done()
    assert jig.executed == [("RESET", "1")]


BLOCKS = Done((DataSet("", "1220823161500"), DataSet("", "15"), DataSet("", "0.18374", "kW")))


@pytest.mark.parametrize("code", ["R1", "R3", "R4", "R6"])
@pytest.mark.parametrize("harm", [unharmed, lost, flipped])
@pytest.mark.parametrize("is_answer", [False, True])
@pytest.mark.parametrize("at", range(3))
def test_partial_blocks_are_read_whole(code: str, harm: Damage, is_answer: bool, at: int) -> None:
    """Whichever message is harmed, of either side."""
    one, other = (only(at, harm), unharmed) if is_answer else (unharmed, only(at, harm))
    client, two = programmed(to_asking=one, to_answering=other)
    client.read("P.01", code=code)
    assert two.run() == BLOCKS
    client.read("C.1.0")
    assert two.run() == Done((DataSet("", "0103050709"),))


@pytest.mark.parametrize("harm", [unharmed, lost, flipped])
@pytest.mark.parametrize("is_answer", [False, True])
@pytest.mark.parametrize("at", range(4))
def test_partial_blocks_are_written_whole(harm: Damage, is_answer: bool, at: int) -> None:
    jig = Jig(NORMAL)
    one, other = (only(at, harm), unharmed) if is_answer else (unharmed, only(at, harm))
    client, two = programmed(jig, to_asking=one, to_answering=other)
    client.write_blocks("P.01", ["a", "b", "c"])
    assert two.run() == Done()
    assert jig.contents["P.01"] == ["a", "b", "c"]
    ends = [each[-2] for each in two.asking.sent if each[0] == 0x81]
    assert ends[-1] == 0x03
    assert 0x84 in ends


def test_a_password_is_never_asked_for_after_a_minute_of_silence() -> None:
    client, two = programmed()
    two.rest(59_000)
    client.read("C.1.0")
    assert two.run() == Done((DataSet("", "0103050709"),))
    two.rest(61_000)
    client.read("C.1.0")
    assert two.run() == LinkLost("inactive")
    with pytest.raises(ValueError, match="`program` comes first"):
        client.read("C.1.0")
    client.program(NORMAL)
    assert two.run() == Done()


ASKS: list[Callable[[Client], None]] = [
    lambda client: client.read("C.1.0"),
    lambda client: client.write("C.1.0", "1"),
    lambda client: client.write_blocks("C.1.0", ["1", "2"]),
    lambda client: client.execute("RESET"),
]
WRONG: list[Callable[[Client], None]] = [
    lambda client: client.read("C.1.0" * 4),
    lambda client: client.read("C.1.0", code="X1"),
    lambda client: client.write("C.1.0", "(1)"),
    lambda client: client.write_blocks("C.1.0", ["1", "*"]),
    lambda client: client.write_blocks("C.1.0", []),
    lambda client: client.program("(" * 8),
]


def test_what_is_asked_wrongly_is_said_at_once() -> None:
    for ask in ASKS:
        with pytest.raises(ValueError, match="`program` comes first"):
            ask(Client())
    client, two = programmed()
    for wrong in WRONG:
        with pytest.raises(ValueError, match=r"at most|is no command|at least"):
            wrong(client)
    client.read("C.1.0")
    with pytest.raises(ValueError, match="one thing is asked of it at a time"):
        client.read("1.8.0")
    assert two.run() == Done((DataSet("", "0103050709"),))


def test_a_meter_on_a_battery_says_that_it_sleeps() -> None:
    client, two = programmed()
    client.sign_off(battery=True)
    assert two.run() == Done()
    assert [each[1:3] for each in two.asking.sent] == [sent(b"B1", SOFTWARE)]
    assert two.answering.sent[-1] == b"\x06"
