"""The meters that can be played, in one table: a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from edge.protocols.bcd import bcd_of
from edge.protocols.iec62056.characters import SIGN_ON_BD
from edge.protocols.iec62056.meter import SAYS_ERROR
from edge.protocols.nbr14522.exchange import RATE_BD
from edge.protocols.nbr14522.frames import SERIAL_DIGITS as NBR14522_DIGITS
from edge.protocols.pima import SERIAL_DIGITS as PIMA_DIGITS
from edge.protocols.quantities import MANDATORY, QUANTITIES
from edge.protocols.ssu_blocks import ExtendedBlock, NormalBlock
from edge.sim import meters
from edge.sim.bus import Talker, Talks
from edge.sim.characters import BITS
from edge.sim.emitters import Emitter, pima, pulses, user_output
from edge.sim.power import LosesPower

PULSES_BD = 115_200


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a meter has to be; each kind takes what it knows."""

    serial: str = "0103050709"
    seed: int = 0
    password: str = meters.PASSWORD
    refusal: str = SAYS_ERROR
    """What it says to a wrong password."""
    address: str = ""
    maker: str = "SIP"
    rate_id: str = meters.RATE_ID
    contents: Mapping[str, str] = field(default_factory=dict)
    """Registers, beside those that every meter has."""
    keeps: Mapping[str, str] = field(default_factory=dict)
    """Registers that keep this, whatever is written."""
    on_write: meters.Written = meters.nobody_looks
    """Told of each write: the address, and what it holds now."""
    power_cut_at: int | None = None
    """Power goes in the middle of its message of that number, counted from 1."""
    off_ms: int | None = None
    """How long; None is for good."""

    def another(self, number: int) -> Wanted:
        """One of the same whose serial is so many further on."""
        letters = self.serial.rstrip("0123456789")
        digits = self.serial[len(letters) :]
        serial = letters + str(int(digits or "0") + number).zfill(len(digits))
        return replace(self, serial=serial, seed=self.seed + number)


class Kind(NamedTuple):
    """A meter by name."""

    name: str
    about: str
    rate_bd: int
    """At which it begins."""
    bits: int
    """Of its characters, with start and stop bits."""
    prepare: Callable[[Wanted], Callable[[], Talks]]
    """What switches it on, again too: the registers are prepared once. Raises `ValueError` for what cannot be."""

    def talker(self, wanted: Wanted) -> Talker:
        """One at the wire, whose power fails if that is wanted; what its registers hold stays. Raises `ValueError`."""
        switched_on = self.prepare(wanted)
        session = switched_on()
        if wanted.power_cut_at is not None:
            session = LosesPower(switched_on, at_send=wanted.power_cut_at, off_ms=wanted.off_ms, rate_bd=self.rate_bd)
        return Talker(session, self.rate_bd, self.bits)


def _iec62056(wanted: Wanted) -> Callable[[], Talks]:
    contents = {**meters.contents_of(wanted.serial), **wanted.contents}
    registers = meters.Stubborn(contents, wanted.password, wanted.keeps, wanted.on_write)
    return lambda: meters.iec62056(
        registers, maker=wanted.maker, rate_id=wanted.rate_id, address=wanted.address, refusal=wanted.refusal
    )


def _nbr14522(wanted: Wanted) -> Callable[[], Talks]:
    serial = wanted.serial[-NBR14522_DIGITS:].zfill(NBR14522_DIGITS)
    bcd_of(serial)  # which raises what cannot be said later
    return lambda: meters.nbr14522(serial)


def _pima(wanted: Wanted) -> Callable[[], Talks]:
    values = {quantity: 0 for quantity in QUANTITIES if quantity.presence == MANDATORY}
    return lambda: Emitter(pima(wanted.serial.zfill(PIMA_DIGITS), values))


def _normal(wanted: Wanted) -> Callable[[], Talks]:
    return lambda: Emitter(user_output(NormalBlock))


def _extended(wanted: Wanted) -> Callable[[], Talks]:
    return lambda: Emitter(user_output(ExtendedBlock))


def _pulses(wanted: Wanted) -> Callable[[], Talks]:
    return lambda: Emitter(pulses(Random(wanted.seed)))  # noqa: S311 - a pulse's bounces


KINDS = (
    Kind("iec62056-21", "a meter of IEC 62056-21, mode C, that is read and programmed", SIGN_ON_BD, BITS, _iec62056),
    Kind("nbr14522", "a meter of the reader protocol of NBR 14522", RATE_BD, BITS, _nbr14522),
    Kind("pima", "a meter that says its packets, unasked", 2400, BITS, _pima),
    Kind("ssu-normal", "the user output of NBR 14522, blocks of eight octets", 110, 11, _normal),
    Kind("ssu-extended", "the user output of NBR 14522, blocks of nine octets", 110, BITS, _extended),
    Kind("pulses", "a pulse output: a byte 1 when its contact closes, 0 when it opens", PULSES_BD, BITS, _pulses),
)
