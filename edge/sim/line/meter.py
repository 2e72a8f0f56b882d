"""A meter on its way along a line: what is in it, what is on its label, and how it speaks at either end."""

from __future__ import annotations

from edge.protocols.iec62056.characters import SIGN_ON_BD
from edge.protocols.pima import SERIAL_DIGITS
from edge.protocols.quantities import MANDATORY, QUANTITIES
from edge.sim.bus import Talker
from edge.sim.emitters import Emitter, pima
from edge.sim.line.plan import Planned
from edge.sim.meters import PASSWORD, Stubborn, contents_of, iec62056

SERIAL_REGISTER = "0.0.0"
RATIO_REGISTER, RATIO, WRONG_RATIO = "0.9.1", "127", "000128"
"""A parameter of the sheet, and what a meter makes of it that keeps what it likes."""
MAKER = "SIp"
"""A small last letter is a meter that answers after 20 ms instead of 200 (IEC 62056-21, 6.3.2)."""
PIMA_BD = 2400
PIMA_EVERY_MS = 1_500
"""Often enough for two packets within the shortest test."""
_VALUES = {quantity: 0 for quantity in QUANTITIES if quantity.presence == MANDATORY}


class LineMeter:
    """A meter, as its plan wants it."""

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self.serial = ""
        """As the office has given it, and assembly has printed it."""
        self.cover = ""
        """As it is printed on what was put on it when it was closed."""
        keeps = {RATIO_REGISTER: WRONG_RATIO} if planned.wrong == "kept-register" else {}
        self.registers = Stubborn(contents_of(""), PASSWORD, keeps)

    @property
    def says(self) -> str:
        """The serial that is in it, as it says it; zeros as long as nobody has written one."""
        return str(self.registers.contents[SERIAL_REGISTER]).zfill(SERIAL_DIGITS)

    def head(self) -> Talker:
        """It at its optical port."""
        return Talker(iec62056(self.registers, maker=MAKER), SIGN_ON_BD)

    def output(self) -> Talker:
        """It at its serial output, just switched on."""
        return Talker(Emitter(pima(self.says, _VALUES, rate_bd=PIMA_BD, every_ms=PIMA_EVERY_MS)), PIMA_BD)
