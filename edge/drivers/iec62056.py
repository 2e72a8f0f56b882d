"""A meter in the programming mode of IEC 62056-21, as stations work on it: sign on, write, read back, sign off.

What is asked again after a NAK, a broken answer or silence, and how often, is the client's
(`edge.protocols.iec62056.asking`): the text of an error is never asked again, for it is the meter's answer. A write is
done when the meter acknowledges it, and an ACK is one character that the line can make up: what counts is what is read
back, under parity and block check.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from edge.channels.byte_channel import ByteChannel
from edge.channels.settings import FileName, Line, SpanMs, TcpSettings
from edge.drivers.conversation import Conversation, LineBroke, TookTooLong
from edge.protocols.iec62056 import asking, side
from edge.protocols.iec62056.characters import HARDWARE
from edge.protocols.iec62056.client import INACTIVE, Algorithm, Client
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.sign_on import RATE
from edge.protocols.records import Record
from edge.protocols.session import BABBLE, BROKEN, SILENT, Done, LinkLost, Refused
from edge.stations.parameterization import MeterError
from sipe.errors import UsageError
from sipe.private_files import read_secret

WORDS = {
    SILENT: "the meter says nothing: check the head, the address and the supply",
    BROKEN: "what the meter says comes broken: check the head and the line",
    BABBLE: "the line never falls silent: one meter at a time",
    asking.NAK: "the meter does not take it (NAK): check the password and the line",
    RATE: "the meter goes on at a rate that this line does not have",
    INACTIVE: "nobody spoke for so long that the meter has gone: put it on again",
}
"""What each lost link is to the operator."""
SIGN_ON, SIGN_OFF = "sign-on", "sign-off"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs between meters and heads; as it stands the standard's own choice, and the widest."""

    address: Annotated[str, Meta(pattern=r"^[0-9A-Za-z ]{0,32}$(?!\n)")] = ""
    """Without one every meter on the line answers."""
    maker: Annotated[str, Meta(pattern=r"^([A-Za-z]{3})?$(?!\n)")] = ""
    """The three letters with which the meter has to identify itself, the case of the last left aside; none is any."""
    password_file: FileName | None = None
    """Without one the meter is given no password."""
    log_in: Literal["P1", "P2"] = "P1"
    """P1, a password to compare; P2, the result of the maker's algorithm, or the password in its place."""
    read_code: Annotated[str, Meta(pattern=r"^R[1-6]$(?!\n)")] = "R1"
    write_code: Annotated[str, Meta(pattern=r"^W[1-5]$(?!\n)")] = "W1"
    """Codes above 2 are used nationally, by makers in their own way: R5 and W5 often go by OBIS codes."""
    wake_up: Literal["none", "normal", "fast"] = "none"
    """How a meter on a battery is woken."""
    parity: Literal["software", "hardware", "ignored"] = "software"
    """Who makes it: this program over 8N1, the port with 7E1, or nobody."""
    echo: bool = True
    """Whether the head may give back what is sent; one that does not takes no harm."""
    sets_rate: bool = True
    """Whether the line's rate is changed as the standard says; else it stays as its channel has it."""
    rate_max_bd: Literal[300, 600, 1200, 2400, 4800, 9600, 19200] = 19_200
    """The highest rate of the line; a meter that offers more stays at 300."""
    tries: Annotated[int, Meta(ge=1, le=10)] = 3
    """Of each message."""
    answer_ms: SpanMs = 2_000
    """Before an answer: up to 1500 by the standard, and what the line's adapters take."""
    inactivity_ms: SpanMs = 60_000
    """A meter leaves programming mode after 60 to 120 s without a command."""
    limit_ms: SpanMs = 120_000
    """Of sign-on, of each read and of each write, with all their tries."""


def make(settings: Settings, channel: ByteChannel, monotonic_ms: Callable[[], int]) -> Iec62056Driver:
    """See `edge.drivers.registry.Driver`; the password is read from its file."""
    password = None
    if settings.password_file is not None:
        password = read_secret(Path(settings.password_file), "password_file")
    return Iec62056Driver(settings, channel, monotonic_ms, password)


class Same(Algorithm):
    """No algorithm: the password stands where its result would."""

    def __init__(self, password: str) -> None:
        self._password = password

    def result(self, operand: str) -> str:
        """The password, whatever the operand."""
        return self._password


class _Opened(NamedTuple):
    client: Client
    conversation: Conversation


class Iec62056Driver:
    """See `edge.stations.parameterization.Meter`. The channel is read by nobody else from `open` to `close`."""

    def __init__(
        self,
        settings: Settings,
        channel: ByteChannel,
        monotonic_ms: Callable[[], int],
        password: str | None = None,
        algorithm: Algorithm | None = None,
    ) -> None:
        """`algorithm` is the maker's, for P2. Raises `UsageError` when the channel or the password will not do."""
        if settings.sets_rate and isinstance(channel.settings, TcpSettings):
            raise UsageError(
                f"channel {channel.name}: the rate cannot be changed over plain TCP; let it be of kind rfc2217, or say "
                "sets_rate = false"
            )
        if settings.log_in == "P2" and password is not None:
            algorithm = algorithm or Same(password)
        _check_password(password)
        self._settings = settings
        self._channel = channel
        self._monotonic_ms = monotonic_ms
        self._password = password
        self._algorithm = algorithm
        self._opened: _Opened | None = None

    async def open(self) -> None:
        """See `Meter`."""
        client = _client_of(self._settings)
        line = Line(bits=7, parity="even") if self._settings.parity == HARDWARE else Line()
        wanted = line if self._settings.sets_rate else None
        conversation = Conversation(client, self._channel, self._monotonic_ms, wanted, self._settings.limit_ms)
        self._opened = _Opened(client, conversation)
        client.program(self._password, self._algorithm)
        await self._done(SIGN_ON)
        maker = client.identification.maker if client.identification else ""
        if self._settings.maker and maker.upper() != self._settings.maker.upper():
            raise MeterError(f"this is a meter of {maker}, and one of {self._settings.maker} has to be here")

    async def write(self, register: str, value: str) -> None:
        """See `Meter`; a unit stands behind an asterisk, as in `0.4*kWh`."""
        content, _, unit = value.partition("*")
        client = self._signed_on().client
        _ask(register, lambda: client.write(register, content, unit, self._settings.write_code))
        await self._done(register)

    async def read(self, register: str) -> str:
        """See `Meter`; a unit that the meter says stands behind an asterisk."""
        client = self._signed_on().client
        _ask(register, lambda: client.read(register, code=self._settings.read_code))
        sets = [one for one in await self._done(register) if isinstance(one, DataSet)]
        if len(sets) != 1:
            raise MeterError(f"{register}: the meter answers with {len(sets)} values, and not with one")
        return f"{sets[0].value}*{sets[0].unit}" if sets[0].unit else sets[0].value

    async def close(self) -> None:
        """See `Meter`; what was being asked is given up."""
        if self._opened is not None:
            with suppress(MeterError):
                self._opened.client.sign_off()
                await self._done(SIGN_OFF)
        self._opened = None

    def _signed_on(self) -> _Opened:
        if self._opened is None:
            raise MeterError("nobody has signed on")
        return self._opened

    async def _done(self, what: str) -> tuple[Record, ...]:
        """What came of it, if it was done."""
        try:
            outcome = await self._signed_on().conversation.outcome()
        except LineBroke as error:
            raise MeterError(f"{what}: the line is down: {error}") from error
        except TookTooLong:
            raise MeterError(f"{what}: nothing came of it in {self._settings.limit_ms} ms") from None
        if isinstance(outcome, Refused):
            raise MeterError(f"the meter refuses {what}: {outcome.text}")
        if isinstance(outcome, LinkLost):
            raise MeterError(f"{what}: {WORDS.get(outcome.reason, outcome.reason)}")
        return outcome.data if isinstance(outcome, Done) else ()


def _client_of(settings: Settings) -> Client:
    return Client(
        asking.Settings(
            address=settings.address,
            wake_up=settings.wake_up,
            tries=settings.tries,
            answer_ms=settings.answer_ms,
            inactivity_ms=settings.inactivity_ms,
        ),
        side.Line(parity=settings.parity, echo=settings.echo, rate_max_bd=settings.rate_max_bd),
    )


def _ask(register: str, ask: Callable[[], None]) -> None:
    """Ask for something; it may be what the standard does not let one ask, or too late."""
    try:
        ask()
    except ValueError as error:
        raise MeterError(f"{register}: {error}") from None


def _check_password(password: str | None) -> None:
    try:
        DataSet("", password or "").encode()
    except ValueError:  # which shows it
        raise UsageError("the password is none that a meter takes: printable characters, none of ()/!*") from None
