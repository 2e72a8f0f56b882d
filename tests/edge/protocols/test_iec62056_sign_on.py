"""A client of IEC 62056-21 signs on to a meter in virtual time: modes, rates, reaction times, wake-up, and noise."""

from __future__ import annotations

import pytest
from metered_line import ALL, NORMAL, Jig, lost, meter, once, only
from two_sessions import TwoSessions

from edge.protocols.iec62056.asking import FAST_WAKE_UP, WAKE_UP, Settings
from edge.protocols.iec62056.characters import HARDWARE, PARITIES, SOFTWARE, sent
from edge.protocols.iec62056.client import Client
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import Ack, Identification, OptionSelect, Request
from edge.protocols.iec62056.meter import Meter, MeterSettings
from edge.protocols.iec62056.side import Line
from edge.protocols.session import Done, LinkLost, Outcome, Send, SetRate, Wait


@pytest.mark.parametrize(
    ("rate_id", "of_client", "of_meter"),
    [
        (" ", [300], []),
        ("A", [300, 600, 300], [600, 300]),
        ("E", [300, 9600, 300], [9600, 300]),
        ("F", [300, 19200, 300], [19200, 300]),
        ("0", [300], []),
        ("5", [300, 9600, 300], [9600, 300]),
        ("6", [300, 19200, 300], [19200, 300]),
        ("7", [300], []),
    ],
)
def test_a_readout_in_modes_a_b_and_c(rate_id: str, of_client: list[int], of_meter: list[int]) -> None:
    client = Client()
    two = TwoSessions(client, meter(rate_id))
    client.readout()
    assert two.run() == Done(ALL)
    assert client.identification is not None
    assert client.identification.ident == "METER"
    two.rest(3_000)
    assert (two.asking.rates_bd, two.answering.rates_bd) == (of_client, of_meter)
    assert len(two.asking.sent) == (2 if rate_id.isdecimal() else 1)


def test_a_meter_that_offers_mode_e_is_taken_in_mode_c() -> None:
    client = Client()
    two = TwoSessions(client, Meter(Identification("SIP", "5", r"\2METER"), Jig()))
    client.readout()
    assert two.run() == Done(ALL)
    assert two.asking.sent[1] == sent(b"\x06050\r\n", SOFTWARE)


def test_what_real_lines_and_meters_add_to_messages() -> None:
    """NULs when the line is turned round, an ETX behind the identification, line ends behind everything."""
    client = Client()
    two = TwoSessions(
        client, meter(), to_asking=lambda data: b"\0\0" + data + (b"\x03" if data[0] == 0xAF else b"\x8d\n")
    )
    client.readout()
    assert two.run() == Done(ALL)
    client.program(NORMAL)
    assert two.run() == Done()
    client.write("C.1.0", "1")
    assert two.run() == Done()
    client.read("C.1.0")
    assert two.run() == Done((DataSet("", "1"),))


def test_mode_d_is_listened_to() -> None:
    client = Client()
    pushing = meter("3")
    pushing.push()
    two = TwoSessions(client, pushing)
    client.listen()
    assert two.run() == Done(ALL)
    assert (two.asking.rates_bd, two.asking.sent) == ([2400], [])


def test_nobody_pushes() -> None:
    client = Client(Settings(push_ms=10_000))
    two = TwoSessions(client, meter("3"))
    client.listen()
    assert two.run() == LinkLost("silent")
    assert two.now_ms == 10_000


@pytest.mark.parametrize("parity", PARITIES)
@pytest.mark.parametrize("echo", [False, True])
def test_whoever_makes_the_parity_and_whatever_the_line_gives_back(parity: str, echo: bool) -> None:
    line = Line(parity=parity, echo=echo)
    client = Client(line=line)
    two = TwoSessions(client, Meter(Identification("SIP", "5", "METER"), Jig(), line=line), echo=echo)
    for ask, outcome in ((client.readout, Done(ALL)), (client.program, Done())):
        ask()
        assert two.run() == outcome
    client.read("C.1.0")
    assert two.run() == Done((DataSet("", "0103050709"),))
    assert two.asking.sent[0] == sent(b"/?!\r\n", parity)


def test_an_echo_that_does_not_come_takes_nothing_away() -> None:
    client = Client(line=Line(echo=True))
    two = TwoSessions(client, meter())
    client.readout()
    assert two.run() == Done(ALL)


def test_the_line_has_not_the_rate_of_the_meter() -> None:
    slow = Line(rate_max_bd=4800)
    client = Client(line=slow)
    two = TwoSessions(client, meter("5"))
    client.readout()
    assert two.run() == Done(ALL)
    assert two.asking.sent[1] == sent(OptionSelect("0", "0", "0").encode(), SOFTWARE)
    assert (two.asking.rates_bd, two.answering.rates_bd) == ([300], [])
    client = Client(line=slow)
    two = TwoSessions(client, meter("E"))
    client.readout()
    assert two.run() == LinkLost("rate")


@pytest.mark.parametrize(("maker", "reaction_ms"), [("SIP", 200), ("SIp", 20)])
def test_neither_side_answers_before_the_reaction_time(maker: str, reaction_ms: int) -> None:
    """Between the last character of one message and the first of the next."""
    client, answering = Client(), meter(maker=maker)
    now_ms = 1_000
    client.readout()
    assert client.resume(b"", now_ms) == SetRate(300)
    assert client.resume(b"", now_ms) == Wait(now_ms + 200)
    assert isinstance(client.resume(b"", now_ms + 200), Send)
    request, identification = (sent(each.encode(), SOFTWARE) for each in (Request(), answering.identification))
    assert answering.resume(request, now_ms) == Wait(now_ms + reaction_ms)
    assert isinstance(answering.resume(b"", now_ms + reaction_ms), Send)
    assert client.resume(b"", 2_000) == Wait(4_000)
    assert client.resume(identification[:5], 3_000) == Wait(4_500)
    assert client.resume(identification[5:], 3_100) == Wait(3_100 + reaction_ms)
    assert isinstance(client.resume(b"", 3_100 + reaction_ms), Send)
    assert client.resume(b"", 3_500) == SetRate(9600)


@pytest.mark.parametrize(
    ("select", "rates_bd", "programs"),
    [
        (OptionSelect("0", "5", "0"), [9600, 300], False),
        (OptionSelect("0", "5", "1"), [9600], True),
        (OptionSelect("0", "4", "0"), [], False),
        (OptionSelect("0", "0", "1"), [], True),
        (OptionSelect("2", "5", "2"), [], False),
        (OptionSelect("0", "5", "6"), [], False),
        (Ack(), [], False),
        (None, [], False),
    ],
)
def test_what_a_meter_makes_of_an_option_select(
    select: OptionSelect | Ack | None, rates_bd: list[int], programs: bool
) -> None:
    """A missing or wrong one makes it send its readout at 300 Bd, and another Z is obeyed at 300 Bd."""
    answering = meter()
    two = TwoSessions(Client(), answering)
    for at_ms, message in ((0, Request()), (1_500, select)):
        if message is not None:
            two.answering.arrivals.append((at_ms, 300, sent(message.encode(), SOFTWARE)))
    two.rest(3_600)
    assert two.answering.rates_bd == rates_bd
    assert answering.is_programming is programs
    last = b"".join(two.answering.sent[1:])
    assert last.startswith(b"\x81P" if programs else b"\x82\xc3.\xb1.0")


def test_a_client_that_is_not_heard_signs_on_again_when_the_meter_has_said_all() -> None:
    """The meter has fallen back and talks at 300 Bd, when the client listens at 9600."""
    for ask, outcome in ((Client.readout, Done(ALL)), (Client.program, Done())):
        client = Client()
        two = TwoSessions(client, meter(), to_answering=only(1, lost))
        ask(client)
        assert two.run() == outcome
        assert two.asking.rates_bd[:2] == [300, 9600]


@pytest.mark.parametrize(("times", "outcome"), [(1, Done(ALL)), (2, Done(ALL)), (3, LinkLost("silent"))])
def test_a_request_that_is_lost_is_said_again(times: int, outcome: Outcome) -> None:
    client = Client()
    two = TwoSessions(client, meter(), to_answering=once(lost, times))
    client.readout()
    assert two.run() == outcome


def test_a_line_that_is_never_silent_is_given_up() -> None:
    """Noise is no answer, however much of it there is."""
    client = Client()
    client.readout()
    now_ms, action = 0, client.resume(b"", 0)
    while not isinstance(action, Outcome):
        now_ms += 50
        action = client.resume(b"\xffnoise\x00", now_ms)
    assert action == LinkLost("silent")
    assert now_ms < 600_000


def test_a_line_on_which_there_is_no_end_of_talk_is_given_up() -> None:
    client = Client(line=Line(parity=HARDWARE, size_max_bytes=1_000))
    client.listen()
    now_ms, action, heard_bytes = 0, client.resume(b"", 0), 0
    while not isinstance(action, Outcome):
        now_ms += 10
        heard_bytes += 100
        action = client.resume(b"/?!\r\n" * 20, now_ms)
    assert action == LinkLost("babble")
    assert heard_bytes < 5_000


def test_a_meter_on_a_battery_is_woken() -> None:
    client = Client(Settings(wake_up=WAKE_UP))
    two = TwoSessions(client, meter())
    client.readout()
    assert two.run() == Done(ALL)
    nuls, request, _ = two.asking.sent
    assert nuls == bytes(66)
    assert 2_100 <= len(nuls) * 10_000 / 300 <= 2_300
    assert request == sent(b"/?!\r\n", SOFTWARE)


def test_the_pause_behind_the_nuls() -> None:
    client = Client(Settings(wake_up=WAKE_UP))
    client.readout()
    assert client.resume(b"", 0) == SetRate(300)
    assert isinstance(client.resume(b"", 0), Send)
    assert client.resume(b"", 2_200) == Wait(3_800)
    assert isinstance(client.resume(b"", 3_800), Send)


def test_a_meter_with_fast_wake_up_says_that_it_is_awake() -> None:
    client = Client(Settings(wake_up=FAST_WAKE_UP))
    client.readout()
    assert client.resume(b"", 0) == SetRate(300)
    now_ms = 0
    for _ in range(3):
        knock = client.resume(b"", now_ms)
        assert isinstance(knock, Send)
        assert knock.data == bytes(16)
        assert client.resume(b"", now_ms + 533) == Wait(now_ms + 630)
        now_ms += 630
    assert isinstance(client.resume(b"", now_ms), Send)
    assert client.resume(b"", now_ms + 533) == Wait(now_ms + 630)
    assert client.resume(b"\x06", now_ms + 540) == Wait(now_ms + 740)
    request = client.resume(b"", now_ms + 740)
    assert isinstance(request, Send)
    assert request.data == sent(b"/?!\r\n", SOFTWARE)


def test_a_meter_that_does_not_wake() -> None:
    client = Client(Settings(wake_up=FAST_WAKE_UP, tries=1))
    two = TwoSessions(client, meter())
    client.readout()
    assert two.run() == LinkLost("silent")
    assert len(two.asking.sent) == 8
    assert two.now_ms >= 4_500


def test_only_the_meter_that_is_asked_for_answers() -> None:
    for address, outcome in (("0012345678", Done(ALL)), ("", Done(ALL)), ("12345679", LinkLost("silent"))):
        client = Client(Settings(address=address))
        two = TwoSessions(client, meter(settings=MeterSettings(address="12345678")))
        client.readout()
        assert two.run() == outcome


def test_a_password_is_in_no_description() -> None:
    client = Client()
    client.program("topsecret")
    shown = ""
    now_ms, action = 0, client.resume(b"", 0)
    for data in (b"/SIP5METER\r\n", b"\x01P0\x02()\x03`"):
        while not isinstance(action, Wait) or action.until_ms != now_ms + 2_000:
            shown += repr(action)
            now_ms = action.until_ms or 0 if isinstance(action, Wait) else now_ms
            action = client.resume(b"", now_ms)
        action = client.resume(sent(data, SOFTWARE), now_ms)
    now_ms += 200
    action = client.resume(b"", now_ms)
    assert isinstance(action, Send)
    assert b"topsecret" in bytes(byte & 0x7F for byte in action.data)
    assert "secret" not in shown + repr(action)
