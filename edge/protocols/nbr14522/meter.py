"""The end that answers, for simulators and tests: what it holds is the data of each command's responses."""

from __future__ import annotations

from edge.protocols.nbr14522.exchange import ANSWER_MS, NAKS_MAX, SENDS_MAX, Exchange
from edge.protocols.nbr14522.frames import (
    ACK,
    COMMAND_BYTES,
    COMPOSITE,
    ENQ,
    LAST,
    NAK,
    NOT_IMPLEMENTED,
    WAIT,
    Command,
    Response,
    Signal,
    command_of,
)
from edge.protocols.records import Frame
from edge.protocols.session import BROKEN, SILENT

ENQ_MS = 250
"""How often it says that it is there: 20 to 500 ms."""


class Meter(Exchange):
    """A meter; it answers for as long as it is resumed."""

    BLOCK_BYTES = COMMAND_BYTES

    def __init__(self, serial: str, responses: dict[str, list[bytes]], waits: int = 0) -> None:
        """Its serial number, eight digits; what it answers to each code, once or several times 1 to 251 bytes.

        It says WAIT so many times before it answers.
        """
        super().__init__()
        self._serial = serial
        self._responses = responses
        self._waits = waits
        self._waits_left = waits
        self._left: list[Response] = []
        self._said = Response(NOT_IMPLEMENTED, serial, b"")
        self._broken = self._silences = self._naks = 0
        self._listen()

    def _block(self, block: bytes) -> Frame | None:
        """See `Exchange`."""
        return command_of(block)

    def _listen(self) -> None:
        self._on = self._on_command
        self._broken = 0
        self._expect(ENQ_MS)

    def _on_command(self, message: Frame | str) -> None:
        if message == SILENT:
            self._say(Signal(ENQ))
        elif message == BROKEN:
            self._broken += 1
            if self._broken <= NAKS_MAX:
                self._say(Signal(NAK))
        elif isinstance(message, Command) and self._waits_left:
            self._waits_left -= 1
            self._say(Signal(WAIT))
        elif isinstance(message, Command):
            self._waits_left = self._waits
            self._left = self._answers(message.code)
            self._answer()

    def _answers(self, code: str) -> list[Response]:
        """The responses to a command; of a composite one the last says that it is."""
        answers = self._responses.get(code)
        if not answers:
            return [Response(NOT_IMPLEMENTED, self._serial, b"")]
        if code not in COMPOSITE:
            return [Response(code, self._serial, answers[0])]
        last = len(answers) - 1
        return [
            Response(code, self._serial, bytes([data[0] & ~LAST | (LAST if at == last else 0)]) + data[1:])
            for at, data in enumerate(answers)
        ]

    def _answer(self) -> None:
        """The next response; behind the last it listens again."""
        if not self._left:
            self._listen()
            return
        self._said = self._left.pop(0)
        self._silences = self._naks = 0
        self._say(self._said)
        self._on = self._on_acknowledgement
        self._expect(ANSWER_MS)

    def _on_acknowledgement(self, message: Frame | str) -> None:
        name = message.name if isinstance(message, Signal) else message
        if name == ACK:
            self._answer()
        elif name == NAK and self._naks < NAKS_MAX:
            self._naks += 1
            self._say(self._said)
        elif name == SILENT and self._silences < SENDS_MAX:
            self._silences += 1
            self._say(Signal(ENQ))
        else:
            self._listen()
