"""A meter of IEC 62056-21 with something in its registers, a client of it, and harm that may come to a message."""

from __future__ import annotations

from two_sessions import Damage, TwoSessions, unharmed

from edge.protocols.iec62056.blocks import Command
from edge.protocols.iec62056.characters import SOFTWARE, sent
from edge.protocols.iec62056.client import Client
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import Ack, Identification
from edge.protocols.iec62056.meter import Meter, MeterSettings
from edge.protocols.iec62056.registers import Refusal, Registers
from edge.protocols.session import Done

NORMAL = "00000000"
CONTENTS: dict[str, str | list[str]] = {
    "C.1.0": "0103050709",
    "1.8.0": "0000000.4*kWh",
    "P.01": ["1220823161500", "15", "0.18374*kW"],
}
ALL = (
    DataSet("C.1.0", "0103050709"),
    DataSet("1.8.0", "0000000.4", "kWh"),
    DataSet("P.01", "1220823161500"),
    DataSet("", "15"),
    DataSet("", "0.18374", "kW"),
)


class Jig(Registers):
    """Registers that count what is done."""

    def __init__(self, password: str = "") -> None:
        super().__init__(dict(CONTENTS), password)
        self.writes = 0
        self.executed: list[tuple[str, str]] = []

    def admits(self, code: str, secret: str) -> bool:
        return (code, secret) == ("P2", "result of 4711") or super().admits(code, secret)

    def write(self, address: str, content: str | list[str]) -> None:
        self.writes += 1
        super().write(address, content)

    def execute(self, address: str, argument: str) -> None:
        if address != "RESET":
            raise Refusal("ER07")
        self.executed.append((address, argument))


def meter(
    rate_id: str = "5", *, maker: str = "SIP", jig: Jig | None = None, settings: MeterSettings | None = None
) -> Meter:
    return Meter(Identification(maker, rate_id, "METER"), jig or Jig(NORMAL), settings)


def programmed(
    jig: Jig | None = None,
    settings: MeterSettings | None = None,
    *,
    to_answering: Damage = unharmed,
    to_asking: Damage = unharmed,
) -> tuple[Client, TwoSessions]:
    """A client that has entered programming mode; what is harmed on the line is harmed from then on."""
    client = Client()
    harms = Harm(to_answering), Harm(to_asking)
    two = TwoSessions(client, meter(jig=jig, settings=settings), to_answering=harms[0], to_asking=harms[1])
    client.program(NORMAL)
    assert two.run() == Done()
    for harm in harms:
        harm.begins = True
    two.asking.sent.clear()
    return client, two


class Harm:
    """What is done to bytes once it begins."""

    def __init__(self, harm: Damage) -> None:
        self.begins = False
        self._harm = harm

    def __call__(self, data: bytes) -> bytes:
        return self._harm(data) if self.begins else data


def once(harm: Damage, times: int = 1) -> Damage:
    """The harm is done to the first messages."""
    left = [harm] * times

    def harmed(data: bytes) -> bytes:
        return left.pop()(data) if left else data

    return harmed


def only(at: int, harm: Damage) -> Damage:
    """The harm is done to the message with this number."""
    count = iter(range(1_000))
    return lambda data: harm(data) if next(count) == at else data


def lost(data: bytes) -> bytes:
    return b""


def flipped(data: bytes) -> bytes:
    at = max(0, len(data) - 3)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def replaced_by(message: Command | Ack) -> Damage:
    return lambda data: sent(message.encode(), SOFTWARE)
