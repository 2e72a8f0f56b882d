"""The end that asks: waits for two ENQ, sends its command, takes the responses and acknowledges each.

reader.read("14")   resume it until it is `Done`, with the response
reader.read("26")   a composite command: each response is a `Part`, and `Done` comes behind the last
"""

from __future__ import annotations

from edge.protocols.nbr14522.exchange import (
    ANSWER_MS,
    NAKS_MAX,
    SENDS_MAX,
    WAITS_MAX,
    WITHOUT_WAIT_MS,
    Exchange,
)
from edge.protocols.nbr14522.frames import (
    ACK,
    COMPOSITE,
    ENQ,
    NAK,
    NOT_IMPLEMENTED,
    OCCURRENCE,
    RESETS_DEMAND,
    RESPONSE_BYTES,
    WAIT,
    Command,
    Response,
    Signal,
    response_of,
)
from edge.protocols.records import Frame
from edge.protocols.session import BABBLE, BROKEN, SILENT, Done, LinkLost, Outcome, Part, Refused

NO_ENQ, WAITS = "no_enq", "waits"
"""Why a link is lost, beside `silent`, `nak`, `broken` and `babble`: no meter is there; it puts the answer off."""


class Reader(Exchange):
    """One reader of one meter; one thing is asked of it at a time."""

    BLOCK_BYTES = RESPONSE_BYTES

    def __init__(self, serial: str = "000000", enq_ms: int = 5_000) -> None:
        """The reader's own serial number, six digits, and how long to wait for a meter, which sends ENQ while idle."""
        super().__init__()
        self._serial = serial
        self._enq_ms = enq_ms
        self._command = Command("14", serial)
        self._is_busy = False
        self._has_parts = False
        self._signal: Signal | None = None
        self._silences = self._naks = self._broken = self._waits = 0

    def read(self, code: str, parameters: bytes = b"", resets_demand: bool = False) -> None:
        """Send a command that reads. `Refused` has the response's code: 39 is not implemented, 40 an occurrence.

        The parameters begin at the command's fifth byte; those of 20, 21, 22 and 51 name the channels in the second.
        Raises `ValueError` for what is not known to read, and for 20 unless the meter's demand is to be reset.
        """
        if code == RESETS_DEMAND and not resets_demand:
            raise ValueError("command 20 ends the meter's billing period: say resets_demand=True when it has to")
        command = Command(code, self._serial, parameters)
        command.encode()
        if self._is_busy:
            raise ValueError("the reader is busy: one thing is asked of it at a time, until it is done")
        self._is_busy = True
        self._command = command
        self._inbox = []
        self._forget()
        self._has_parts = False
        self._signal = None
        self._silences = self._naks = self._broken = self._waits = 0
        self._on = self._on_first_enq
        self._expect(self._enq_ms)
        self._counts_anew = True

    def _block(self, block: bytes) -> Frame | None:
        """See `Exchange`."""
        return response_of(block)

    def _on_first_enq(self, message: Frame | str) -> None:
        if message in (SILENT, BABBLE):
            self._lose(NO_ENQ)
        elif isinstance(message, Signal) and message.name == ENQ:
            self._on = self._on_second_enq
            self._expect(ANSWER_MS)

    def _on_second_enq(self, message: Frame | str) -> None:
        if isinstance(message, Signal) and message.name == ENQ:
            self._ask()
        else:
            self._on = self._on_first_enq
            self._expect(self._enq_ms)

    def _ask(self) -> None:
        self._signal = None
        self._say(self._command)
        self._on = self._on_response
        self._expect(ANSWER_MS)

    def _on_response(self, message: Frame | str) -> None:
        if message == SILENT and not self._has_parts:
            self._silences += 1
            self._again(SILENT, self._silences >= SENDS_MAX, self._command)
        elif message in (SILENT, BABBLE):
            self._lose(str(message))
        elif message == BROKEN:
            self._broken += 1
            self._signal = Signal(NAK)
            self._again(BROKEN, self._broken >= NAKS_MAX, self._signal)
        elif isinstance(message, Response):
            self._take(message)
        elif isinstance(message, Signal) and message.name == NAK:
            self._naks += 1
            self._again(NAK, self._naks >= NAKS_MAX or self._has_parts, self._command)
        elif isinstance(message, Signal) and message.name == WAIT:
            self._put_off()
        elif isinstance(message, Signal) and message.name == ENQ:
            self._asked_again()

    def _again(self, reason: str, was_last: bool, frame: Command | Signal) -> None:
        if was_last:
            self._lose(reason)
        else:
            self._say(frame)

    def _asked_again(self) -> None:
        """A meter that says that it is there has not heard what was said; its ENQs are no answer, and no silence."""
        if self._signal:
            self._say(self._signal)
            return
        self._silences += 1
        self._again(SILENT, self._silences >= SENDS_MAX, self._command)

    def _put_off(self) -> None:
        self._waits += 1
        if self._waits > WAITS_MAX:
            self._lose(WAITS)
            return
        self._on = self._on_put_off
        self._expect(WITHOUT_WAIT_MS)

    def _on_put_off(self, message: Frame | str) -> None:
        """An ENQ calls for the command again; else the answer comes, or another WAIT."""
        if message in (SILENT, BABBLE):
            self._lose(WAITS)
        elif isinstance(message, Signal) and message.name == ENQ and not self._has_parts:
            self._ask()
        else:
            self._expect(ANSWER_MS)
            self._on = self._on_response
            self._on(message)

    def _take(self, response: Response) -> None:
        """One of another code answers what somebody else asked."""
        if response.code in (NOT_IMPLEMENTED, OCCURRENCE):
            self._say(Signal(ACK))
            self._finish(Refused(response.code))
        elif response.code == self._command.code:
            self._signal = Signal(ACK)
            self._say(self._signal)
            if response.code not in COMPOSITE:
                self._finish(Done((response,)))
                return
            self._plan.append(Part(response))
            self._has_parts = True
            self._silences = self._naks = self._broken = self._waits = 0
            if response.is_last:
                self._finish(Done())

    def _lose(self, reason: str) -> None:
        self._plan = []
        self._finish(LinkLost(reason))

    def _finish(self, outcome: Outcome) -> None:
        """See `Session`."""
        super()._finish(outcome)
        self._is_busy = False
