"""The client's way from a silent line to what a meter says first: wake it, sign on, select an option, change the rate.

In mode A the readout follows at once, at 300 Bd; in mode B at the rate that Z says, and commands go at 300 again. In
mode C the client selects readout or programming, and both change to Z when it repeats it. A meter that misses the
option select sends its readout at 300 Bd: nothing is understood here then, and once the line is silent all begins anew.
"""

from __future__ import annotations

from edge.protocols.iec62056.asking import FAST_WAKE_UP, WAKE_UP, Asking, Settings
from edge.protocols.iec62056.blocks import Answer, Command, Push, Readout
from edge.protocols.iec62056.characters import PUSH_BD, RATES_C, SIGN_ON_BD
from edge.protocols.iec62056.messages import PROGRAMMING, READOUT, Ack, Identification, OptionSelect, Request
from edge.protocols.iec62056.side import Line
from edge.protocols.records import Frame
from edge.protocols.session import BABBLE, SILENT, Done, LinkLost, Pause, Send, SetRate

RATE = "rate"
"""Why a link is lost: mode B with a rate that is reserved, or that the line has not."""

_NULS, _NULS_PAUSE_MS = 66, 1_600  # 2.1 to 2.3 s at 300 Bd, then 1.5 to 1.7 s
_FAST_NULS, _FAST_PAUSE_MS, _FAST_ROUNDS = 16, 97, 8  # 500 to 600 ms, two characters and 20 to 40 ms, at least 4.5 s


class SignOn(Asking):
    """A client that signs on, and reads what the meter says by itself."""

    def __init__(self, settings: Settings | None = None, line: Line | None = None) -> None:
        line = line or Line()
        super().__init__(settings, line)
        self.identification: Identification | None = None
        """What the meter said that it is, once it has."""
        self._rate_max_bd = line.rate_max_bd
        self._mode = READOUT
        self._knocks_left = 0

    def readout(self) -> None:
        """Sign on and take what the meter says by itself, in modes A, B and C: `Done` with the data sets."""
        self._sign_on(READOUT)

    def listen(self) -> None:
        """Take the next telegram of a meter that pushes (mode D): `Done` with the data sets."""
        self._begin()
        self._forget()
        self._rate_bd = PUSH_BD
        self._plan.append(SetRate(PUSH_BD))
        self._on = self._on_push
        self._expect(self.settings.push_ms)

    def _on_push(self, message: Frame | str) -> None:
        if isinstance(message, Identification):
            self.identification = message
        elif isinstance(message, Push):
            self._finish(Done(message.sets))
        elif message in (SILENT, BABBLE):
            self._finish(LinkLost(str(message)))

    def _sign_on(self, mode: str) -> None:
        self._begin()
        self._leave()
        self._repeats_by_nak = True
        self._mode = mode
        self._rate_bd = SIGN_ON_BD
        self._plan.append(SetRate(SIGN_ON_BD))  # whatever the line was used for before
        self._wake()

    def _sign_on_again(self) -> None:
        self._leave()
        if self.identification:
            self._plan.append(Pause(self.settings.answer_ms))  # it may yet send its readout
        self._wake()

    def _wake(self) -> None:
        self.identification = None
        self._reaction_ms = 200
        if self.settings.wake_up == FAST_WAKE_UP:
            self._knocks_left = _FAST_ROUNDS
            self._knock()
            return
        if self.settings.wake_up == WAKE_UP:
            self._plan += [Send(bytes(_NULS)), Pause(_NULS_PAUSE_MS)]
        self._request()

    def _knock(self) -> None:
        self._plan.append(Send(bytes(_FAST_NULS)))
        self._on = self._on_knock
        self._expect(_FAST_PAUSE_MS)

    def _on_knock(self, message: Frame | str) -> None:
        if isinstance(message, Ack):
            self._request()
        elif message == SILENT:
            self._knocks_left -= 1
            if self._knocks_left:
                self._knock()
            elif self._has_another_try(SILENT):
                self._sign_on_again()

    def _request(self) -> None:
        self._hears = self._on_identification
        self._when_silent = self._sign_on_again
        self._ask(Request(self.settings.address))

    def _on_identification(self, message: Frame | str) -> None:
        if not isinstance(message, Identification):
            return
        self.identification = message
        self._reaction_ms = message.reaction_ms
        self._leaves_with_break = self._mode == PROGRAMMING
        rate_bd = message.rate_bd or 0
        if rate_bd > self._rate_max_bd:
            rate_bd = 0
        self._hears = self._on_readout
        if message.mode == "C":
            if self._mode == PROGRAMMING:
                self._hears = self._on_operand
            rate_id = message.rate_id if rate_bd else "0"
            self._ask(OptionSelect("0", rate_id, self._mode))
            self._switch(RATES_C[rate_id])
        elif message.mode == "B":
            if not rate_bd:
                self._lose(RATE)
                return
            self._switch(rate_bd)

    def _on_readout(self, message: Frame | str) -> None:
        """A readout, or one that lacks its exclamation mark."""
        if not isinstance(message, (Readout, Answer)) or not self._gather(message):
            return
        self._switch(SIGN_ON_BD)
        if self._mode == READOUT:
            self._finish(Done(self._gathered))
        else:
            self._log_in("")

    def _on_operand(self, message: Frame | str) -> None:
        """The meter says P0, with what an algorithm for the password may need."""
        if isinstance(message, Command) and message.code == "P0":
            self._log_in(message.sets[0].value if message.sets else "")

    def _log_in(self, operand: str) -> None:
        """The meter listens to commands: who programs goes on here."""
        raise NotImplementedError
