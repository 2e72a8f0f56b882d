"""One end of a line, without the line and without a clock: told what came and when, it says what to do.

    action = session.resume(b"", now_ms)
    Send      write the data, and come back when the last character has left the wire
    SetRate   set the line to that rate, and come back
    Wait      come back with what comes, or with nothing when it is `until_ms`
    Part      take it, and come back: more follows
    Done, Refused, LinkLost   how it ended

Whoever drives a session does what it says and comes back with `resume`, with what came meanwhile and the time; nothing
else. It makes no difference into which pieces the bytes were cut. The time is a number of milliseconds that only grows.
"""

from __future__ import annotations

from edge.protocols.records import Frame, Record


class Action(Record):
    """What is to be done next."""


class Send(Action):
    """Write these bytes and drain: the session goes on when the last of them has left the wire."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Send({len(self.data)} bytes)"  # there are passwords among them


class SetRate(Action):
    """Set the line to this rate; all that was sent has left the wire."""

    FIELDS = ("rate_bd",)

    def __init__(self, rate_bd: int) -> None:
        self.rate_bd = rate_bd


class Wait(Action):
    """Come back with what comes, or with nothing when it is this late; None is for ever."""

    FIELDS = ("until_ms",)

    def __init__(self, until_ms: int | None) -> None:
        self.until_ms = until_ms


class Part(Action):
    """A piece of what was asked for, of which there may be more than memory holds."""

    FIELDS = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame


class Outcome(Action):
    """How it ended; until something new is asked of the session it has nothing more to do."""


class Done(Outcome):
    """It was done; what was read, if anything."""

    FIELDS = ("data",)

    def __init__(self, data: tuple[Record, ...] = ()) -> None:
        self.data = data


class Refused(Outcome):
    """The other side understood and says no: it is the product's fault or the order's, and to ask again is no use."""

    FIELDS = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class LinkLost(Outcome):
    """Nothing is known of the other side: a problem of the line or of the timing, and all tries are used up."""

    FIELDS = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Pause(Action):
    """Within a session: the line has to be silent for so long before the next action. It is told as a `Wait`."""

    FIELDS = ("pause_ms",)

    def __init__(self, pause_ms: int) -> None:
        self.pause_ms = pause_ms
        self.latest_ms: int | None = None


SILENT, BABBLE, BROKEN = "silent", "babble", "broken"
"""What a session hears beside messages: nothing, for too long; more than any answer has; one whole but wrong."""

PAUSE_MAX_MS = 120_000
"""On a line that is never silent a pause ends all the same."""
HEARD_MAX_BYTES = 65_536
_INBOX_MAX = 64


class Session:
    """What both ends share: the actions still to be done, the messages that nobody has looked at, and the silence.

    One of them says in `_messages` what bytes are, and in `_on`, which is its state, what to do with each: it plans
    actions, and says what comes next. Noise ends no silence: only what is a message, or the beginning of one.
    """

    def __init__(self, gap_ms: int, echo: bool = False, heard_max_bytes: int = HEARD_MAX_BYTES) -> None:
        """No two characters of a message are `gap_ms` apart, and no answer has more than `heard_max_bytes`.

        With `echo` the line gives back what is sent, as optical heads do, and that is taken away.
        """
        self._plan: list[Action] = []
        self._inbox: list[Frame | str] = []
        self._on = self._idle
        self._patience_ms: int | None = None
        self._gap_ms = gap_ms
        self._heard_ms = 0
        self._since_ms = 0
        self._counts_anew = False
        self._echo = echo
        self._echo_expected = b""
        self._echo_came = 0
        self._heard_bytes = 0
        self._heard_max_bytes = heard_max_bytes

    def resume(self, data: bytes, now_ms: int) -> Action:
        """Take in what came since the last call, and say what to do now."""
        if self._counts_anew:
            self._counts_anew = False
            self._heard_ms = self._since_ms = now_ms
        if data:
            self._hear(self._without_echo(data), now_ms)
        while True:
            action = self._next(now_ms)
            if action is not None:
                return action
            if self._inbox:
                self._on(self._inbox.pop(0))
            elif self._is_within_message() and now_ms - self._heard_ms >= self._gap_ms:
                self._inbox = self._forget()
            elif self._patience_ms is not None and now_ms - self._since_ms >= self._patience_ms:
                self._since_ms = now_ms
                self._on(SILENT)
            else:
                return self._wait()

    def _messages(self, data: bytes) -> list[Frame | str]:
        """What the bytes are, with what was kept of those before."""
        raise NotImplementedError

    def _is_within_message(self) -> bool:
        """Whether something was kept that may yet be a message."""
        raise NotImplementedError

    def _forget(self) -> list[Frame | str]:
        """Forget that; the messages that were hidden in it."""
        raise NotImplementedError

    def _idle(self, message: Frame | str) -> None:
        """Nothing was asked for: what comes says nothing."""

    def _expect(self, patience_ms: int | None) -> None:
        """How long the line may be silent before the state hears `SILENT`; None is for ever."""
        self._patience_ms = patience_ms

    def _finish(self, outcome: Outcome) -> None:
        self._plan.append(outcome)
        self._on = self._idle
        self._expect(None)

    def _wait(self) -> Wait:
        times = []
        if self._is_within_message():
            times.append(self._heard_ms + self._gap_ms)
        if self._patience_ms is not None:
            times.append(self._since_ms + self._patience_ms)
        return Wait(min(times) if times else None)

    def _next(self, now_ms: int) -> Action | None:
        """The next planned action, once the pause before it is over."""
        while self._plan:
            action = self._plan[0]
            if isinstance(action, Pause):
                if action.latest_ms is None:
                    action.latest_ms = now_ms + max(PAUSE_MAX_MS, action.pause_ms)
                over_ms = min(self._heard_ms + action.pause_ms, action.latest_ms)
                if now_ms < over_ms:
                    return Wait(over_ms)
            self._plan.pop(0)
            if isinstance(action, Send):
                self._begin_to_send(action.data)
            self._counts_anew = isinstance(action, (Send, SetRate))
            if not isinstance(action, Pause):
                return action
        return None

    def _begin_to_send(self, data: bytes) -> None:
        """What was heard before cannot answer what is said now."""
        self._forget()
        self._inbox = []
        self._heard_bytes = 0
        self._echo_expected = data if self._echo else b""
        self._echo_came = 0

    def _hear(self, data: bytes, now_ms: int) -> None:
        hidden = self._forget() if now_ms - self._heard_ms >= self._gap_ms else []
        messages = hidden + self._messages(data)
        self._inbox = (self._inbox + messages)[-_INBOX_MAX:]
        self._heard_ms = now_ms
        if messages or self._is_within_message():
            self._since_ms = now_ms
        self._heard_bytes += len(data)
        if self._heard_bytes > self._heard_max_bytes:
            self._heard_bytes = 0
            self._inbox = [BABBLE]

    def _without_echo(self, data: bytes) -> bytes:
        """The bytes behind the echo; with the first that differs it is none, and gives back what was taken for it."""
        at = 0
        while at < len(data) and self._echo_came < len(self._echo_expected):
            if data[at] != self._echo_expected[self._echo_came]:
                data = self._echo_expected[: self._echo_came] + data[at:]
                self._echo_expected = b""
                return data
            at += 1
            self._echo_came += 1
        return data[at:]
