"""The client of IEC 62056-21, in modes A to D and in programming mode: reads, writes and executes.

    client.readout()             resume it until it is done; or
    client.program("00000000")   the same
    client.read("C.1.0")         the same, and so on
    client.sign_off()            the same

A value is only given when its message came whole, with the right parity and BCC, as the answer to what was asked last.
What is asked wrongly, by the standard or at the wrong time, raises `ValueError` at once.
"""

from __future__ import annotations

from edge.protocols.iec62056.asking import Settings
from edge.protocols.iec62056.blocks import BREAK_BATTERY, PARTIAL_READS, Answer, Command
from edge.protocols.iec62056.data import DataSet, same_code
from edge.protocols.iec62056.messages import PROGRAMMING, Ack
from edge.protocols.iec62056.side import Line
from edge.protocols.iec62056.sign_on import SignOn
from edge.protocols.records import Frame
from edge.protocols.session import Action, Done

INACTIVE, UNKNOWN = "inactive", "unknown"
"""Why a link is lost: nobody spoke for so long that the meter has left programming mode; no answer came to a command
that must not be given twice, and so it was executed or not."""


class Algorithm:
    """A maker's secure algorithm for the password (P2)."""

    def result(self, operand: str) -> str:
        """What is sent for the operand that the meter gave."""
        raise NotImplementedError


class Client(SignOn):
    """The client's side of a session with one meter."""

    def __init__(self, settings: Settings | None = None, line: Line | None = None) -> None:
        super().__init__(settings, line)
        self._password: str | None = None
        self._algorithm: Algorithm | None = None
        self._asked = ""
        self._read_out: tuple[DataSet, ...] = ()

    def resume(self, data: bytes, now_ms: int) -> Action:
        """See `Session`."""
        if self.is_programming and now_ms - self._since_ms >= self.settings.inactivity_ms:
            if self._is_busy:
                self._lose(INACTIVE)
            self.is_programming = False
        return super().resume(data, now_ms)

    def program(self, password: str | None = None, algorithm: Algorithm | None = None) -> None:
        """Sign on and enter programming mode; `Done` with the readout that comes before it in modes A and B.

        The password is compared by the meter (P1), or an algorithm makes one of the meter's operand (P2). With neither
        the meter takes the commands that it takes from everybody.
        """
        self._password = password
        self._algorithm = algorithm
        if password is not None:
            DataSet("", password).encode()
        self._sign_on(PROGRAMMING)

    def read(self, address: str, argument: str = "", code: str = "R1") -> None:
        """Read an address: `Done` with the data sets, of all blocks when it is read in partial blocks (R3, R4, R6)."""
        self._asked = "" if code in PARTIAL_READS else address
        self._command(Command(code, (DataSet(address, argument),)))
        self._hears = self._on_data

    def write(self, address: str, value: str, unit: str = "", code: str = "W1") -> None:
        """Write an address: `Done` when the meter has acknowledged it. Written again when that is lost on the way."""
        self._command(Command(code, (DataSet(address, value, unit),)))

    def write_blocks(self, address: str, values: list[str], code: str = "W3") -> None:
        """Write an address in partial blocks; all of them again when an answer is lost."""
        if not values:
            raise ValueError(f"{address}: at least one block is written")
        sets = [DataSet("" if at else address, value) for at, value in enumerate(values)]
        self._command(*[Command(code, (each,), each is sets[-1]) for each in sets])

    def execute(self, address: str, value: str = "", code: str = "E2") -> None:
        """Execute a command, once: `Done`, with what the meter answers.

        When the link is lost, for any reason but `nak`, it may have been executed.
        """
        self._command(Command(code, (DataSet(address, value),)))
        self._hears = self._on_executed
        self._when_silent = self._give_up

    def sign_off(self, battery: bool = False) -> None:
        """Make the meter leave programming mode; a meter on a battery with fast wake-up says that it does (B1).

        What is being asked is given up, whatever becomes of it.
        """
        self._plan, self._is_busy = [], False
        self._begin()
        if battery and self.is_programming:
            self._hears = self._on_signed_off
            self._when_silent = self._ask_anew
            self._ask(Command(BREAK_BATTERY))
        else:
            self._leave()
            self._finish(Done())

    def _command(self, *commands: Command) -> None:
        if not self.is_programming:
            raise ValueError("the meter takes no commands: `program` comes first")
        for command in commands:
            command.encode()
        self._begin()
        self._hears = self._on_acknowledged
        self._when_silent = self._ask_anew
        self._repeats_by_nak = False
        self._ask(*commands)

    def _log_in(self, operand: str) -> None:
        """See `SignOn`."""
        self._read_out = self._gathered
        code, secret = "P1", self._password
        if self._algorithm:
            code, secret = "P2", self._algorithm.result(operand)
        if secret is None:
            self._on_admitted(Ack())
            return
        self._hears = self._on_admitted
        self._when_silent = self._ask_anew
        self._ask(Command(code, (DataSet("", secret),)))

    def _on_admitted(self, message: Frame | str) -> None:
        if isinstance(message, Ack):
            self.is_programming = True
            self._finish(Done(self._read_out))
        elif isinstance(message, Answer):
            self._refuse(message.sets[0].value)

    def _on_data(self, message: Frame | str) -> None:
        """An answer that says it is of another address answers something else."""
        if isinstance(message, Answer):
            address = message.sets[0].address
            if (not self._asked or not address or same_code(address, self._asked)) and self._gather(message):
                self._finish(Done(self._gathered))

    def _on_acknowledged(self, message: Frame | str) -> None:
        """An ACK is for one block; what else a meter says is why it does not do it."""
        if isinstance(message, Ack):
            if self._at + 1 < len(self._questions):
                self._tries_left = self.settings.tries
                self._ask_at(self._at + 1)
            else:
                self._finish(Done())
        elif isinstance(message, Answer):
            self._refuse(message.sets[0].value)

    def _on_executed(self, message: Frame | str) -> None:
        if isinstance(message, (Ack, Answer)):
            self._finish(Done(message.sets if isinstance(message, Answer) else ()))

    def _on_signed_off(self, message: Frame | str) -> None:
        if isinstance(message, Ack):
            self._leaves_with_break = False
            self._leave()
            self._finish(Done())

    def _give_up(self) -> None:
        self._lose(UNKNOWN)
