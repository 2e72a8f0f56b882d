"""What every station's day has: an order at work, a screen, and a thread for what blocks: the office and the disk."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from edge.client.problems import ApiError
from edge.client.shapes import Contract
from edge.desk.desk import Desk, Room
from edge.desk.journal import Journal
from edge.desk.refusal import NoStart
from edge.stations.display import Display, Operator, State
from edge.stations.recorder import Recorder
from sipe.clock import Clock
from sipe.contracts.codec import Reject, decode
from sipe.contracts.events import StationEvent

T = TypeVar("T")
_log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class Tools(NamedTuple):
    """What a station works with."""

    desk: Desk
    journal: Journal
    recorder: Recorder
    operator: Operator
    clock: Clock
    monotonic_ms: Callable[[], int]
    """For how long something took: no clock that can be set says that."""
    home: Path
    """The directory of all that the station keeps."""


class Day(ABC):
    """One station of a gateway; `run` ends only when it is cancelled."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._contract: Contract | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="station")
        self.is_busy = False
        """Whether a unit is in work, which is let come to its end."""

    @abstractmethod
    async def run(self) -> None:
        """Work until cancelled."""

    async def tell(self) -> bool:
        """Tell the office what it has not heard, if it can be told; whether it now knows all."""
        try:
            await self._aside(self._tools.desk.tell)
        except ApiError:
            return False
        return True

    async def renew_lease(self, units: int) -> Room | None:
        """Have a lease for so many units of the order at work, as far as the office can be asked; what there is."""
        if self._contract is None:
            return None
        return await self._aside(self._tools.desk.renew_lease, self._contract.order, units)

    async def untold(self) -> int:
        """How many results the office has not heard."""
        return await self._aside(self._tools.desk.untold)

    async def ask_time(self) -> None:
        """Have the office say what time it is, if it can be asked."""
        await self._aside(self._tools.desk.ask_time)

    def close(self) -> None:
        """Let the thread go; what it is at comes to its end first."""
        self._thread.shutdown()

    async def _order_of(self, line: str) -> Contract:
        """The contract of the order that a scanned line is about; raises `NoStart` when it is about anything else."""
        found = await self._aside(self._tools.desk.look_up, line)
        if found.kind != "order":
            raise NoStart(f"{found.name} is no order, and here only orders are scanned")
        return await self._aside(self._tools.desk.contract, found.name)

    async def _next(self, channel: AsyncIterator[T]) -> T | None:
        """What comes over a channel next; nothing after a second without a word."""
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                return await anext(channel)
        except TimeoutError:
            return None
        except StopAsyncIteration:  # the channel was stopped, and so will the station be
            await asyncio.Event().wait()
            raise

    def _keep_said(self, lines: list[bytes]) -> None:
        """Give the spool events that a journal has; those that it knows are left out."""
        read = [decode(line) for line in lines]
        self._tools.recorder.keep([event for event in read if isinstance(event, StationEvent)])
        for reject in (one for one in read if isinstance(one, Reject)):  # of a journal that somebody has changed
            _log.error("an event of the journal is none: %s", reject.detail)

    def _show(self, state: State, text: str, *, serial: str | None = None, then: str = "") -> None:
        order = self._contract.order if self._contract else None
        self._tools.operator.show(Display(state=state, text=text, order=order, serial=serial, then=then))

    async def _aside(self, work: Callable[..., T], *args: Any) -> T:
        """Do what blocks in the station's own thread: one thing at a time, while the other stations go on."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
