"""What client and meter have in common: messages over one line, and what is remembered to be said again."""

from __future__ import annotations

from edge.protocols.iec62056.characters import SIGN_ON_BD, SOFTWARE, sent
from edge.protocols.iec62056.decoder import SIZE_MAX_BYTES, Iec62056Decoder
from edge.protocols.iec62056.messages import Ack, Message
from edge.protocols.records import Frame
from edge.protocols.session import BROKEN, Pause, Send, Session, SetRate

GAP_MS = 1_500
"""No two characters of a message are further apart (t_a)."""


class Line:
    """How one talks over the line."""

    def __init__(
        self,
        *,
        parity: str = SOFTWARE,
        echo: bool = False,
        rate_max_bd: int = 19_200,
        size_max_bytes: int = SIZE_MAX_BYTES,
    ) -> None:
        """Who makes the parity, whether the line gives back what is sent, its highest rate, and the longest message."""
        self.parity = parity
        self.echo = echo
        self.rate_max_bd = rate_max_bd
        self.size_max_bytes = size_max_bytes


class Side(Session):
    """One side of the line."""

    def __init__(self, line: Line) -> None:
        super().__init__(GAP_MS, line.echo, 4 * line.size_max_bytes)
        self._decoder = Iec62056Decoder(line.parity, line.size_max_bytes)
        self._parity = line.parity
        self._reaction_ms = 200
        self._rate_bd = SIGN_ON_BD
        self._said: Message = Ack()

    def _messages(self, data: bytes) -> list[Frame | str]:
        """See `Session`."""
        broken = self._decoder.broken
        messages: list[Frame | str] = [found for found in self._decoder.feed(data) if isinstance(found, Message)]
        if self._decoder.broken != broken:
            messages.append(BROKEN)
        return messages

    def _is_within_message(self) -> bool:
        """See `Session`."""
        return self._decoder.is_within_message

    def _forget(self) -> list[Frame | str]:
        """See `Session`."""
        return [found for found in self._decoder.end() if isinstance(found, Message)]

    def _say(self, message: Message) -> None:
        """Send a message, the reaction time after what was heard; it is what is repeated when it was not understood."""
        self._said = message
        self._send(message)

    def _send(self, message: Message) -> None:
        self._plan += [Pause(self._reaction_ms), Send(sent(message.encode(), self._parity))]

    def _switch(self, rate_bd: int) -> None:
        if rate_bd != self._rate_bd:
            self._rate_bd = rate_bd
            self._plan.append(SetRate(rate_bd))
