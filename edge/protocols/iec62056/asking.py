"""How a client asks, asks again, and gives up.

A NAK, a broken answer and silence are problems of the line: the question is asked again, and in the end the link is
lost. The text of an error, and a break, are the meter's answer: it is refused.

A NAK makes the meter repeat what it said last. While it is signed on to that is the answer. To a command it may be the
answer to the one before, when what came broken was noise or an echo and the command was never heard: so a command is
given again instead, once the line is silent.
"""

from __future__ import annotations

from edge.protocols.iec62056.blocks import BREAK, Answer, Command, Readout
from edge.protocols.iec62056.characters import SIGN_ON_BD
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import Ack, Message, Nak
from edge.protocols.iec62056.side import Line, Side
from edge.protocols.records import Frame
from edge.protocols.session import BABBLE, BROKEN, SILENT, LinkLost, Outcome, Pause, Refused

NO_WAKE_UP, WAKE_UP, FAST_WAKE_UP = "none", "normal", "fast"
"""How a meter on a battery is woken (annex B)."""
NAK = "nak"
"""Why a link is lost, beside `silent`, `broken` and `babble`: the meter did not understand."""


class Settings:
    """What a client keeps to."""

    def __init__(
        self,
        *,
        address: str = "",
        wake_up: str = NO_WAKE_UP,
        tries: int = 3,
        answer_ms: int = 2_000,
        push_ms: int = 60_000,
        inactivity_ms: int = 60_000,
    ) -> None:
        """The address, how to wake the meter, the tries of each message, and times.

        `answer_ms` is before an answer and between its characters: a meter may take 1500 (t_r, t_a), and the computer
        takes its own time. `push_ms` is between telegrams of mode D. After `inactivity_ms`, 60 to 120 s, a meter leaves
        programming mode.
        """
        self.address = address
        self.wake_up = wake_up
        self.tries = tries
        self.answer_ms = answer_ms
        self.push_ms = push_ms
        self.inactivity_ms = inactivity_ms


class Asking(Side):
    """A side that asks one question at a time, of one message or of several partial blocks."""

    def __init__(self, settings: Settings | None = None, line: Line | None = None) -> None:
        super().__init__(line or Line())
        self.settings = settings or Settings()
        self.is_programming = False
        """Whether the meter takes commands, as far as is known."""
        self._decoder.takes_options = False
        self._is_busy = False
        self._leaves_with_break = False
        self._questions: list[Message] = []
        self._at = 0
        self._hears = self._idle
        self._when_silent = self._ask_anew
        self._repeats_by_nak = True
        self._came_broken = False
        self._tries_left = 0
        self._answer_may_be_late = False
        self._gathered: tuple[DataSet, ...] = ()
        self._gathered_bytes = 0

    def _begin(self) -> None:
        if self._is_busy:
            raise ValueError("the client is busy: one thing is asked of it at a time, until it is done")
        self._is_busy = True
        self._inbox = []
        self._tries_left = self.settings.tries
        self._came_broken = False

    def _ask(self, *questions: Message) -> None:
        """Ask; `_hears` knows what is an answer, and `_when_silent` what to do without one."""
        self._questions = list(questions)
        if self._answer_may_be_late:  # and would be taken for the answer to this
            self._answer_may_be_late = False
            self._plan.append(Pause(self.settings.answer_ms))
        self._ask_at(0)
        self._on = self._on_answer
        self._expect(self.settings.answer_ms)

    def _ask_at(self, at: int) -> None:
        self._at = at
        self._gathered = ()
        self._gathered_bytes = 0
        self._say(self._questions[at])

    def _on_answer(self, message: Frame | str) -> None:
        if message == BABBLE:
            self._lose(BABBLE)
        elif message == SILENT:
            reason, self._came_broken = BROKEN if self._came_broken else SILENT, False
            if self._has_another_try(reason):
                self._when_silent()
        elif message == BROKEN and not self._repeats_by_nak:
            self._came_broken = True
        elif message == BROKEN:
            if self._has_another_try(BROKEN):
                self._say(Nak())
        elif isinstance(message, Nak):
            if self._has_another_try(NAK):
                self._ask_at(self._at)
        elif isinstance(message, Command) and message.code == BREAK:
            self.is_programming = self._leaves_with_break = False
            self._refuse("break")
        elif isinstance(message, Answer) and message.error:
            self._refuse(message.error)
        else:
            self._hears(message)

    def _has_another_try(self, reason: str) -> bool:
        self._tries_left -= 1
        if self._tries_left <= 0:
            self._lose(reason)
        return self._tries_left > 0

    def _ask_anew(self) -> None:
        """Ask all again: nobody knows which block it was that the meter did not hear."""
        self._answer_may_be_late = True
        self._ask_at(0)

    def _gather(self, message: Readout | Answer) -> bool:
        """Keep the data; whether that was all. Else it was a partial block, and the next is asked for."""
        self._gathered += message.sets
        self._gathered_bytes += message.size_bytes
        if self._gathered_bytes > self._heard_max_bytes:
            self._lose(BABBLE)
            return False
        if isinstance(message, Answer) and not message.last:
            self._tries_left = self.settings.tries
            self._say(Ack())
            return False
        return True

    def _refuse(self, text: str) -> None:
        if not self.is_programming:
            self._leave()
        self._finish(Refused(text))

    def _lose(self, reason: str) -> None:
        self._plan = []
        self._leave()
        self._finish(LinkLost(reason))

    def _leave(self) -> None:
        """Make the meter leave programming mode, if it may be in it, and go back to where both begin."""
        if self._leaves_with_break:
            self._say(Command(BREAK))
        self.is_programming = self._leaves_with_break = False
        self._switch(SIGN_ON_BD)

    def _finish(self, outcome: Outcome) -> None:
        """See `Session`."""
        super()._finish(outcome)
        self._is_busy = False
