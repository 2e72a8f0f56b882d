"""A session of a protocol, run over a channel: what it says is done, and it is told what comes and when.

Nothing that came before something was sent is taken for an answer to it, be it from the unit before. A connection that
was made anew is another line, set as its settings say and with bytes missing: the conversation does not go on over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.channels.byte_channel import ByteChannel
from edge.channels.failures import ChannelDown
from edge.channels.settings import Line
from edge.protocols.session import Outcome, Part, Send, Session, SetRate, Wait


class LineBroke(Exception):
    """The channel has no connection, or another one than before; the text says which channel and why."""


class TookTooLong(Exception):
    """What was asked has no outcome, and its time is up."""


class Conversation:
    """One end of one connection."""

    def __init__(
        self, session: Session, channel: ByteChannel, monotonic_ms: Callable[[], int], line: Line | None, limit_ms: int
    ) -> None:
        """`line` is set at each rate that the session wants; None is a line that stays as it is.

        `limit_ms` is for each thing that is asked of the session. `monotonic_ms` is the clock of the channel.
        """
        self.parts: list[Part] = []
        """What the session has given in pieces since it was last asked for something."""
        self._session = session
        self._channel = channel
        self._monotonic_ms = monotonic_ms
        self._line = line
        self._limit_ms = limit_ms
        self._connection = channel.tally.connects
        self._sent_ms = monotonic_ms()

    async def outcome(self) -> Outcome:
        """What becomes of what was asked of the session; raises `LineBroke` and `TookTooLong`."""
        self.parts = []
        until_ms = self._monotonic_ms() + self._limit_ms
        heard = b""
        while True:
            action = self._session.resume(heard, self._monotonic_ms())
            heard = b""
            if isinstance(action, Outcome):
                return action
            if self._monotonic_ms() >= until_ms:
                raise TookTooLong
            self._check_connection(self._channel.tally.connects)
            if isinstance(action, Wait):
                heard = await self._heard(until_ms if action.until_ms is None else min(action.until_ms, until_ms))
            elif isinstance(action, Part):
                self.parts.append(action)
            else:
                await self._do(action)

    async def _do(self, action: object) -> None:
        try:
            if isinstance(action, Send):
                self._sent_ms = self._monotonic_ms()
                await self._channel.write(action.data)
                await self._channel.drain()
            elif isinstance(action, SetRate) and self._line is not None:
                line = Line(rate_bd=action.rate_bd, bits=self._line.bits, parity=self._line.parity)
                await self._channel.set_line(line)
        except ChannelDown as error:
            raise LineBroke(str(error)) from error

    async def _heard(self, until_ms: int) -> bytes:
        """What comes next; nothing when nothing does until then."""
        while True:
            try:
                async with asyncio.timeout(max(0, until_ms - self._monotonic_ms()) / 1000):
                    chunk = await anext(self._channel)
            except TimeoutError:
                return b""
            except StopAsyncIteration:
                raise LineBroke(f"channel {self._channel.name} was stopped") from None
            if chunk.at_ms >= self._sent_ms:
                self._check_connection(chunk.connection)
                return chunk.data

    def _check_connection(self, connection: int) -> None:
        if connection != self._connection:
            raise LineBroke(f"channel {self._channel.name} was connected anew")
