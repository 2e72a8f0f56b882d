"""Two sessions on one line, in virtual time: bytes take as long as the rate says, and are cut, changed or lost.

A byte that is sent at one rate and heard at another comes as one that no character of seven bits with even parity is.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from edge.protocols.session import Action, Outcome, Part, Send, Session, SetRate, Wait

GARBLED = 0x80
BITS_PER_CHARACTER = 10
LIMIT_MS = 3_600_000

Damage = Callable[[bytes], bytes]


def unharmed(data: bytes) -> bytes:
    return data


class End:
    """A session, the rate of its port, and what is on its way to it."""

    def __init__(self, session: Session, rate_bd: int) -> None:
        self.session = session
        self.rate_bd = rate_bd
        self.arrivals: list[tuple[float, int, bytes]] = []
        self.due_ms: float | None = 0.0
        self.is_sending = False
        self.sent: list[bytes] = []
        self.rates_bd: list[int] = []
        self.parts: list[Part] = []
        self.outcome: Outcome | None = None

    def next_ms(self) -> float | None:
        """When it has to be resumed: when its time is up, or when something comes while it listens."""
        times = [] if self.due_ms is None else [self.due_ms]
        if self.arrivals and not self.is_sending:
            times.append(self.arrivals[0][0])
        return min(times, default=None)

    def heard(self, now_ms: float) -> bytes:
        """What has come by now, as this port hears it; later pieces wait for the next time."""
        came = b""
        while self.arrivals and self.arrivals[0][0] <= now_ms:
            _, rate_bd, data = self.arrivals.pop(0)
            came += data if rate_bd == self.rate_bd else bytes([GARBLED] * len(data))
        return came


class TwoSessions:
    """The one that asks and the one that answers."""

    def __init__(
        self,
        asking: Session,
        answering: Session,
        *,
        seed: int = 0,
        longest_piece: int = 16,
        rate_bd: int = 300,
        echo: bool = False,
        to_answering: Damage = unharmed,
        to_asking: Damage = unharmed,
    ) -> None:
        self.asking = End(asking, rate_bd)
        self.answering = End(answering, rate_bd)
        self.now_ms = 0.0
        self._random = Random(seed)
        self._longest_piece = longest_piece
        self._echo = echo
        self._damage = {id(self.asking): to_answering, id(self.answering): to_asking}

    def run(self) -> Outcome:
        """Until what was asked has an outcome."""
        self.asking.due_ms = self.now_ms
        self.asking.outcome = None
        end_ms = self.now_ms + LIMIT_MS
        while self.asking.outcome is None:
            assert self._step(end_ms), "nothing came of it in an hour"
        return self.asking.outcome

    def rest(self, duration_ms: float) -> None:
        """Let time pass in which nothing is asked."""
        self.asking.due_ms = None
        self.asking.is_sending = True  # nobody listens either
        end_ms = self.now_ms + duration_ms
        while self._step(end_ms):
            pass
        self.asking.is_sending = False
        self.asking.heard(end_ms)
        self.now_ms = end_ms

    def _step(self, end_ms: float) -> bool:
        ends = [end for end in (self.answering, self.asking) if (at := end.next_ms()) is not None and at <= end_ms]
        if not ends:
            return False
        end = min(ends, key=lambda end: end.next_ms() or 0.0)
        self.now_ms = max(self.now_ms, end.next_ms() or 0.0)
        data = b"" if end.is_sending else end.heard(self.now_ms)
        end.is_sending = False
        self._obey(end, end.session.resume(data, int(self.now_ms)))
        return True

    def _obey(self, end: End, action: Action) -> None:
        end.due_ms = self.now_ms
        if isinstance(action, Wait):
            end.due_ms = None if action.until_ms is None else float(action.until_ms)
        elif isinstance(action, Send):
            end.sent.append(action.data)
            end.is_sending = True
            end.due_ms = self._put_on_the_line(end, action.data)
        elif isinstance(action, SetRate):
            end.rate_bd = action.rate_bd
            end.rates_bd.append(action.rate_bd)
        elif isinstance(action, Part):
            end.parts.append(action)
        elif isinstance(action, Outcome):
            end.outcome = action
            end.due_ms = None
        else:
            raise AssertionError(action)

    def _put_on_the_line(self, end: End, data: bytes) -> float:
        """Send; when the last character is out."""
        character_ms = BITS_PER_CHARACTER * 1000 / end.rate_bd
        if self._echo:
            end.arrivals.append((self.now_ms + len(data) * character_ms, end.rate_bd, data))
        other = self.asking if end is self.answering else self.answering
        rest, at_ms = self._damage[id(end)](data), self.now_ms
        while rest:
            size = self._random.randint(1, self._longest_piece)
            at_ms += min(size, len(rest)) * character_ms
            other.arrivals.append((at_ms, end.rate_bd, rest[:size]))
            rest = rest[size:]
        return self.now_ms + len(data) * character_ms
