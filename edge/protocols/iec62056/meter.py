"""The meter's side of IEC 62056-21, for simulators and tests.

It keeps to the standard where a client does not: an option select that is wrong or missing makes it send its readout at
300 Bd, one with another Z is obeyed at 300 Bd, and programming mode ends when nobody speaks for a minute.
"""

from __future__ import annotations

from edge.protocols.iec62056.blocks import BREAK, BREAK_BATTERY, PARTIAL_READS, Answer, Command, Push, Readout
from edge.protocols.iec62056.characters import PUSH_BD, SIGN_ON_BD
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import (
    PROGRAMMING,
    READOUT,
    Ack,
    Identification,
    Message,
    Nak,
    OptionSelect,
    Request,
)
from edge.protocols.iec62056.registers import (
    NO_ACCESS,
    NOT_ALLOWED,
    UNKNOWN_COMMAND,
    WRONG_PASSWORD,
    Refusal,
    Registers,
    content_of,
    sets_of,
)
from edge.protocols.iec62056.side import Line, Side
from edge.protocols.records import Frame
from edge.protocols.session import BABBLE, BROKEN, SILENT, Done, SetRate

SAYS_ERROR, SAYS_BREAK, SAYS_NAK = "error", "break", "nak"
"""What a meter says to a wrong password; all three are seen in the field."""

BLOCKS_MAX = 256
"""Partial blocks of one write."""


class MeterSettings:
    """How a meter behaves."""

    def __init__(
        self,
        *,
        address: str = "",
        operand: str = "",
        wrong_password: str = SAYS_ERROR,
        answers_with_address: bool = False,
        option_ms: int = 2_000,
        inactivity_ms: int = 60_000,
    ) -> None:
        """Its address, the operand for an algorithm (P0), and times.

        It waits for an option select for `option_ms`, 1500 to 2200 (t_t), and for commands for `inactivity_ms`.
        """
        self.address = address
        self.operand = operand
        self.wrong_password = wrong_password
        self.answers_with_address = answers_with_address
        self.option_ms = option_ms
        self.inactivity_ms = inactivity_ms


class Meter(Side):
    """The meter's side of a session; it answers for as long as it is resumed."""

    def __init__(
        self,
        identification: Identification,
        registers: Registers,
        settings: MeterSettings | None = None,
        line: Line | None = None,
    ) -> None:
        super().__init__(line or Line())
        self.identification = identification
        self.registers = registers
        self.settings = settings or MeterSettings()
        self.is_programming = False
        self._reaction_ms = identification.reaction_ms
        self._is_admitted = False
        self._blocks: list[Answer] = []
        self._taken_address = ""
        self._taken: list[str] = []
        self._begin_anew()

    def push(self) -> None:
        """Say identification and registers unasked (mode D), and be `Done`."""
        self._forget()
        self._rate_bd = PUSH_BD
        self._plan.append(SetRate(PUSH_BD))
        self._say(self.identification)
        self._say(Push(self.registers.readout()))
        self._finish(Done())

    def _begin_anew(self) -> None:
        self._switch(SIGN_ON_BD)
        self.is_programming = self._is_admitted = False
        self._blocks = []
        self._on = self._on_request
        self._decoder.takes_options = False
        self._expect(None)

    def _on_request(self, message: Frame | str) -> None:
        if not isinstance(message, Request) or not message.is_for(self.settings.address):
            return
        self._say(self.identification)
        if self.identification.mode == "C":
            self._on = self._on_selection
            self._decoder.takes_options = True
            self._expect(self.settings.option_ms)
            return
        if self.identification.mode == "B":
            self._switch(self.identification.rate_bd or SIGN_ON_BD)
        self._read_out()
        self._switch(SIGN_ON_BD)

    def _on_selection(self, message: Frame | str) -> None:
        self._decoder.takes_options = False
        if not isinstance(message, OptionSelect) or message.protocol != "0":
            self._read_out()
            return
        if message.mode in (READOUT, PROGRAMMING) and message.rate_id == self.identification.rate_id:
            self._switch(self.identification.rate_bd or SIGN_ON_BD)
        if message.mode == PROGRAMMING:
            self._take_commands()
            self._say(Command("P0", (DataSet("", self.settings.operand),)))
        else:
            self._read_out()

    def _read_out(self) -> None:
        self._say(Readout(self.registers.readout()))
        self._on = self._on_read_out
        self._expect(1_500)

    def _on_read_out(self, message: Frame | str) -> None:
        """Whether it came well; in modes A and B commands may follow."""
        if isinstance(message, Nak):
            self._say(self._said)
        elif isinstance(message, Command):
            self._take_commands()
            self._on(message)
        else:
            self._begin_anew()
            self._on(message)

    def _take_commands(self) -> None:
        self.is_programming = True
        self._on = self._on_command
        self._expect(self.settings.inactivity_ms)

    def _on_command(self, message: Frame | str) -> None:
        if message == BROKEN:
            self._send(Nak())
        elif isinstance(message, Nak):
            self._send(self._said)
        elif isinstance(message, Ack) and self._blocks:
            self._say(self._blocks.pop(0))
        elif isinstance(message, Command):
            self._obey(message)
        elif message in (SILENT, BABBLE) or isinstance(message, Request):
            self._begin_anew()
            self._on(message)

    def _obey(self, command: Command) -> None:
        self._blocks = []
        if command.code == BREAK_BATTERY:
            self._say(Ack())
        if command.code in (BREAK, BREAK_BATTERY):
            self._begin_anew()
            return
        try:
            self._say(self._answer(command))
        except Refusal as refusal:
            self._say(Answer((DataSet("", str(refusal)),)))
        if self._said == Command(BREAK):
            self._begin_anew()

    def _answer(self, command: Command) -> Message:
        if not command.sets:
            raise Refusal(UNKNOWN_COMMAND)
        kind, first = command.code[0], command.sets[0]
        if kind == "P":
            return self._admit(command.code, first.value)
        if kind == "R":
            return self._answer_of(self.registers.read(first.address, first.value), command)
        if self.registers.password and not self._is_admitted:
            raise Refusal(NO_ACCESS)
        if kind == "W":
            self._take(command)
        elif kind == "E":
            self.registers.execute(first.address, first.value)
        else:
            raise Refusal(UNKNOWN_COMMAND)
        return Ack()

    def _admit(self, code: str, secret: str) -> Message:
        if self.registers.admits(code, secret):
            self._is_admitted = True
            return Ack()
        if self.settings.wrong_password == SAYS_ERROR:
            raise Refusal(WRONG_PASSWORD)
        return Nak() if self.settings.wrong_password == SAYS_NAK else Command(BREAK)

    def _answer_of(self, content: str | list[str], command: Command) -> Answer:
        """The answer, or the first block of it."""
        sets = sets_of(command.sets[0].address if self.settings.answers_with_address else "", content)
        if command.code not in PARTIAL_READS:
            return Answer(sets)
        self._blocks = [Answer((each,), each is sets[-1]) for each in sets]
        return self._blocks.pop(0)

    def _take(self, command: Command) -> None:
        """Write, or keep a block until the last has come; the first of them has the address."""
        address = command.sets[0].address
        if address:
            self._taken_address, self._taken = address, []
        self._taken = self._taken + content_of(command.sets)
        if len(self._taken) > BLOCKS_MAX:
            raise Refusal(NOT_ALLOWED)
        if command.last:
            self.registers.write(self._taken_address, self._taken[0] if len(self._taken) == 1 else self._taken)
