"""A wire with meters at one end and a port at the other: no I/O and no clock, told what is said and what time it is.

What was due by a time happens at its own times, in order. So whoever looks late hears late, and a meter's own timing
stays right on a machine that is busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.protocols.session import Action, Outcome, Send, SetRate, Wait
from edge.sim.characters import BITS, Character, heard, on_wire, together
from edge.sim.faults import Fault, unharmed

HOST = -1
"""The source of what the port's side says, where it comes back as an echo."""


class Talks(Protocol):
    """A meter: what it says and does next, like a `Session`."""

    def resume(self, data: bytes, now_ms: int) -> Action:
        """Take in what came since the last call, and say what to do now."""


class Talker:
    """A meter at the wire: its own port's rate, and what is on its way to it."""

    def __init__(self, session: Talks, rate_bd: float, bits: int = BITS) -> None:
        """`bits` of each character that it says, with start and stop bits."""
        self.session = session
        self.rate_bd = rate_bd
        self.bits = bits
        self.arrivals: list[Character] = []
        self.due_ms: float | None = 0.0
        self.is_sending = False

    def next_ms(self) -> float | None:
        """When it has to be resumed: when its time is up, or when something comes while it listens."""
        times = [] if self.due_ms is None else [self.due_ms]
        if self.arrivals and not self.is_sending:
            times.append(self.arrivals[0].at_ms)
        return min(times, default=None)

    def take(self, now_ms: float) -> bytes:
        """What has come by now, as its port hears it."""
        came = [one for one in self.arrivals if one.at_ms <= now_ms]
        self.arrivals = self.arrivals[len(came) :]
        return b"".join(heard(one, self.rate_bd) for one in came)


class Bus:
    """The wire."""

    def __init__(
        self,
        talkers: Sequence[Talker],
        now_ms: float,
        *,
        to_meters: Fault = unharmed,
        to_port: Fault = unharmed,
        echo: bool = False,
    ) -> None:
        """All meters hear what the port says, and with `echo` the port does too."""
        self._talkers = talkers
        self._to_meters = to_meters
        self._to_port = to_port
        self._echo = echo
        self._coming: list[Character] = []
        self._port_free_ms = 0.0
        self._now_ms = now_ms

    def say(self, data: bytes, now_ms: float, rate_bd: float | None) -> None:
        """The port has been given bytes to send at its rate; None is that of the first meter."""
        self.advance(now_ms)
        rate = self._talkers[0].rate_bd if rate_bd is None else rate_bd
        said = on_wire(data, rate, max(now_ms, self._port_free_ms), HOST)
        self._port_free_ms = said[-1].at_ms if said else self._port_free_ms
        came = self._to_meters(said)
        for talker in self._talkers:
            talker.arrivals = together(talker.arrivals + came)
        if self._echo:
            self._put(said)

    def advance(self, now_ms: float) -> None:
        """Let the meters do what they have to do by now."""
        while (talker := self._first()) is not None and (talker.next_ms() or 0.0) <= now_ms:
            self._now_ms = max(self._now_ms, talker.next_ms() or 0.0)
            came = b"" if talker.is_sending else talker.take(self._now_ms)
            talker.is_sending = False
            self._obey(talker, talker.session.resume(came, int(self._now_ms)))
        self._now_ms = max(self._now_ms, now_ms)

    def take(self, rate_bd: float | None) -> bytes:
        """What the port has heard by now, at its rate."""
        came = [one for one in self._coming if one.at_ms <= self._now_ms]
        self._coming = self._coming[len(came) :]
        return b"".join(heard(one, rate_bd) for one in came)

    def next_ms(self) -> float | None:
        """When to look again: before that nothing happens by itself."""
        first = self._first()
        times = [self._coming[0].at_ms] if self._coming else []
        if first is not None:
            times.append(first.next_ms() or 0.0)
        return min(times, default=None)

    def _first(self) -> Talker | None:
        waiting = [talker for talker in self._talkers if talker.next_ms() is not None]
        return min(waiting, key=lambda talker: talker.next_ms() or 0.0, default=None)

    def _obey(self, talker: Talker, action: Action) -> None:
        talker.due_ms = self._now_ms
        if isinstance(action, Wait):
            talker.due_ms = None if action.until_ms is None else float(action.until_ms)
        elif isinstance(action, SetRate):
            talker.rate_bd = action.rate_bd
        elif isinstance(action, Send):
            source = self._talkers.index(talker)
            said = on_wire(action.data, talker.rate_bd, self._now_ms, source, talker.bits)
            talker.is_sending = True
            talker.due_ms = said[-1].at_ms if said else self._now_ms
            self._put(said)
        elif isinstance(action, Outcome):
            talker.due_ms = None

    def _put(self, said: list[Character]) -> None:
        self._coming = together(self._coming + self._to_port(said))
