"""The interface of all channels: connections that are made, watched, and made anew until the channel is stopped.

A kind of channel is a `Link`: one connection, and how it is made. All the rest, what is tried again when, what is
counted and how a dead line is noticed, is here, once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from edge.channels.failures import LinkError, as_link_error
from edge.channels.inbox import Ended, Inbox
from edge.channels.intake import Books, Intake, Message, MessageIntake
from edge.channels.lifecycle import Event, Lifecycle, State, Transition
from edge.channels.patience import cancelled, ended
from edge.channels.settings import ChannelSettings
from edge.channels.status import Status
from edge.channels.tally import Tally
from edge.pauses import Draw, Pauses

T = TypeVar("T")
R = TypeVar("R")

BEAT_MS = 1_000
"""A channel that is well beats at least so often, whatever its connection does."""
CLOSE_TIMEOUT_MS = 500
"""How long a connection may take to close, or a library to let itself be cancelled; then it is left alone."""


class Link(Protocol):
    """One connection."""

    async def serve(self) -> None:
        """Hand on what comes until the connection ends; returns or raises then, and can be cancelled."""

    async def close(self) -> None:
        """Let go of everything, at once, whatever state it is in."""


LinkT = TypeVar("LinkT", bound=Link)
IntakeT = TypeVar("IntakeT", bound=Intake[Any])


def monotonic_ms() -> int:
    """The clock of this machine that nobody sets."""
    return time.monotonic_ns() // 1_000_000


def _nobody_listens(transition: Transition) -> None:
    pass


class Channel(Generic[T, LinkT, IntakeT]):
    """`async with channel: async for item in channel: ...`, for one reader, in the event loop that it was made in.

    It is made with `edge.channels.opening.open_channel`.
    """

    def __init__(
        self,
        settings: ChannelSettings,
        connect: Callable[[IntakeT], Awaitable[LinkT]],
        make_intake: Callable[[Books[T], int], IntakeT],
        *,
        monotonic_ms: Callable[[], int] = monotonic_ms,
        draw: Draw = random.uniform,
        on_transition: Callable[[Transition], None] = _nobody_listens,
    ) -> None:
        """`connect` makes a connection that hands what comes to the intake; it raises what it likes when it cannot."""
        self.settings = settings
        self.tally = Tally()
        self.beaten_ms = monotonic_ms()
        """When the channel's own task was last seen working: a watchdog is fed only while this is fresh."""
        self._lifecycle = Lifecycle(
            self.beaten_ms, idle_after_ms=settings.idle_after_ms, silence_max_ms=settings.silence_max_ms
        )
        self._inbox: Inbox[T] = Inbox(settings.buffer_bytes)
        self._books = Books(self._inbox, self.tally, self._lifecycle, monotonic_ms, self._on_data)
        self._connect = connect
        self._make_intake = make_intake
        self._monotonic_ms = monotonic_ms
        self._pauses = Pauses(first_s=settings.backoff_base_ms / 1000, longest_s=settings.backoff_cap_ms / 1000)
        self._draw = draw
        self._failures = 0
        self._on_transition = on_transition
        self._link: LinkT | None = None
        self._intake: IntakeT | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Its name in the gateway's file."""
        return self.settings.name

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._lifecycle.state

    def status(self) -> Status:
        """All there is to show."""
        return Status(
            name=self.name,
            kind=str(self.settings.__struct_config__.tag),
            state=self._lifecycle.state,
            since_ms=self._lifecycle.since_ms,
            cause=self._lifecycle.cause,
            beaten_ms=self.beaten_ms,
            waiting_bytes=self._inbox.waiting_bytes,
            bytes_in=self.tally.bytes_in,
            bytes_out=self.tally.bytes_out,
            items_in=self.tally.items_in,
            connects=self.tally.connects,
            errors=dict(self.tally.errors),
            lost=dict(self.tally.lost),
            history=tuple(self._lifecycle.history),
        )

    def start(self) -> None:
        """Begin to connect; returns at once, and a connection may never come about: look at `state`."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._live(), name=f"channel {self.name}")

    async def stop(self) -> None:
        """End the connection and the channel, within two seconds at worst. What waits can still be read."""
        if self._task is not None:
            await cancelled(self._task, 3 * CLOSE_TIMEOUT_MS)
        self._on(Event.STOP, "stopped")
        self._inbox.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next item, once there is one; giving up the wait loses nothing."""
        try:
            return await self._inbox.get()
        except Ended:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _on(self, event: Event, cause: str = "") -> None:
        transition = self._lifecycle.on(event, self._monotonic_ms(), cause)
        if transition is not None:
            self._on_transition(transition)

    def _on_connected(self) -> None:
        if not self._lifecycle.is_connected:
            self._on(Event.CONNECTED)

    def _on_data(self) -> None:
        self._on_connected()  # a broker may send what it has kept before it answers that it will
        self._on(Event.DATA)

    async def _live(self) -> None:
        while True:
            intake = self._make_intake(self._books, self.tally.connects + 1)
            try:
                await self._one_connection(intake)
            except Exception as error:  # one bad library call must not end a channel
                failure = as_link_error(error)
                self.tally.errors[failure.reason] += 1
                self._on(Event.LOST if self._lifecycle.is_connected else Event.FAILED, str(failure))
            finally:
                intake.close()
            self._failures += 1
            await self._watched(asyncio.sleep(self._pauses.after(self._failures, self._draw)))

    async def _one_connection(self, intake: IntakeT) -> None:
        """From the attempt to the end of the connection; always ends with an error."""
        await self._watched(self._inbox.room())  # nobody reads what came before: more would be lost, or come twice
        items_before = self.tally.items_in
        try:
            link = await self._watched(self._connected(intake))
            self.tally.connects += 1
            self._on_connected()
            await self._watched(link.serve(), intake)
            raise LinkError("closed", "the other end hung up")
        finally:
            if self.tally.items_in > items_before:
                self._failures = 0  # it proved good
            await self._let_go()

    async def _connected(self, intake: IntakeT) -> LinkT:
        async with asyncio.timeout(self.settings.connect_timeout_ms / 1000):
            # It is noted where it is made: when the wait for it is given up just then, it is closed all the same.
            link = self._link = await self._connect(intake)
            self._intake = intake
            return link

    async def _let_go(self) -> None:
        link, self._link, self._intake = self._link, None, None
        if link is None:
            return
        closing = asyncio.get_running_loop().create_task(link.close())
        if not await ended(closing, CLOSE_TIMEOUT_MS) or closing.cancelled() or closing.exception() is not None:
            closing.cancel()
            self.tally.errors["close"] += 1

    async def _watched(self, work: Coroutine[Any, Any, R], intake: IntakeT | None = None) -> R:
        """The result of some work; meanwhile the channel beats, notices silence, and hears when the intake breaks."""
        task = asyncio.get_running_loop().create_task(work)
        waited: set[asyncio.Future[Any]] = {task} if intake is None else {task, intake.broken}
        try:
            while not task.done():
                self._look()
                await asyncio.wait(waited, timeout=self._look_s(), return_when=asyncio.FIRST_COMPLETED)
                if intake is not None and intake.broken.done():
                    intake.broken.result()
            if task.cancelled():  # by itself, for nobody has done it here: it must not end the channel
                raise LinkError("unexpected", "the connection's own task was cancelled")
            return task.result()
        finally:
            if not await cancelled(task, CLOSE_TIMEOUT_MS):
                self.tally.errors["hung"] += 1

    def _look(self) -> None:
        now_ms = self.beaten_ms = self._monotonic_ms()
        if self._inbox.is_full:
            self._lifecycle.excuse(now_ms)
        if self._lifecycle.is_quiet(now_ms):
            self._on(Event.SILENCE)
        if self._lifecycle.is_dead(now_ms):
            raise LinkError("silent", f"nothing came for {self.settings.silence_max_ms} ms")

    def _look_s(self) -> float:
        due_ms = self._lifecycle.look_ms(self._monotonic_ms())
        return (BEAT_MS if due_ms is None else min(max(due_ms, 1), BEAT_MS)) / 1000


MessageChannel = Channel[Message, Link, MessageIntake]
"""A channel of messages; each is acknowledged with `taken`, once it is on stable storage."""
